/* SPDX-License-Identifier: MIT */
/* fake_disk.c -- a small disk in memory for the tests of the journal. */
#include "fake_disk.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_disk *disk_of(struct fs *fs)
{
    return (struct fake_disk *)fs;
}

/* Counts an operation; not 0: it fails. */
static int fake_begin(struct fake_disk *disk, enum fake_op op)
{
    uint64_t number;

    disk->counts[op]++;
    disk->count++;
    number = disk->fail_op == 0 ? disk->count : disk->counts[disk->fail_op];
    if (disk->fail_at == 0 || (disk->fail_op != 0 && disk->fail_op != op))
        return 0;
    if (number == disk->fail_at || (disk->fail_all_after && number > disk->fail_at))
        return -disk->fail_errno;
    return 0;
}

static struct fake_name *name_find(struct fake_name *names, const char *name)
{
    for (int i = 0; i < FAKE_FILES_MAX; i++)
        if (strcmp(names[i].name, name) == 0)
            return &names[i];
    return NULL;
}

static void name_set(struct fake_name *names, const char *name, int file)
{
    struct fake_name *found = name_find(names, name);

    if (file < 0) {
        if (found != NULL)
            found->name[0] = '\0';
        return;
    }
    if (found == NULL)
        found = name_find(names, "");
    assert(found != NULL);
    snprintf(found->name, sizeof(found->name), "%s", name);
    found->file = file;
}

static void change_apply(struct fake_name *names, const struct fake_change *change)
{
    if (change->old_name[0] != '\0')
        name_set(names, change->old_name, -1);
    name_set(names, change->name, change->file);
}

static void change_add(struct fake_disk *disk, const char *name, const char *old_name, int file)
{
    struct fake_change *change = &disk->changes[disk->change_count++];

    assert(disk->change_count <= FAKE_CHANGES_MAX);
    assert(strlen(name) < FAKE_NAME_MAX);
    snprintf(change->name, sizeof(change->name), "%s", name);
    snprintf(change->old_name, sizeof(change->old_name), "%s", old_name);
    change->file = file;
    change_apply(disk->seen, change);
}

static int handle_new(struct fake_disk *disk, int file)
{
    int i = 0;

    while (disk->handles[i] != 0) {
        i++;
        assert(i < FAKE_HANDLES_MAX);
    }
    disk->handles[i] = file + 1;
    return i;
}

static int file_new(struct fake_disk *disk)
{
    assert(disk->file_count < FAKE_FILES_MAX);
    disk->files[disk->file_count] = (struct fake_file){.seen = NULL};
    return disk->file_count++;
}

static int fake_open(struct fs *fs, const char *path, enum fs_open_mode mode, int *ret_file)
{
    struct fake_disk *disk = disk_of(fs);
    struct fake_name *name = name_find(disk->seen, path);
    int result = fake_begin(disk, FAKE_OPEN);
    int file;

    if (result != 0)
        return result;
    if (mode == FS_OPEN_CREATE) {
        file = file_new(disk);
        change_add(disk, path, "", file);
    } else if (name == NULL) {
        return -ENOENT;
    } else {
        file = name->file;
    }
    *ret_file = handle_new(disk, file);
    return 0;
}

static void fake_close(struct fs *fs, int file)
{
    struct fake_disk *disk = disk_of(fs);

    assert(disk->handles[file] != 0);
    disk->handles[file] = 0;
    if (disk->lock_handle == file + 1)
        disk->lock_handle = 0;
}

static struct fake_file *handle_file(struct fake_disk *disk, int file)
{
    assert(file >= 0);
    assert(disk->handles[file] != 0);
    return &disk->files[disk->handles[file] - 1];
}

static int fake_size(struct fs *fs, int file, uint64_t *ret_bytes)
{
    int result = fake_begin(disk_of(fs), FAKE_SIZE);

    if (result == 0)
        *ret_bytes = handle_file(disk_of(fs), file)->seen_size;
    return result;
}

static ssize_t fake_read(struct fs *fs, int file, void *data, size_t size, uint64_t offset)
{
    struct fake_file *found = handle_file(disk_of(fs), file);
    int result = fake_begin(disk_of(fs), FAKE_READ);

    if (result != 0)
        return result;
    if (offset >= found->seen_size)
        return 0;
    if (size > found->seen_size - offset)
        size = found->seen_size - offset;
    memcpy(data, found->seen + offset, size);
    return (ssize_t)size;
}

static void file_grow(struct fake_file *file, uint64_t size)
{
    if (size > file->capacity) {
        uint64_t capacity = size > 2 * file->capacity ? size : 2 * file->capacity;

        capacity = (capacity + FS_SECTOR_BYTES - 1) / FS_SECTOR_BYTES * FS_SECTOR_BYTES;
        file->seen = realloc(file->seen, capacity);
        file->kept = realloc(file->kept, capacity);
        memset(file->seen + file->capacity, 0, capacity - file->capacity);
        memset(file->kept + file->capacity, 0, capacity - file->capacity);
        file->capacity = capacity;
    }
    if (size > file->seen_size)
        file->seen_size = size;
}

