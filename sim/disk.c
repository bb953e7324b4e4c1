/* SPDX-License-Identifier: MIT */
/* disk.c -- files are pairs of byte arrays: what processes see, and what the platter holds.
 *
 * A changed name is kept in a list of pending changes until its directory is synced. Directories
 * are names whose file has no bytes. "/" is always there.
 */
#include "disk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk_file.h"
#include "disk_names.h"
#include "draw.h"

#define DISK_HANDLES_MAX 64
#define DISK_CHANGES_MAX 256

struct disk {
    struct fs fs;
    struct prng prng;
    struct disk_faults faults;
    bool stopped;
    struct disk_file **files;
    unsigned file_count;
    struct disk_names seen, platter;
    struct disk_change changes[DISK_CHANGES_MAX];
    unsigned change_count;
    struct disk_file *handles[DISK_HANDLES_MAX];
};

static struct disk *disk_of(struct fs *fs)
{
    return (struct disk *)fs;
}

static void disk_change(struct disk *disk, const char *from, const char *to, struct disk_file *file)
{
    struct disk_change *change;

    if (disk->change_count == DISK_CHANGES_MAX) { /* the file system writes the oldest by itself */
        disk_names_change(&disk->platter, &disk->changes[0]);
        memmove(disk->changes, disk->changes + 1, --disk->change_count * sizeof(disk->changes[0]));
    }
    change = &disk->changes[disk->change_count++];
    disk_change_make(change, from, to, file);
    disk_names_change(&disk->seen, change);
}

static struct disk_file *disk_new_file(struct disk *disk, bool is_directory)
{
    disk->files = realloc(disk->files, (disk->file_count + 1) * sizeof(struct disk_file *));
    assert(disk->files != NULL);
    disk->files[disk->file_count] = disk_file_new(is_directory);
    return disk->files[disk->file_count++];
}

static struct disk_file *disk_handle(struct disk *disk, int handle)
{
    assert(handle >= 0 && handle < DISK_HANDLES_MAX);
    assert(disk->handles[handle] != NULL);
    return disk->handles[handle];
}

static int disk_new_handle(struct disk *disk, struct disk_file *file, int *ret_handle)
{
    for (int handle = 0; handle < DISK_HANDLES_MAX; handle++) {
        if (disk->handles[handle] == NULL) {
            disk->handles[handle] = file;
            *ret_handle = handle;
            return 0;
        }
    }
    return -EMFILE;
}

static int disk_open(struct fs *fs, const char *path, enum fs_open_mode mode, int *ret_file)
{
    struct disk *disk = disk_of(fs);
    struct disk_name *name = disk_names_find(&disk->seen, path);
    struct disk_file *file = name != NULL ? name->file : NULL;

    if (disk->stopped)
        return -EIO;
    if (file == NULL) {
        if (mode != FS_OPEN_CREATE || !disk_names_has_parent(&disk->seen, path))
            return -ENOENT;
        file = disk_new_file(disk, false);
        disk_change(disk, "", path, file);
    } else if (mode == FS_OPEN_CREATE) {
        /* Emptied: a new file takes the name, as the old bytes may come back in a crash. */
        file = disk_new_file(disk, false);
        disk_change(disk, "", path, file);
    }
    return disk_new_handle(disk, file, ret_file);
}

static void disk_close(struct fs *fs, int handle)
{
    struct disk *disk = disk_of(fs);

    disk_handle(disk, handle)->locked = false;
    disk->handles[handle] = NULL;
}

static int disk_size(struct fs *fs, int handle, uint64_t *ret_bytes)
{
    struct disk *disk = disk_of(fs);

    if (disk->stopped)
        return -EIO;
    *ret_bytes = disk_handle(disk, handle)->size;
    return 0;
}

