/* SPDX-License-Identifier: MIT */
/* pid_file.h -- a file that proves which process wrote it.
 *
 *     "PID START PORT\n"
 *
 * START is when the process began, in the kernel's ticks since it booted (/proc/PID/stat, field 22):
 * pid and start together never come again. The process holds a lock on the file as long as it
 * lives, so two cannot be the same one, and a file without a lock is nobody's any more.
 */
#ifndef DECREE_CMD_PID_FILE_H
#define DECREE_CMD_PID_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pid_file {
    int descriptor; /* holds the lock */
    const char *path;
};

/* Makes the file this process' own; path is borrowed until pid_file_drop(). 0; -EWOULDBLOCK: another
 * process has it, see pid_file_read(); or another negative errno. */
int pid_file_take(struct pid_file *file, const char *path);

/* Writes who this is, and where it listens. 0 or a negative errno. */
int pid_file_write(struct pid_file *file, uint16_t port);

/* Removes it. */
void pid_file_drop(struct pid_file *file);

struct pid_claim {
    pid_t pid;
    uint64_t start;
    uint16_t port;
};

/* False: there is no such file, or it is none of these. */
bool pid_file_read(const char *path, struct pid_claim *ret_claim);

enum pid_verdict {
    PID_OURS = 1, /* it lives, and wrote the file */
    PID_GONE,    /* nobody holds the lock, so who wrote the file is gone, whoever has the pid now */
    PID_DOUBTFUL /* the file is another user's, or who holds the lock is not who it names */
};

/* Who the claim is about: the process must have begun when it says, run a program named decree, and
 * the lock must be held on a file that is this user's. Then ret_descriptor is a pidfd for signals,
 * to be closed, which can reach nobody else. */
enum pid_verdict pid_file_judge(const char *path, const struct pid_claim *claim,
                                int *ret_descriptor);

#endif
