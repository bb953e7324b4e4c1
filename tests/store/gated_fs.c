/* SPDX-License-Identifier: MIT */
/* gated_fs.c -- the fake disk for several threads, with a gate before every sync. */
#include "gated_fs.h"

static struct gated_fs *gated_of(struct fs *fs)
{
    return (struct gated_fs *)fs;
}

/* Calls the same operation of the fake disk, under the mutex. */
#define GATED(type, call)                    \
    struct gated_fs *gated = gated_of(fs);   \
    struct fs *inner = &gated->disk->fs;     \
    type result;                             \
    pthread_mutex_lock(&gated->mutex);       \
    result = inner->ops->call;               \
    pthread_cond_broadcast(&gated->changed); \
    pthread_mutex_unlock(&gated->mutex);     \
    return result

static int gated_open(struct fs *fs, const char *path, enum fs_open_mode mode, int *ret_file)
{
    GATED(int, open(inner, path, mode, ret_file));
}

static void gated_close(struct fs *fs, int file)
{
    struct gated_fs *gated = gated_of(fs);

    pthread_mutex_lock(&gated->mutex);
    gated->disk->fs.ops->close(&gated->disk->fs, file);
    pthread_mutex_unlock(&gated->mutex);
}

static int gated_size(struct fs *fs, int file, uint64_t *ret_bytes)
{
    GATED(int, size(inner, file, ret_bytes));
}

static ssize_t gated_read(struct fs *fs, int file, void *data, size_t size, uint64_t offset)
{
    GATED(ssize_t, read(inner, file, data, size, offset));
}

static ssize_t gated_write(struct fs *fs, int file, const struct iovec *pieces, int count,
                           uint64_t offset)
{
    GATED(ssize_t, write(inner, file, pieces, count, offset));
}

static int gated_reserve(struct fs *fs, int file, uint64_t bytes)
{
    GATED(int, reserve(inner, file, bytes));
}

static int gated_sync(struct fs *fs, int file)
{
    struct gated_fs *gated = gated_of(fs);
    int result;

    pthread_mutex_lock(&gated->mutex);
    gated->waiting++;
    pthread_cond_broadcast(&gated->changed);
    while (gated->shut)
        pthread_cond_wait(&gated->changed, &gated->mutex);
    gated->waiting--;
    result = gated->disk->fs.ops->sync(&gated->disk->fs, file);
    pthread_mutex_unlock(&gated->mutex);
    return result;
}

static int gated_sync_directory(struct fs *fs, const char *path)
{
    GATED(int, sync_directory(inner, path));
}

static int gated_make_directory(struct fs *fs, const char *path)
{
    GATED(int, make_directory(inner, path));
}

static int gated_rename(struct fs *fs, const char *from, const char *to)
{
    GATED(int, rename(inner, from, to));
}

static int gated_unlink(struct fs *fs, const char *path)
{
    GATED(int, unlink(inner, path));
}

static int gated_list(struct fs *fs, const char *path,
                      int (*entry)(void *context, const char *name), void *context)
{
    GATED(int, list(inner, path, entry, context));
}

static int gated_lock(struct fs *fs, const char *path, int *ret_file)
{
    GATED(int, lock(inner, path, ret_file));
}

static uint64_t gated_random(struct fs *fs)
{
    struct gated_fs *gated = gated_of(fs);
    uint64_t number;

    pthread_mutex_lock(&gated->mutex);
    number = gated->disk->fs.ops->random(&gated->disk->fs);
    pthread_mutex_unlock(&gated->mutex);
    return number;
}

static const struct fs_ops gated_ops = {
    .open = gated_open,
    .close = gated_close,
    .size = gated_size,
    .read = gated_read,
    .write = gated_write,
    .reserve = gated_reserve,
    .sync = gated_sync,
    .sync_directory = gated_sync_directory,
    .make_directory = gated_make_directory,
    .rename = gated_rename,
    .unlink = gated_unlink,
    .list = gated_list,
    .lock = gated_lock,
    .random = gated_random,
};

void gated_fs_init(struct gated_fs *gated, struct fake_disk *disk)
{
    *gated = (struct gated_fs){.fs = {.ops = &gated_ops}, .disk = disk};
    pthread_mutex_init(&gated->mutex, NULL);
    pthread_cond_init(&gated->changed, NULL);
}

void gated_fs_release(struct gated_fs *gated)
{
    pthread_cond_destroy(&gated->changed);
    pthread_mutex_destroy(&gated->mutex);
}

void gated_fs_shut(struct gated_fs *gated)
{
    pthread_mutex_lock(&gated->mutex);
    gated->shut = true;
    pthread_mutex_unlock(&gated->mutex);
}

void gated_fs_open(struct gated_fs *gated)
{
    pthread_mutex_lock(&gated->mutex);
    gated->shut = false;
    pthread_cond_broadcast(&gated->changed);
    pthread_mutex_unlock(&gated->mutex);
}

void gated_fs_wait(struct gated_fs *gated)
{
    pthread_mutex_lock(&gated->mutex);
    while (gated->waiting == 0)
        pthread_cond_wait(&gated->changed, &gated->mutex);
    pthread_mutex_unlock(&gated->mutex);
}
