/* SPDX-License-Identifier: MIT */
/* disk_journal_open.c -- opening a data directory: lock, identity, and what makes a new directory
 * whole.
 *
 * Order of a new directory: the directory itself, the lock, the first segment, the identity; each
 * durable before the next. So an identity without segments means that segments were lost, and
 * segments without an identity are either one that was never used, which is made again, or evidence
 * of a lost identity.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk_journal_inside.h"

#define SEGMENT_BYTES_DEFAULT (UINT64_C(64) << 20)
#define FIRST_SEGMENT_BYTES_DEFAULT (UINT64_C(8) << 20)
#define VALUE_BYTES_MAX_DEFAULT (2u << 20)
#define LOCK_NAME "lock"

static int open_fail(struct store_error *error, int result, const char *what, const char *path)
{
    assert(result < 0);
    return store_error_set(error, DECREE_IO, -result, "cannot %s %s: %s", what, path,
                           strerror(-result));
}

/* Syncs the directory that holds path. */
static int sync_parent(struct fs *fs, const char *path)
{
    char parent[FS_PATH_MAX];
    size_t length = strlen(path);

    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    if (length == 0)
        return fs->ops->sync_directory(fs, ".");
    memcpy(parent, path, length);
    parent[length] = '\0';
    return fs->ops->sync_directory(fs, parent);
}

static int lock_directory(struct disk_journal *journal, struct store_error *error)
{
    struct fs *fs = journal->fs;
    char path[FS_PATH_MAX];
    int result = fs->ops->make_directory(fs, journal->directory);

    if (result != 0 && result != -EEXIST)
        return open_fail(error, result, "make directory", journal->directory);
    if ((result = sync_parent(fs, journal->directory)) != 0)
        return open_fail(error, result, "sync the parent of", journal->directory);
    fs_path(path, journal->directory, LOCK_NAME);
    result = fs->ops->lock(fs, path, &journal->lock_file);
    if (result == 0)
        return 0;
    journal->lock_file = FILE_NONE;
    if (result == -EWOULDBLOCK)
        return store_error_set(error, DECREE_LOCKED, 0, "another process uses %s: %s is locked",
                               journal->directory, path);
    return open_fail(error, result, "lock", path);
}

static int note_segment(void *context, const char *name)
{
    uint64_t *highest = context;
    uint64_t number = segment_number(name);

    if (number > *highest)
        *highest = number;
    return 0;
}

/* True if the first segment holds nothing: no seal, and zeros where a first frame would be. */
static int first_segment_unused(struct disk_journal *journal, bool *ret_unused,
                                struct store_error *error)
{
    static const uint8_t zeros[FRAME_HEADER_BYTES];
    uint8_t data[FRAME_HEADER_BYTES];
    char path[FS_PATH_MAX];
    bool unused = true;
    int file, result;

    disk_journal_path(journal, 1, path);
    if ((result = journal->fs->ops->open(journal->fs, path, FS_OPEN_READ, &file)) != 0)
        return open_fail(error, result, "open", path);
    for (uint64_t at = SEGMENT_SEAL_AT; at <= SEGMENT_FRAMES_AT;
         at += SEGMENT_FRAMES_AT - SEGMENT_SEAL_AT) {
        ssize_t size = fs_read_all(journal->fs, file, data, sizeof(data), at);

        if (size != (ssize_t)sizeof(data) || memcmp(data, zeros, sizeof(data)) != 0)
            unused = false;
    }
    journal->fs->ops->close(journal->fs, file);
    *ret_unused = unused;
    return 0;
}

/* There is no identity: makes the directory whole, if it is a new one. */
static int make_new(struct disk_journal *journal, uint64_t first_segment_bytes,
                    struct store_error *error)
{
    struct fs *fs = journal->fs;
    struct segment_order order = {
        .fs = fs, .directory = journal->directory, .number = 1, .bytes = first_segment_bytes};
    uint64_t highest = 0;
    bool unused = true;
    int result = fs->ops->list(fs, journal->directory, note_segment, &highest);

