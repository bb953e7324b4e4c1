/* SPDX-License-Identifier: MIT */
/* fs_util.h -- whole reads and writes over the table of fs.h, which may do less than asked for. */
#ifndef DECREE_STORE_FS_UTIL_H
#define DECREE_STORE_FS_UTIL_H

#include "fs.h"

#define FS_PATH_MAX 4096u
#define FS_NAME_MAX 64u /* of a file in the data directory */

/* Reads up to size bytes, fewer only at the end of the file. Bytes read or a negative errno. */
ssize_t fs_read_all(struct fs *fs, int file, void *data, size_t size, uint64_t offset);

/* Writes all pieces, in as few calls as possible; a file that takes no bytes counts as ENOSPC. 0 or
 * a negative errno. The pieces are used up. */
int fs_write_pieces(struct fs *fs, int file, struct iovec *pieces, size_t count, uint64_t offset);

int fs_write_all(struct fs *fs, int file, const void *data, size_t size, uint64_t offset);
int fs_write_zeros(struct fs *fs, int file, uint64_t size, uint64_t offset);

/* directory/name, into path[FS_PATH_MAX]. directory must have been checked to be short enough. */
void fs_path(char *path, const char *directory, const char *name);

#endif