static uint64_t disk_bytes(const struct fake_disk *disk)
{
    uint64_t bytes = 0;

    for (int i = 0; i < FAKE_FILES_MAX; i++)
        if (disk->seen[i].name[0] != '\0')
            bytes += disk->files[disk->seen[i].file].seen_size;
    return bytes;
}

static bool disk_has_room(const struct fake_disk *disk, const struct fake_file *file, uint64_t end)
{
    return disk->bytes_max == 0 || end <= file->seen_size ||
           disk_bytes(disk) + (end - file->seen_size) <= disk->bytes_max;
}

static void file_put(struct fake_file *file, const void *data, size_t size, uint64_t offset)
{
    file_grow(file, offset + size);
    memcpy(file->seen + offset, data, size);
    if (file->dirty_start == file->dirty_end) {
        file->dirty_start = offset;
        file->dirty_end = offset;
    }
    if (offset < file->dirty_start)
        file->dirty_start = offset;
    if (offset + size > file->dirty_end)
        file->dirty_end = offset + size;
}

static ssize_t fake_write(struct fs *fs, int file, const struct iovec *pieces, int count,
                          uint64_t offset)
{
    struct fake_disk *disk = disk_of(fs);
    struct fake_file *found = handle_file(disk, file);
    int result = fake_begin(disk, FAKE_WRITE);
    size_t total = 0, done = 0, limit;

    for (int i = 0; i < count; i++)
        total += pieces[i].iov_len;
    limit = total;
    if (disk->short_writes)
        limit = total < 2 ? total : 1 + (size_t)prng_below(&disk->prng, total);
    if (!disk_has_room(disk, found, offset + total))
        return -ENOSPC;
    if (result != 0 && !disk->short_writes)
        return result;
    for (int i = 0; i < count && done < limit; i++) {
        size_t size = pieces[i].iov_len < limit - done ? pieces[i].iov_len : limit - done;

        file_put(found, pieces[i].iov_base, size, offset + done);
        done += size;
    }
    disk->written_bytes += done;
    return result != 0 ? result : (ssize_t)done;
}

static int fake_reserve(struct fs *fs, int file, uint64_t bytes)
{
    struct fake_disk *disk = disk_of(fs);
    int result = fake_begin(disk, FAKE_RESERVE);

    if (result == 0 && !disk_has_room(disk, handle_file(disk, file), bytes))
        return -ENOSPC;
    return result;
}

static int fake_sync(struct fs *fs, int file)
{
    struct fake_file *found = handle_file(disk_of(fs), file);
    int result = fake_begin(disk_of(fs), FAKE_SYNC);

    if (result !=
        0) { /* the kernel forgets what was dirty: it looks clean, and is not on the disk */
        found->dirty_start = found->dirty_end = 0;
        return result;
    }
    if (found->capacity > 0)
        memcpy(found->kept + found->dirty_start, found->seen + found->dirty_start,
               found->dirty_end - found->dirty_start);
    found->kept_size = found->seen_size;
    found->dirty_start = found->dirty_end = 0;
    return 0;
}

static int fake_sync_directory(struct fs *fs, const char *path)
{
    struct fake_disk *disk = disk_of(fs);
    int result = fake_begin(disk, FAKE_SYNC_DIRECTORY);

    (void)path;
    if (result != 0)
        return result;
    memcpy(disk->kept, disk->seen, sizeof(disk->kept));
    disk->change_count = 0;
    return 0;
}

static int fake_make_directory(struct fs *fs, const char *path)
{
    (void)path;
    return fake_begin(disk_of(fs), FAKE_MAKE_DIRECTORY);
}

static int fake_rename(struct fs *fs, const char *from, const char *to)
{
    struct fake_disk *disk = disk_of(fs);
    struct fake_name *name = name_find(disk->seen, from);
    int result = fake_begin(disk, FAKE_RENAME);

    if (result != 0)
        return result;
    if (name == NULL)
        return -ENOENT;
    change_add(disk, to, from, name->file);
    return 0;
}

static int fake_unlink(struct fs *fs, const char *path)
{
    struct fake_disk *disk = disk_of(fs);
    int result = fake_begin(disk, FAKE_UNLINK);

    if (result != 0)
        return result;
    if (name_find(disk->seen, path) == NULL)
        return -ENOENT;
    change_add(disk, path, "", -1);
    return 0;
}

static int fake_list(struct fs *fs, const char *path, int (*entry)(void *context, const char *name),
                     void *context)
{
    struct fake_disk *disk = disk_of(fs);
    int result = fake_begin(disk, FAKE_LIST);
    size_t length = strlen(path);

    for (int i = 0; i < FAKE_FILES_MAX && result == 0; i++)
        if (strncmp(disk->seen[i].name, path, length) == 0 && disk->seen[i].name[length] == '/')
            result = entry(context, disk->seen[i].name + length + 1);
    return result;
}