static ssize_t disk_read(struct fs *fs, int handle, void *data, size_t size, uint64_t offset)
{
    struct disk *disk = disk_of(fs);
    const struct disk_file *file = disk_handle(disk, handle);

    if (disk->stopped)
        return -EIO;
    if (offset >= file->size || size == 0)
        return 0;
    if (size > file->size - offset)
        size = (size_t)(file->size - offset);
    if (size > 1 && prng_chance(&disk->prng, disk->faults.write_short))
        size = (size_t)draw_between(&disk->prng, 1, size);
    memcpy(data, file->cache + offset, size);
    return (ssize_t)size;
}

static size_t pieces_size(const struct iovec *pieces, int count)
{
    size_t size = 0;

    for (int i = 0; i < count; i++)
        size += pieces[i].iov_len;
    return size;
}

static ssize_t disk_write(struct fs *fs, int handle, const struct iovec *pieces, int count,
                          uint64_t offset)
{
    struct disk *disk = disk_of(fs);
    struct disk_file *file = disk_handle(disk, handle);
    size_t size = pieces_size(pieces, count), done = 0;

    if (disk->stopped || prng_chance(&disk->prng, disk->faults.write_fails))
        return -EIO;
    if (disk->faults.full && offset + size > file->size)
        return -ENOSPC;
    if (size > 1 && prng_chance(&disk->prng, disk->faults.write_short))
        size = (size_t)draw_between(&disk->prng, 1, size);
    for (int i = 0; i < count && done < size; i++) {
        size_t part = pieces[i].iov_len < size - done ? pieces[i].iov_len : size - done;

        disk_file_put(file, pieces[i].iov_base, part, offset + done);
        done += part;
    }
    return (ssize_t)done;
}

static int disk_reserve(struct fs *fs, int handle, uint64_t bytes)
{
    struct disk *disk = disk_of(fs);

    if (disk->stopped)
        return -EIO;
    if (disk->faults.full && bytes > disk_handle(disk, handle)->size)
        return -ENOSPC;
    return 0;
}

static int disk_sync(struct fs *fs, int handle)
{
    struct disk *disk = disk_of(fs);

    if (disk->stopped || prng_chance(&disk->prng, disk->faults.sync_fails))
        return -EIO;
    disk_file_sync(disk_handle(disk, handle));
    return 0;
}

static int disk_sync_directory(struct fs *fs, const char *path)
{
    struct disk *disk = disk_of(fs);
    unsigned kept = 0;

    if (disk->stopped)
        return -EIO;
    for (unsigned i = 0; i < disk->change_count; i++) {
        if (disk_change_in(&disk->changes[i], path))
            disk_names_change(&disk->platter, &disk->changes[i]);
        else
            disk->changes[kept++] = disk->changes[i];
    }
    disk->change_count = kept;
    return 0;
}

static int disk_make_directory(struct fs *fs, const char *path)
{
    struct disk *disk = disk_of(fs);

    if (disk->stopped)
        return -EIO;
    if (disk_names_find(&disk->seen, path) != NULL)
        return -EEXIST;
    if (!disk_names_has_parent(&disk->seen, path))
        return -ENOENT;
    disk_change(disk, "", path, disk_new_file(disk, true));
    return 0;
}

static int disk_rename(struct fs *fs, const char *from, const char *to)
{
    struct disk *disk = disk_of(fs);
    struct disk_name *name = disk_names_find(&disk->seen, from);

    if (disk->stopped)
        return -EIO;
    if (name == NULL)
        return -ENOENT;
    disk_change(disk, from, to, name->file);
    return 0;
}

static int disk_unlink(struct fs *fs, const char *path)
{
    struct disk *disk = disk_of(fs);

    if (disk->stopped)
        return -EIO;
    if (disk_names_find(&disk->seen, path) == NULL)
        return -ENOENT;
    disk_change(disk, path, "", NULL);
    return 0;
}

static int disk_list(struct fs *fs, const char *path, int (*entry)(void *context, const char *name),
                     void *context)
{
    struct disk *disk = disk_of(fs);

    if (disk->stopped)
        return -EIO;
    if (disk_names_find(&disk->seen, path) == NULL)
        return -ENOENT;
    for (unsigned i = 0; i < disk->seen.count; i++) {
        const char *found = disk->seen.names[i].path;
        int error = disk_path_in(found, path) ? entry(context, strrchr(found, '/') + 1) : 0;

        if (error != 0)
            return error;
    }
    return 0;
}

