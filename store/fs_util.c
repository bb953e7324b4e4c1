/* SPDX-License-Identifier: MIT */
/* fs_util.c -- whole reads and writes over the table of fs.h. */
#include "fs_util.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#define ZEROS_BYTES ((size_t)64 << 10)
#define ZEROS_PIECES 16u

ssize_t fs_read_all(struct fs *fs, int file, void *data, size_t size, uint64_t offset)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = fs->ops->read(fs, file, (uint8_t *)data + done, size - done, offset + done);

        if (got < 0)
            return got;
        if (got == 0)
            break;
        assert((size_t)got <= size - done);
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* Takes put bytes off the front of the pieces; returns how many pieces are gone. */
static size_t pieces_consume(struct iovec *pieces, size_t count, size_t put)
{
    size_t i = 0;

    for (; i < count && put >= pieces[i].iov_len; i++)
        put -= pieces[i].iov_len;
    if (put > 0) {
        assert(i < count);
        pieces[i].iov_base = (uint8_t *)pieces[i].iov_base + put;
        pieces[i].iov_len -= put;
    }
    return i;
}

int fs_write_pieces(struct fs *fs, int file, struct iovec *pieces, size_t count, uint64_t offset)
{
    while (count > 0) {
        size_t turn = count < IOV_MAX ? count : IOV_MAX;
        ssize_t put = fs->ops->write(fs, file, pieces, (int)turn, offset);
        size_t gone;

        if (put < 0)
            return (int)put;
        gone = pieces_consume(pieces, count, (size_t)put);
        if (put == 0 && gone == 0)
            return -ENOSPC;
        pieces += gone;
        count -= gone;
        offset += (uint64_t)put;
    }
    return 0;
}

int fs_write_all(struct fs *fs, int file, const void *data, size_t size, uint64_t offset)
{
    struct iovec piece = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};

    return fs_write_pieces(fs, file, &piece, 1, offset);
}

int fs_write_zeros(struct fs *fs, int file, uint64_t size, uint64_t offset)
{
    static uint8_t zeros[ZEROS_BYTES]; /* never written to */

    while (size > 0) {
        struct iovec pieces[ZEROS_PIECES];
        size_t count = 0;
        uint64_t turn = 0;
        int result;

        for (; count < ZEROS_PIECES && turn < size; count++) {
            uint64_t length = size - turn < ZEROS_BYTES ? size - turn : ZEROS_BYTES;

            pieces[count] = (struct iovec){.iov_base = zeros, .iov_len = (size_t)length};
            turn += length;
        }
        result = fs_write_pieces(fs, file, pieces, count, offset);
        if (result != 0)
            return result;
        offset += turn;
        size -= turn;
    }
    return 0;
}

void fs_path(char *path, const char *directory, const char *name)
{
    int length = snprintf(path, FS_PATH_MAX, "%s/%s", directory, name);

    assert(length > 0);
    assert((size_t)length < FS_PATH_MAX);
}
