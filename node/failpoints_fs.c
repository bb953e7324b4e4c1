/* SPDX-License-Identifier: MIT */
/* failpoints_fs.c -- the journal's two points, as a table of file operations.
 *
 * The journal's thread writes batches to the one file that was opened for writing last; a file that
 * is made for later is opened in another way, and what is written before the first frame of a
 * segment is no batch.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "failpoints_inside.h"
#include "format.h"

static struct failpoints *owner(struct fs *fs)
{
    return (struct failpoints *)((char *)fs - offsetof(struct failpoints, fs));
}

static const struct fs_ops *system_ops(void)
{
    return fs_system()->ops;
}

static int on_open(struct fs *fs, const char *path, enum fs_open_mode mode, int *ret_file)
{
    int result = system_ops()->open(fs_system(), path, mode, ret_file);

    if (result == 0 && mode == FS_OPEN_WRITE)
        atomic_store(&owner(fs)->journal_file, *ret_file);
    return result;
}

static enum failpoint_when when_at(struct failpoints *failpoints, enum failpoint point, int file)
{
    if (file != atomic_load(&failpoints->journal_file))
        return FAILPOINT_NEVER;
    return (enum failpoint_when)atomic_load(&failpoints->arms[point].when);
}

static ssize_t on_write(struct fs *fs, int file, const struct iovec *pieces, int count,
                        uint64_t offset)
{
    struct failpoints *failpoints = owner(fs);
    enum failpoint_when when = when_at(failpoints, FAILPOINT_JOURNAL_WRITE, file);
    ssize_t put;

    if (offset < SEGMENT_FRAMES_AT)
        when = FAILPOINT_NEVER;
    if (when == FAILPOINT_BEFORE)
        failpoints_die(failpoints, FAILPOINT_JOURNAL_WRITE, when);
    if (atomic_load(&failpoints->dead))
        return -EIO;
    put = system_ops()->write(fs_system(), file, pieces, count, offset);
    if (when == FAILPOINT_AFTER && put > 0)
        failpoints_die(failpoints, FAILPOINT_JOURNAL_WRITE, when);
    return put;
}

static int on_sync(struct fs *fs, int file)
{
    struct failpoints *failpoints = owner(fs);
    enum failpoint_when when = when_at(failpoints, FAILPOINT_JOURNAL_SYNC, file);
    int result;

    if (when == FAILPOINT_BEFORE)
        failpoints_die(failpoints, FAILPOINT_JOURNAL_SYNC, when);
    if (atomic_load(&failpoints->dead))
        return -EIO;
    result = system_ops()->sync(fs_system(), file);
    if (when == FAILPOINT_AFTER && result == 0)
        failpoints_die(failpoints, FAILPOINT_JOURNAL_SYNC, when);
    return result;
}

/* The other operations stay the system's own, which never look at the table they are called
 * through. */
void failpoints_init_fs(struct failpoints *failpoints)
{
    assert(system_ops()->write != NULL);
    failpoints->fs_ops = *system_ops();
    failpoints->fs_ops.open = on_open;
    failpoints->fs_ops.write = on_write;
    failpoints->fs_ops.sync = on_sync;
    failpoints->fs.ops = &failpoints->fs_ops;
    atomic_init(&failpoints->journal_file, -1);
}

struct fs *failpoints_fs(struct failpoints *failpoints)
{
    return &failpoints->fs;
}