static int fake_lock(struct fs *fs, const char *path, int *ret_file)
{
    struct fake_disk *disk = disk_of(fs);
    int result = fake_begin(disk, FAKE_LOCK);

    if (result != 0)
        return result;
    if (disk->lock_handle != 0)
        return -EWOULDBLOCK;
    if (name_find(disk->seen, path) == NULL)
        change_add(disk, path, "", file_new(disk));
    *ret_file = handle_new(disk, name_find(disk->seen, path)->file);
    disk->lock_handle = *ret_file + 1;
    return 0;
}

static uint64_t fake_random(struct fs *fs)
{
    return prng_next(&disk_of(fs)->prng);
}

static const struct fs_ops fake_ops = {
    .open = fake_open,
    .close = fake_close,
    .size = fake_size,
    .read = fake_read,
    .write = fake_write,
    .reserve = fake_reserve,
    .sync = fake_sync,
    .sync_directory = fake_sync_directory,
    .make_directory = fake_make_directory,
    .rename = fake_rename,
    .unlink = fake_unlink,
    .list = fake_list,
    .lock = fake_lock,
    .random = fake_random,
};

struct fake_disk *fake_disk_new(uint64_t seed)
{
    struct fake_disk *disk = calloc(1, sizeof(*disk));

    assert(disk != NULL);
    disk->fs.ops = &fake_ops;
    disk->fail_errno = EIO;
    prng_init(&disk->prng, seed);
    return disk;
}

void fake_disk_free(struct fake_disk *disk)
{
    for (int i = 0; i < disk->file_count; i++) {
        free(disk->files[i].seen);
        free(disk->files[i].kept);
    }
    free(disk);
}

static void names_to_files(struct fake_disk *disk, struct fake_name *names,
                           const struct fake_disk *from)
{
    for (int i = 0; i < FAKE_FILES_MAX; i++) {
        const struct fake_file *old;
        int file;

        if (names[i].name[0] == '\0')
            continue;
        old = &from->files[names[i].file];
        file = file_new(disk);
        file_grow(&disk->files[file], old->seen_size);
        if (old->seen_size > 0) {
            memcpy(disk->files[file].seen, old->seen, old->seen_size);
            memcpy(disk->files[file].kept, old->kept, old->seen_size);
        }
        disk->files[file].kept_size = old->kept_size;
        disk->files[file].dirty_start = old->dirty_start;
        disk->files[file].dirty_end = old->dirty_end;
        names[i].file = file;
    }
}

struct fake_disk *fake_disk_copy(const struct fake_disk *disk, uint64_t seed)
{
    struct fake_disk *copy = fake_disk_new(seed);

    memcpy(copy->seen, disk->seen, sizeof(copy->seen));
    names_to_files(copy, copy->seen, disk);
    memcpy(copy->kept, copy->seen, sizeof(copy->kept));
    return copy;
}

static void file_crash(struct fake_file *file, struct prng *prng)
{
    uint64_t sector = file->dirty_start / FS_SECTOR_BYTES * FS_SECTOR_BYTES;

    for (; sector < file->dirty_end; sector += FS_SECTOR_BYTES) {
        uint64_t fate = prng_below(prng, 3);
        uint64_t size = fate == 0   ? 0
                        : fate == 1 ? FS_SECTOR_BYTES
                                    : prng_below(prng, FS_SECTOR_BYTES);

        memcpy(file->kept + sector, file->seen + sector, size);
    }
    if (file->capacity > 0)
        memcpy(file->seen, file->kept, file->capacity);
    if (prng_below(prng, 2) == 0)
        file->kept_size = file->seen_size;
    file->seen_size = file->kept_size;
    file->dirty_start = file->dirty_end = 0;
}

void fake_disk_kill(struct fake_disk *disk)
{
    memset(disk->handles, 0, sizeof(disk->handles));
    disk->lock_handle = 0;
}

void fake_disk_crash(struct fake_disk *disk)
{
    uint64_t happened = prng_below(&disk->prng, (uint64_t)disk->change_count + 1);

    for (uint64_t i = 0; i < happened; i++)
        change_apply(disk->kept, &disk->changes[i]);
    memcpy(disk->seen, disk->kept, sizeof(disk->seen));
    disk->change_count = 0;
    for (int i = 0; i < disk->file_count; i++)
        file_crash(&disk->files[i], &disk->prng);
    fake_disk_kill(disk);
}

void fake_disk_heal(struct fake_disk *disk)
{
    memset(disk->counts, 0, sizeof(disk->counts));
    disk->count = 0;
    disk->fail_at = 0;
    disk->fail_op = 0;
    disk->fail_all_after = false;
    disk->short_writes = false;
}

struct fake_file *fake_disk_file(struct fake_disk *disk, const char *name)
{
    struct fake_name *found = name_find(disk->seen, name);

    return found == NULL ? NULL : &disk->files[found->file];
}
