/* SPDX-License-Identifier: MIT */
/* segment.c -- making a segment: written under another name, synced, renamed, directory synced.
 *
 * A failed sync here is not fatal: nothing was promised on a file that has no name yet.
 */
#include "segment.h"

#include <assert.h>
#include <decree/error.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "fs_util.h"

#define PIECE_BYTES (UINT64_C(1) << 20)
#define NEW_NAME "segment.new"
#define NAME_DIGITS 10u
#define NAME_END ".journal"

void segment_name(char *name, uint64_t number)
{
    assert(number > 0);
    assert(number <= SEGMENT_NUMBER_MAX);
    snprintf(name, FS_NAME_MAX, "%0*" PRIu64 NAME_END, (int)NAME_DIGITS, number);
}

uint64_t segment_number(const char *name)
{
    uint64_t number = 0;

    if (strlen(name) != NAME_DIGITS + strlen(NAME_END) || strcmp(name + NAME_DIGITS, NAME_END) != 0)
        return 0;
    for (size_t i = 0; i < NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return 0;
        number = number * 10 + (uint64_t)(name[i] - '0');
    }
    return number <= SEGMENT_NUMBER_MAX ? number : 0;
}

void segment_remove_unfinished(struct fs *fs, const char *directory)
{
    char path[FS_PATH_MAX];

    fs_path(path, directory, NEW_NAME);
    fs->ops->unlink(fs, path);
}

static int segment_fail(struct store_error *error, int result, const char *what, const char *path)
{
    assert(result < 0);
    return store_error_set(error, DECREE_IO, -result, "cannot %s %s: %s", what, path,
                           strerror(-result));
}

/* Claims space for as large a segment as there is room for. */
static int segment_reserve(const struct segment_order *order, int file, const char *path,
                           uint64_t *ret_bytes, struct store_error *error)
{
    uint64_t bytes = order->bytes;
    int result = order->fs->ops->reserve(order->fs, file, bytes);

    while (result == -ENOSPC && bytes / 2 >= order->bytes_min && order->bytes_min > 0) {
        bytes = bytes / 2 / SEGMENT_UNIT * SEGMENT_UNIT;
        result = order->fs->ops->reserve(order->fs, file, bytes);
    }
    if (result != 0 && result != -EOPNOTSUPP)
        return segment_fail(error, result, "reserve space for", path);
    *ret_bytes = bytes;
    return 0;
}

/* Writes the header and all the zeros, and syncs. */
static int segment_fill(const struct segment_order *order, int file, const char *path,
                        struct store_error *error)
{
    struct fs *fs = order->fs;
    struct segment_header header = {
        .version = FORMAT_VERSION, .incarnation = order->incarnation, .number = order->number};
    uint8_t data[SEGMENT_HEADER_BYTES];
    int result = segment_reserve(order, file, path, &header.bytes, error);

    if (result != 0)
        return result;
    for (uint64_t at = 0; at < header.bytes; at += PIECE_BYTES) {
        uint64_t size = header.bytes - at < PIECE_BYTES ? header.bytes - at : PIECE_BYTES;

        if ((result = fs_write_zeros(fs, file, size, at)) != 0)
            return segment_fail(error, result, "write zeros to", path);
        if (order->pace == NULL)
            continue;
        if ((result = fs->ops->sync(fs, file)) != 0)
            return segment_fail(error, result, "sync", path);
        if (!order->pace(order->pace_context))
            return store_error_set(error, DECREE_CLOSED, 0, "making %s was given up", path);
    }
    segment_header_encode(&header, data);
    if ((result = fs_write_all(fs, file, data, sizeof(data), 0)) != 0)
        return segment_fail(error, result, "write", path);
    if ((result = fs->ops->sync(fs, file)) != 0)
        return segment_fail(error, result, "sync", path);
    return 0;
}

int segment_prepare(const struct segment_order *order, struct store_error *ret_error)
{
    struct fs *fs = order->fs;
    char name[FS_NAME_MAX], path[FS_PATH_MAX], new_path[FS_PATH_MAX];
    int file, result;

    assert(order->bytes > SEGMENT_FRAMES_AT);
    assert(order->bytes <= SEGMENT_BYTES_MAX);
    segment_name(name, order->number);
    fs_path(path, order->directory, name);
    fs_path(new_path, order->directory, NEW_NAME);
    if ((result = fs->ops->open(fs, new_path, FS_OPEN_CREATE, &file)) != 0)
        return segment_fail(ret_error, result, "make", new_path);
    result = segment_fill(order, file, new_path, ret_error);
    fs->ops->close(fs, file);
    if (result != 0) {
        fs->ops->unlink(fs, new_path);
        return result;
    }
    if ((result = fs->ops->rename(fs, new_path, path)) != 0)
        return segment_fail(ret_error, result, "rename to", path);
    if ((result = fs->ops->sync_directory(fs, order->directory)) != 0)
        return segment_fail(ret_error, result, "sync directory", order->directory);
    return 0;
}
