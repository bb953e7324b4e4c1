/* SPDX-License-Identifier: MIT */
/* gated_fs.h -- the fake disk for several threads, with a gate before every sync that a test can
 * shut. */
#ifndef DECREE_TESTS_STORE_GATED_FS_H
#define DECREE_TESTS_STORE_GATED_FS_H

#include <pthread.h>

#include "fake_disk.h"

struct gated_fs {
    struct fs fs;
    struct fake_disk *disk; /* touch it under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* something was done, or the gate moved */
    bool shut;
    int waiting; /* threads before the gate */
};

void gated_fs_init(struct gated_fs *gated, struct fake_disk *disk);
void gated_fs_release(struct gated_fs *gated);

void gated_fs_shut(struct gated_fs *gated);
void gated_fs_open(struct gated_fs *gated);

/* Returns once a thread stands before the shut gate. */
void gated_fs_wait(struct gated_fs *gated);

#endif
