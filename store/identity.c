/* SPDX-License-Identifier: MIT */
/* identity.c -- the file "identity" of a data directory. It is text, for people:
 *
 *     decree 1
 *     cluster decree
 *     member n1
 *     id 1
 *     incarnation 9a3f00c1d2e4b577
 *     checksum 1b0c7e2f4a558d90
 *
 * The first line ends in the version of the format. The incarnation is random; every segment
 * carries it, so that segments of two directories never mix. The checksum is XXH3, seed 0, of all
 * lines before its own. Numbers other than version and id are 16 hexadecimal digits. Each line ends
 * in a newline.
 *
 * The file is written once, when the directory is new, after the first segment. A directory with
 * segments that were written to, or with an identity but no segments, has lost something: CORRUPT.
 */
#include "identity.h"

#include <assert.h>
#include <decree/error.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "format.h"
#include "fs_util.h"

#define IDENTITY_NAME "identity"
#define IDENTITY_NEW_NAME "identity.new"
#define IDENTITY_FILE_MAX 1024u

static bool text_usable(const char *text)
{
    size_t length = strlen(text);

    if (length == 0 || length > IDENTITY_TEXT_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

int identity_init(struct identity *identity, const char *cluster_token, const char *member_name,
                  decree_node_id member_id, struct store_error *ret_error)
{
    *identity = (struct identity){.member_id = member_id};
    if (!text_usable(cluster_token))
        return store_error_set(
            ret_error, DECREE_INVALID, 0,
            "the cluster token must have 1 to 255 bytes and no control characters");
    if (!text_usable(member_name))
        return store_error_set(
            ret_error, DECREE_INVALID, 0,
            "the member's name must have 1 to 255 bytes and no control characters");
    if (member_id == 0)
        return store_error_set(ret_error, DECREE_INVALID, 0, "the member's id must not be 0");
    memcpy(identity->cluster_token, cluster_token, strlen(cluster_token) + 1);
    memcpy(identity->member_name, member_name, strlen(member_name) + 1);
    return 0;
}

/* The lines before the checksum's; returns their length. */
static size_t identity_format(const struct identity *identity, char *text)
{
    int length = snprintf(text, IDENTITY_FILE_MAX,
                          "decree %u\ncluster %s\nmember %s\nid %" PRIu32
                          "\nincarnation %016" PRIx64 "\n",
                          FORMAT_VERSION, identity->cluster_token, identity->member_name,
                          identity->member_id, identity->incarnation);

    assert(length > 0);
    assert((size_t)length < IDENTITY_FILE_MAX);
    return (size_t)length;
}

/* Copies what follows key on the line at *at, and moves *at to the next line. False: it is not such
 * a line. */
static bool line_take(const char **at, const char *key, char *value, size_t value_size)
{
    size_t key_length = strlen(key);
    const char *end = strchr(*at, '\n');
    const char *start = *at + key_length;

    if (end == NULL || strncmp(*at, key, key_length) != 0 || (size_t)(end - start) >= value_size)
        return false;
    memcpy(value, start, (size_t)(end - start));
    value[end - start] = '\0';
    *at = end + 1;
    return true;
}

/* text ends in a zero byte. False: damaged. The version is set if it can be. */
static bool identity_parse(const char *text, struct identity *identity, unsigned long *version)
{
    const char *at = text;
    char number[24];
    char again[IDENTITY_FILE_MAX];
    char sum[24];
    size_t length;

    if (!line_take(&at, "decree ", number, sizeof(number)))
        return false;
    *version = strtoul(number, NULL, 10);
    if (!line_take(&at, "cluster ", identity->cluster_token, sizeof(identity->cluster_token)) ||
        !line_take(&at, "member ", identity->member_name, sizeof(identity->member_name)) ||
        !line_take(&at, "id ", number, sizeof(number)))
        return false;
    identity->member_id = (decree_node_id)strtoul(number, NULL, 10);
    if (!line_take(&at, "incarnation ", number, sizeof(number)))
        return false;
    identity->incarnation = strtoull(number, NULL, 16);
    length = identity_format(identity, again);
    if (length != (size_t)(at - text) || memcmp(text, again, length) != 0)
        return false;
    snprintf(sum, sizeof(sum), "%016" PRIx64, checksum(text, length, 0));
    return line_take(&at, "checksum ", number, sizeof(number)) && strcmp(number, sum) == 0 &&
           *at == '\0';
}

/* True if the text is a whole file with a matching checksum, whatever its lines say. */
static bool identity_intact(const char *text)
{
    const char *last = strstr(text, "\nchecksum ");
    char expected[40];

    if (last == NULL)
        return false;
    snprintf(expected, sizeof(expected), "\nchecksum %016" PRIx64 "\n",
             checksum(text, (size_t)(last + 1 - text), 0));
    return strcmp(last, expected) == 0;
}

int identity_read(struct fs *fs, const char *directory, struct identity *ret_identity,
                  struct store_error *ret_error)
{
    char path[FS_PATH_MAX];
    char text[IDENTITY_FILE_MAX + 1] = {0};
    struct identity identity = {.member_id = 0};
    unsigned long version = 0;
    bool sound;
    int file, result;
    ssize_t size;

    fs_path(path, directory, IDENTITY_NAME);
    result = fs->ops->open(fs, path, FS_OPEN_READ, &file);
    if (result == -ENOENT)
        return store_error_set(ret_error, DECREE_NOT_FOUND, 0, "%s does not exist", path);
    if (result != 0)
        return store_error_set(ret_error, DECREE_IO, -result, "cannot open %s: %s", path,
                               strerror(-result));
    size = fs_read_all(fs, file, text, IDENTITY_FILE_MAX, 0);
    fs->ops->close(fs, file);
    if (size < 0)
        return store_error_set(ret_error, DECREE_IO, (int)-size, "cannot read %s: %s", path,
                               strerror((int)-size));
    sound = strlen(text) == (size_t)size && identity_parse(text, &identity, &version);
    if (version != FORMAT_VERSION && version != 0 && identity_intact(text))
        return store_error_set(ret_error, DECREE_VERSION, 0,
                               "%s is of version %lu, this program knows %u", path, version,
                               FORMAT_VERSION);
    if (!sound)
        return store_error_set(ret_error, DECREE_CORRUPT, 0,
                               "%s is damaged: its checksum does not match at byte 0 to %zd", path,
                               size);
    *ret_identity = identity;
    return 0;
}

static int identity_fail(struct store_error *error, int result, const char *what, const char *path)
{
    assert(result < 0);
    return store_error_set(error, DECREE_IO, -result, "cannot %s %s: %s", what, path,
                           strerror(-result));
}

int identity_write(struct fs *fs, const char *directory, const struct identity *identity,
                   struct store_error *ret_error)
{
    char path[FS_PATH_MAX], new_path[FS_PATH_MAX], text[IDENTITY_FILE_MAX];
    size_t length = identity_format(identity, text);
    int file, result;

    length += (size_t)snprintf(text + length, sizeof(text) - length, "checksum %016" PRIx64 "\n",
                               checksum(text, length, 0));
    assert(length < sizeof(text));
    fs_path(path, directory, IDENTITY_NAME);
    fs_path(new_path, directory, IDENTITY_NEW_NAME);
    if ((result = fs->ops->open(fs, new_path, FS_OPEN_CREATE, &file)) != 0)
        return identity_fail(ret_error, result, "make", new_path);
    result = fs_write_all(fs, file, text, length, 0);
    if (result == 0)
        result = fs->ops->sync(fs, file);
    fs->ops->close(fs, file);
    if (result != 0)
        return identity_fail(ret_error, result, "write", new_path);
    if ((result = fs->ops->rename(fs, new_path, path)) != 0)
        return identity_fail(ret_error, result, "rename to", path);
    if ((result = fs->ops->sync_directory(fs, directory)) != 0)
        return identity_fail(ret_error, result, "sync directory", directory);
    return 0;
}

int identity_compare(const struct identity *wanted, const struct identity *found,
                     const char *directory, struct store_error *ret_error)
{
    assert(wanted->member_id != 0);
    if (strcmp(wanted->cluster_token, found->cluster_token) != 0)
        return store_error_set(ret_error, DECREE_IDENTITY, 0,
                               "%s belongs to cluster \"%.100s\", not to \"%.100s\"", directory,
                               found->cluster_token, wanted->cluster_token);
    if (strcmp(wanted->member_name, found->member_name) != 0 ||
        wanted->member_id != found->member_id)
        return store_error_set(ret_error, DECREE_IDENTITY, 0,
                               "%s belongs to member \"%.100s\" with id %" PRIu32
                               ", not to \"%.100s\" with id %" PRIu32,
                               directory, found->member_name, found->member_id, wanted->member_name,
                               wanted->member_id);
    return 0;
}
