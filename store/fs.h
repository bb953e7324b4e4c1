/* SPDX-License-Identifier: MIT */
/* fs.h -- the few file operations that the journal needs, as a table.
 *
 * fs_system() is the real one, and fs.c the only file in decree that writes or syncs files. The
 * simulator gives its own: a disk that forgets, tears, stalls and fills up.
 *
 * Every operation returns 0 (or a number of bytes) or a negative errno such as -ENOSPC; these are
 * not decree_errors. A file is a small number that the table hands out. Different files may be used
 * by two threads at once; one file is never used by two threads at once.
 *
 * What the journal expects of a crash:
 *  - what sync() returned 0 for is there; so is a name, once sync_directory() returned 0;
 *  - of a write that was not synced, each sector of 512 bytes is as before, as written, or as
 *    written up to some byte and as before from there on, each sector for itself, in no order;
 *  - bytes outside of the range that was written stay as they are;
 *  - a rename that was not synced has happened or not, whole.
 */
#ifndef DECREE_STORE_FS_H
#define DECREE_STORE_FS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define FS_SECTOR_BYTES 512u

struct fs {
    const struct fs_ops *ops; /* an implementation embeds struct fs as its first member */
};

enum fs_open_mode {
    FS_OPEN_READ = 1, /* must exist */
    FS_OPEN_WRITE,    /* must exist; read and write */
    FS_OPEN_CREATE    /* made if missing, emptied if not; read and write */
};

struct fs_ops {
    int (*open)(struct fs *fs, const char *path, enum fs_open_mode mode, int *ret_file);
    void (*close)(struct fs *fs, int file);
    int (*size)(struct fs *fs, int file, uint64_t *ret_bytes);

    /* Both may do less than asked for; read gives 0 at the end of the file only. count is at most
     * IOV_MAX. */
    ssize_t (*read)(struct fs *fs, int file, void *data, size_t size, uint64_t offset);
    ssize_t (*write)(struct fs *fs, int file, const struct iovec *pieces, int count,
                     uint64_t offset);

    /* Claims space for that many bytes in one go where the file system can. Contents stay undefined
     * until written. -EOPNOTSUPP is no failure. */
    int (*reserve)(struct fs *fs, int file, uint64_t bytes);

    /* Contents and size are on stable storage when this returns 0. After a failure nothing that was
     * written since the last success can be relied on, not even by trying again. */
    int (*sync)(struct fs *fs, int file);

    /* What is cached of the file will not be wanted soon. A hint; may be NULL. */
    void (*uncache)(struct fs *fs, int file);

    int (*sync_directory)(struct fs *fs, const char *path);
    int (*make_directory)(struct fs *fs, const char *path);         /* -EEXIST if it is there */
    int (*rename)(struct fs *fs, const char *from, const char *to); /* replaces to */
    int (*unlink)(struct fs *fs, const char *path);

    /* Calls entry for every name in the directory, in any order; stops when entry returns not 0 and
     * returns that. */
    int (*list)(struct fs *fs, const char *path, int (*entry)(void *context, const char *name),
                void *context);

    /* Makes the file if missing and locks it for this open file until close() or the end of the
     * process. -EWOULDBLOCK: somebody else has it. */
    int (*lock)(struct fs *fs, const char *path, int *ret_file);

    uint64_t (*random)(struct fs *fs); /* for the name of a new data directory */
};

/* The operating system's. Static, no state, any thread. */
struct fs *fs_system(void);

#endif