    if (result != 0)
        return open_fail(error, result, "list", journal->directory);
    if (highest == 1 && (result = first_segment_unused(journal, &unused, error)) != 0)
        return result;
    if (highest > 1 || !unused)
        return store_error_set(error, DECREE_CORRUPT, 0,
                               "%s holds a journal but its file identity is missing",
                               journal->directory);
    do
        journal->identity.incarnation = fs->ops->random(fs);
    while (journal->identity.incarnation == 0);
    order.incarnation = journal->identity.incarnation;
    if ((result = segment_prepare(&order, error)) != 0)
        return result;
    return identity_write(fs, journal->directory, &journal->identity, error);
}

static int check_identity(struct disk_journal *journal, uint64_t first_segment_bytes,
                          struct store_error *error)
{
    struct identity found;
    int result = identity_read(journal->fs, journal->directory, &found, error);

    if (result == DECREE_NOT_FOUND)
        return make_new(journal, first_segment_bytes, error);
    if (result != 0)
        return result;
    if ((result = identity_compare(&journal->identity, &found, journal->directory, error)) != 0)
        return result;
    journal->identity.incarnation = found.incarnation;
    return 0;
}

/* Takes in sizes and checks them. */
static int check_sizes(struct disk_journal *journal, const struct disk_journal_options *options,
                       uint64_t *ret_first_bytes, struct store_error *error)
{
    uint64_t first = options->first_segment_bytes ? options->first_segment_bytes
                                                  : FIRST_SEGMENT_BYTES_DEFAULT;

    journal->segment_bytes = options->segment_bytes ? options->segment_bytes
                                                    : SEGMENT_BYTES_DEFAULT;
    journal->value_bytes_max = options->value_bytes_max ? options->value_bytes_max
                                                        : VALUE_BYTES_MAX_DEFAULT;
    journal->segment_bytes = (journal->segment_bytes + SEGMENT_UNIT - 1) &
                             ~(uint64_t)(SEGMENT_UNIT - 1);
    first = (first + SEGMENT_UNIT - 1) & ~(uint64_t)(SEGMENT_UNIT - 1);
    if (first > journal->segment_bytes)
        first = journal->segment_bytes;
    if (journal->segment_bytes > SEGMENT_BYTES_MAX || first <= SEGMENT_FRAMES_AT ||
        journal->segment_bytes < (uint64_t)journal->value_bytes_max + SEGMENT_FRAMES_AT +
                                     FRAME_HEADER_BYTES + RECORD_BYTES_MAX)
        return store_error_set(
            error, DECREE_INVALID, 0,
            "the journal's segments must be large enough for one value and at most 1 GiB");
    *ret_first_bytes = first;
    return 0;
}

static int open_steps(struct disk_journal *journal, const struct disk_journal_options *options,
                      struct store_error *error)
{
    const char *token = options->cluster_token ? options->cluster_token : "decree";
    uint64_t first_bytes = 0;
    int result;

    if ((result = check_sizes(journal, options, &first_bytes, error)) != 0)
        return result;
    if (options->directory == NULL || options->directory[0] == '\0' ||
        strlen(options->directory) + FS_NAME_MAX >= FS_PATH_MAX)
        return store_error_set(error, DECREE_INVALID, 0,
                               "the data directory's name is missing or too long");
    if (options->member_name == NULL)
        return store_error_set(error, DECREE_INVALID, 0, "the member's name is missing");
    if ((result = identity_init(&journal->identity, token, options->member_name, options->member_id,
                                error)) != 0)
        return result;
    journal->directory = strdup(options->directory);
    if (journal->directory == NULL)
        return store_error_set(error, DECREE_NOMEM, 0, "out of memory");
    if ((result = lock_directory(journal, error)) != 0)
        return result;
    return check_identity(journal, first_bytes, error);
}

int disk_journal_open(struct disk_journal **ret_journal, const struct disk_journal_options *options,
                      struct store_error *ret_error)
{
    struct disk_journal *journal = calloc(1, sizeof(*journal));
    int result;

    if (journal == NULL)
        return store_error_set(ret_error, DECREE_NOMEM, 0, "out of memory");
    journal->fs = options->fs ? options->fs : fs_system();
    journal->lock_file = FILE_NONE;
    journal->file = FILE_NONE;
    result = open_steps(journal, options, ret_error);
    if (result != 0) {
        disk_journal_close(journal);
        return result;
    }
    *ret_journal = journal;
    return 0;
}
