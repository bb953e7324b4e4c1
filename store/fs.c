/* SPDX-License-Identifier: MIT */
/* fs.c -- the operating system's files as a table; the only place where files are written and
 * synced. */
#include "fs.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int result_of(int outcome)
{
    return outcome == 0 ? 0 : -errno;
}

static int system_open(struct fs *fs, const char *path, enum fs_open_mode mode, int *ret_file)
{
    int flags = O_CLOEXEC;
    int file;

    (void)fs;
    switch (mode) {
    case FS_OPEN_READ:
        flags |= O_RDONLY;
        break;
    case FS_OPEN_WRITE:
        flags |= O_RDWR;
        break;
    case FS_OPEN_CREATE:
        flags |= O_RDWR | O_CREAT | O_TRUNC;
        break;
    }
    do
        file = open(path, flags, 0600);
    while (file < 0 && errno == EINTR);
    if (file < 0)
        return -errno;
    *ret_file = file;
    return 0;
}

static void system_close(struct fs *fs, int file)
{
    (void)fs;
    assert(file >= 0);
    close(file);
}

static int system_size(struct fs *fs, int file, uint64_t *ret_bytes)
{
    struct stat status;

    (void)fs;
    if (fstat(file, &status) != 0)
        return -errno;
    *ret_bytes = (uint64_t)status.st_size;
    return 0;
}

static ssize_t system_read(struct fs *fs, int file, void *data, size_t size, uint64_t offset)
{
    ssize_t got;

    (void)fs;
    assert(offset <= INT64_MAX);
    do
        got = pread(file, data, size, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

static ssize_t system_write(struct fs *fs, int file, const struct iovec *pieces, int count,
                            uint64_t offset)
{
    ssize_t put;

    (void)fs;
    assert(count > 0);
    assert(count <= IOV_MAX);
    do
        put = pwritev(file, pieces, count, (off_t)offset);
    while (put < 0 && errno == EINTR);
    return put < 0 ? -errno : put;
}

static int system_reserve(struct fs *fs, int file, uint64_t bytes)
{
    int outcome;

    (void)fs;
    assert(bytes <= INT64_MAX);
    do
        outcome = fallocate(file, 0, 0, (off_t)bytes);
    while (outcome != 0 && errno == EINTR);
    return result_of(outcome);
}

static int system_sync(struct fs *fs, int file)
{
    (void)fs;
    return result_of(fdatasync(file));
}

static void system_uncache(struct fs *fs, int file)
{
    (void)fs;
    assert(file >= 0);
    (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
}

static int system_sync_directory(struct fs *fs, const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result;

    (void)fs;
    if (directory < 0)
        return -errno;
    result = result_of(fsync(directory));
    close(directory);
    return result;
}

static int system_make_directory(struct fs *fs, const char *path)
{
    (void)fs;
    return result_of(mkdir(path, 0700));
}

static int system_rename(struct fs *fs, const char *from, const char *to)
{
    (void)fs;
    return result_of(rename(from, to));
}

static int system_unlink(struct fs *fs, const char *path)
{
    (void)fs;
    return result_of(unlink(path));
}

static int system_list(struct fs *fs, const char *path,
                       int (*entry)(void *context, const char *name), void *context)
{
    DIR *directory = opendir(path);
    struct dirent *found;
    int result = 0;

    (void)fs;
    if (directory == NULL)
        return -errno;
    errno = 0;
    while (result == 0 && (found = readdir(directory)) != NULL) {
        result = entry(context, found->d_name);
        errno = 0;
    }
    if (result == 0)
        result = -errno;
    closedir(directory);
    return result;
}

static int system_lock(struct fs *fs, const char *path, int *ret_file)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int result;

    (void)fs;
    if (file < 0)
        return -errno;
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        result = -errno;
        close(file);
        return result;
    }
    *ret_file = file;
    return 0;
}

static uint64_t system_random(struct fs *fs)
{
    uint64_t number = 0;

    (void)fs;
    while (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        assert(errno == EINTR);
    return number;
}

static const struct fs_ops system_ops = {
    .open = system_open,
    .close = system_close,
    .size = system_size,
    .read = system_read,
    .write = system_write,
    .reserve = system_reserve,
    .sync = system_sync,
    .uncache = system_uncache,
    .sync_directory = system_sync_directory,
    .make_directory = system_make_directory,
    .rename = system_rename,
    .unlink = system_unlink,
    .list = system_list,
    .lock = system_lock,
    .random = system_random,
};

struct fs *fs_system(void)
{
    static struct fs fs = {.ops = &system_ops};

    return &fs;
}