static int disk_lock(struct fs *fs, const char *path, int *ret_file)
{
    struct disk *disk = disk_of(fs);
    struct disk_name *name = disk_names_find(&disk->seen, path);
    struct disk_file *file = name != NULL ? name->file : NULL;
    int error;

    if (disk->stopped)
        return -EIO;
    if (file != NULL && file->locked)
        return -EWOULDBLOCK;
    if (file == NULL) {
        file = disk_new_file(disk, false);
        disk_change(disk, "", path, file);
    }
    error = disk_new_handle(disk, file, ret_file);
    if (error == 0)
        file->locked = true;
    return error;
}

static uint64_t disk_random(struct fs *fs)
{
    return prng_next(&disk_of(fs)->prng);
}

static const struct fs_ops disk_ops = {
    .open = disk_open,
    .close = disk_close,
    .size = disk_size,
    .read = disk_read,
    .write = disk_write,
    .reserve = disk_reserve,
    .sync = disk_sync,
    .sync_directory = disk_sync_directory,
    .make_directory = disk_make_directory,
    .rename = disk_rename,
    .unlink = disk_unlink,
    .list = disk_list,
    .lock = disk_lock,
    .random = disk_random,
};

/* --- the disk --- */

int disk_new(struct disk **ret_disk, uint64_t seed)
{
    struct disk *disk = calloc(1, sizeof(*disk));

    assert(ret_disk != NULL);
    if (disk == NULL)
        return -ENOMEM;
    disk->fs.ops = &disk_ops;
    prng_init(&disk->prng, seed);
    *ret_disk = disk;
    return 0;
}

void disk_free(struct disk *disk)
{
    if (disk == NULL)
        return;
    for (unsigned i = 0; i < disk->file_count; i++)
        disk_file_free(disk->files[i]);
    free(disk->files);
    disk_names_release(&disk->seen);
    disk_names_release(&disk->platter);
    free(disk);
}

struct fs *disk_fs(struct disk *disk)
{
    return &disk->fs;
}

struct disk_faults *disk_faults(struct disk *disk)
{
    return &disk->faults;
}

void disk_stop(struct disk *disk)
{
    disk->stopped = true;
}

static bool disk_file_named(const struct disk *disk, const struct disk_file *file)
{
    for (unsigned i = 0; i < disk->seen.count; i++)
        if (disk->seen.names[i].file == file)
            return true;
    return false;
}

static void disk_drop_nameless(struct disk *disk)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < disk->file_count; i++) {
        if (disk_file_named(disk, disk->files[i]))
            disk->files[kept++] = disk->files[i];
        else
            disk_file_free(disk->files[i]);
    }
    disk->file_count = kept;
}

static void disk_forget_processes(struct disk *disk)
{
    memset(disk->handles, 0, sizeof(disk->handles));
    for (unsigned i = 0; i < disk->file_count; i++)
        disk->files[i]->locked = false;
    disk->stopped = false;
}

void disk_restart(struct disk *disk)
{
    disk_forget_processes(disk);
}

void disk_crash(struct disk *disk)
{
    assert(disk->change_count <= DISK_CHANGES_MAX);
    for (unsigned i = 0; i < disk->change_count; i++)
        if (prng_below(&disk->prng, 2) == 0)
            disk_names_change(&disk->platter, &disk->changes[i]);
    disk->change_count = 0;
    disk_names_drop_orphans(&disk->platter);
    disk_names_copy(&disk->seen, &disk->platter);
    disk_drop_nameless(disk);
    disk_forget_processes(disk);
    for (unsigned i = 0; i < disk->file_count; i++)
        disk_file_crash(disk->files[i], &disk->prng);
}

uint64_t disk_unsynced_bytes(const struct disk *disk)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < disk->file_count; i++)
        bytes += disk_file_unsynced_bytes(disk->files[i]);
    return bytes;
}
