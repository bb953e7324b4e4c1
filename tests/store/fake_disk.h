/* SPDX-License-Identifier: MIT */
/* fake_disk.h -- a small disk in memory for the tests of the journal, with everything that can go
 * wrong.
 *
 * Each file has what the program sees and what would be there after a crash; each name likewise.
 * Operations are counted, so that a test can fail the n-th one.
 */
#ifndef DECREE_TESTS_STORE_FAKE_DISK_H
#define DECREE_TESTS_STORE_FAKE_DISK_H

#include "fs.h"
#include "prng.h"

#define FAKE_FILES_MAX 256
#define FAKE_CHANGES_MAX 64
#define FAKE_HANDLES_MAX 64
#define FAKE_NAME_MAX 96

enum fake_op {
    FAKE_OPEN = 1,
    FAKE_SIZE,
    FAKE_READ,
    FAKE_WRITE,
    FAKE_RESERVE,
    FAKE_SYNC,
    FAKE_SYNC_DIRECTORY,
    FAKE_MAKE_DIRECTORY,
    FAKE_RENAME,
    FAKE_UNLINK,
    FAKE_LIST,
    FAKE_LOCK,
    FAKE_OPS
};

struct fake_file {
    uint8_t *seen, *kept; /* both of capacity bytes */
    uint64_t seen_size, kept_size, capacity;
    uint64_t dirty_start, dirty_end; /* seen differs from kept at most here */
};

struct fake_name {
    char name[FAKE_NAME_MAX]; /* empty: unused */
    int file;
};

struct fake_change { /* of a name, not yet durable; file -1: removed */
    char name[FAKE_NAME_MAX], old_name[FAKE_NAME_MAX];
    int file;
};

struct fake_disk {
    struct fs fs;
    struct prng prng;
    struct fake_file files[FAKE_FILES_MAX];
    int file_count;
    struct fake_name seen[FAKE_FILES_MAX], kept[FAKE_FILES_MAX];
    struct fake_change changes[FAKE_CHANGES_MAX];
    int change_count;
    int handles[FAKE_HANDLES_MAX]; /* file + 1, 0: free */
    int lock_handle;               /* + 1; 0: not locked */
    uint64_t counts[FAKE_OPS];
    uint64_t count;
    uint64_t fail_at;     /* that operation fails; 0: none */
    enum fake_op fail_op; /* only operations of this kind count for fail_at; 0: all */
    int fail_errno;
    bool fail_all_after; /* and so do all that follow */
    bool short_writes;   /* a write that fails has written a part; others write in pieces */
    uint64_t bytes_max;  /* of all files; 0: no limit */
    uint64_t written_bytes;
};

struct fake_disk *fake_disk_new(uint64_t seed);
void fake_disk_free(struct fake_disk *disk);

/* The same contents, seen and kept, in a new disk; all names durable, nothing open or locked: as
 * after kill -9. */
struct fake_disk *fake_disk_copy(const struct fake_disk *disk, uint64_t seed);

/* Power loss: unsynced sectors are old, new, or new up to some byte; unsynced names happen up to
 * some point. */
void fake_disk_crash(struct fake_disk *disk);

/* The process ends: handles and lock are gone. */
void fake_disk_kill(struct fake_disk *disk);

/* Clears fail_at and counts. */
void fake_disk_heal(struct fake_disk *disk);

/* A file's bytes, as seen; NULL: no such file. */
struct fake_file *fake_disk_file(struct fake_disk *disk, const char *name);

#endif
