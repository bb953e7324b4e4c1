/* SPDX-License-Identifier: MIT */
/* snapshot_file.c -- see snapshot_file.h. */
#include "snapshot_file.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

#define PORTION_BYTES ((size_t)256 << 10)
#define TOKEN_SUM_BYTES 16u /* of the sum, in the token */
#define PATH_BYTES 4096u

/* A file of bbolt has this, little-endian, in its first page. */
#define BBOLT_MAGIC 0xED0CDAEDu
#define BBOLT_MAGIC_AT 16u

struct snapshot_file {
    const char *path;
    FILE *file;
    uint64_t size, data_size; /* without the sum */
    struct sha256 *sha256;
    uint8_t *portion;
    struct snapshot_reader *reader; /* one of the two */
    struct snapshot_loader *loader;
    bool is_of_etcd;
    char *sentence;
};

static int fail_errno(const struct snapshot_file *file, const char *what)
{
    return sentence_fail(file->sentence, errno == ENOENT ? DECREE_NOT_FOUND : DECREE_IO,
                         "cannot %s '%.500s': %s", what, file->path, strerror(errno));
}

/* ---- what is wrong with it ---- */

static const char *reason_of(const struct snapshot_file *file, uint64_t *ret_offset)
{
    return file->loader != NULL ? snapshot_loader_reason(file->loader, ret_offset)
                                : snapshot_reader_reason(file->reader, ret_offset);
}

static int fail_foreign(const struct snapshot_file *file)
{
    if (file->is_of_etcd)
        return sentence_fail(
            file->sentence, DECREE_INVALID,
            "'%.500s' is a snapshot or database of etcd (a bbolt file); decree restores its own "
            "snapshots only. Start the etcd that it belongs to, and copy the keys with "
            "`etcdctl make-mirror`",
            file->path);
    return sentence_fail(file->sentence, DECREE_INVALID, "'%.500s' is no snapshot of decree",
                         file->path);
}

static int fail_snapshot(const struct snapshot_file *file, enum snapshot_error error)
{
    uint64_t offset;
    const char *reason = reason_of(file, &offset);

    switch (error) {
    case SNAPSHOT_FOREIGN:
        return fail_foreign(file);
    case SNAPSHOT_VERSION:
        return sentence_fail(file->sentence, DECREE_VERSION, "'%.500s': %s", file->path, reason);
    case SNAPSHOT_DAMAGED:
    case SNAPSHOT_CUT_OFF:
        return sentence_fail(file->sentence, DECREE_CORRUPT,
                             "'%.500s' is damaged: %s, in what begins at byte %" PRIu64, file->path,
                             reason, offset);
    case SNAPSHOT_OK:
    case SNAPSHOT_NO_MEMORY:
        break;
    }
    return sentence_fail(file->sentence, DECREE_NOMEM, "%s", decree_error_text(DECREE_NOMEM));
}

/* ---- reading ---- */

static int open_file(struct snapshot_file *file)
{
    long size;

    file->file = fopen(file->path, "rb");
    if (file->file == NULL)
        return fail_errno(file, "open");
    if (fseek(file->file, 0, SEEK_END) != 0 || (size = ftell(file->file)) < 0 ||
        fseek(file->file, 0, SEEK_SET) != 0)
        return fail_errno(file, "read");
    file->size = (uint64_t)size;
    file->data_size = file->size % SNAPSHOT_UNIT == SHA256_BYTES ? file->size - SHA256_BYTES
                                                                 : file->size;
    file->sha256 = sha256_new();
    file->portion = malloc(PORTION_BYTES);
    if (file->sha256 == NULL || file->portion == NULL)
        return sentence_fail(file->sentence, DECREE_NOMEM, "%s", decree_error_text(DECREE_NOMEM));
    return 0;
}

static void close_file(struct snapshot_file *file)
{
    if (file->file != NULL)
        fclose(file->file);
    sha256_free(file->sha256);
    free(file->portion);
    snapshot_reader_free(file->reader);
    snapshot_loader_free(file->loader);
}

static int read_bytes_of(struct snapshot_file *file, void *data, size_t size)
{
    errno = EIO;
    return fread(data, 1, size, file->file) == size ? 0 : fail_errno(file, "read");
}

static void look_for_etcd(struct snapshot_file *file, size_t size)
{
    const uint8_t *at = file->portion + BBOLT_MAGIC_AT;

    file->is_of_etcd = size >= BBOLT_MAGIC_AT + 4 &&
                       ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                        (uint32_t)at[3] << 24) == BBOLT_MAGIC;
}

static int read_data(struct snapshot_file *file)
{
    for (uint64_t at = 0; at < file->data_size;) {
        uint64_t left = file->data_size - at;
        size_t size = left < PORTION_BYTES ? (size_t)left : PORTION_BYTES;
        enum snapshot_error error;

        if (read_bytes_of(file, file->portion, size) != 0)
            return DECREE_IO;
        if (at == 0)
            look_for_etcd(file, size);
        sha256_add(file->sha256, file->portion, size);
        error = file->loader != NULL ? snapshot_loader_add(file->loader, file->portion, size)
                                     : snapshot_reader_add(file->reader, file->portion, size);
        if (error != SNAPSHOT_OK)
            return fail_snapshot(file, error);
        at += size;
    }
    return 0;
}

static int check_sum(struct snapshot_file *file, uint8_t *ret_sum)
{
    uint8_t there[SHA256_BYTES];

    sha256_end(file->sha256, ret_sum);
    if (file->data_size == file->size)
        return sentence_fail(file->sentence, DECREE_CORRUPT,
                             "'%.500s' is cut off: the SHA-256 sum at its end is missing",
                             file->path);
    if (read_bytes_of(file, there, sizeof(there)) != 0)
        return DECREE_IO;
    if (memcmp(there, ret_sum, sizeof(there)) != 0)
        return sentence_fail(
            file->sentence, DECREE_CORRUPT,
            "'%.500s' is damaged: the SHA-256 sum at its end is not that of what is before",
            file->path);
    return 0;
}

/* ret_kv is NULL if there is a reader, else there is a loader. */
static int finish(struct snapshot_file *file, struct kv **ret_kv)
{
    enum snapshot_error error = ret_kv != NULL ? snapshot_loader_finish(file->loader, ret_kv)
                                               : snapshot_reader_finish(file->reader);

    return error == SNAPSHOT_OK ? 0 : fail_snapshot(file, error);
}

static int read_all(struct snapshot_file *file, struct kv **ret_kv,
                    struct snapshot_summary *ret_summary)
{
    struct kv *kv = NULL;
    int error;

    if (file->reader == NULL && file->loader == NULL)
        return sentence_fail(file->sentence, DECREE_NOMEM, "%s", decree_error_text(DECREE_NOMEM));
    error = open_file(file);
    if (error == 0)
        error = read_data(file);
    if (error == 0)
        error = finish(file, ret_kv != NULL ? &kv : NULL);
    if (error == 0)
        error = check_sum(file, ret_summary->sum);
    if (error != 0) {
        kv_free(kv);
        return error;
    }
    ret_summary->file_bytes = file->size;
    ret_summary->header = ret_kv != NULL ? *snapshot_loader_header(file->loader)
                                         : *snapshot_reader_header(file->reader);
    if (ret_kv != NULL)
        *ret_kv = kv;
    return 0;
}

int snapshot_file_check(const char *path, struct snapshot_summary *ret_summary, char *sentence)
{
    struct snapshot_visitor visitor = {0};
    struct snapshot_file file = {
        .path = path, .reader = snapshot_reader_new(&visitor), .sentence = sentence};
    int error = read_all(&file, NULL, ret_summary);

    close_file(&file);
    return error;
}

int snapshot_file_load(const char *path, const struct kv_options *options, struct kv **ret_kv,
                       struct snapshot_summary *ret_summary, char *sentence)
{
    struct snapshot_file file = {
        .path = path, .loader = snapshot_loader_new(options), .sentence = sentence};
    int error = read_all(&file, ret_kv, ret_summary);

    close_file(&file);
    return error;
}

/* ---- the base of a data directory ---- */

static int base_path(const char *data_dir, char *path, char *sentence)
{
    int size = snprintf(path, PATH_BYTES, "%s/" SNAPSHOT_BASE_NAME, data_dir);

    return size > 0 && (size_t)size < PATH_BYTES
               ? 0
               : sentence_fail(sentence, DECREE_INVALID,
                               "the name of the data directory is too long");
}

int snapshot_base_token(const char *token, const uint8_t *sum, char *ret_token, char *sentence)
{
    size_t size = strlen(token);
    char *at = ret_token + size;

    if (size + sizeof("-base-") + (sum == NULL ? 0 : 2 * TOKEN_SUM_BYTES) > SNAPSHOT_TOKEN_BYTES)
        return sentence_fail(sentence, DECREE_INVALID, "the token of the cluster is too long");
    memcpy(ret_token, token, size + 1);
    if (sum == NULL)
        return 0;
    at += snprintf(at, sizeof("-base-"), "-base-");
    for (size_t i = 0; i < TOKEN_SUM_BYTES; i++)
        at += snprintf(at, 3, "%02x", sum[i]);
    return 0;
}

/* The sum at the end of the file. */
static int read_sum(struct snapshot_file *file, uint8_t *ret_sum)
{
    file->file = fopen(file->path, "rb");
    if (file->file == NULL)
        return fail_errno(file, "open");
    if (fseek(file->file, -(long)SHA256_BYTES, SEEK_END) != 0)
        return sentence_fail(file->sentence, DECREE_CORRUPT, "'%.500s' is cut off", file->path);
    return read_bytes_of(file, ret_sum, SHA256_BYTES);
}

int snapshot_base_find(const char *data_dir, const char *token, char *ret_token, bool *ret_found,
                       char *sentence)
{
    char path[PATH_BYTES];
    uint8_t sum[SHA256_BYTES];
    struct snapshot_file file = {.path = path, .sentence = sentence};
    int error = base_path(data_dir, path, sentence);

    *ret_found = false;
    if (error != 0)
        return error;
    error = read_sum(&file, sum);
    close_file(&file);
    if (error != 0 && error != DECREE_NOT_FOUND)
        return error;
    *ret_found = error == 0;
    return snapshot_base_token(token, *ret_found ? sum : NULL, ret_token, sentence);
}

int snapshot_base_load(const char *data_dir, const struct kv_options *options, struct kv **ret_kv,
                       char *sentence)
{
    struct snapshot_summary summary;
    char path[PATH_BYTES];
    int error = base_path(data_dir, path, sentence);

    return error != 0 ? error : snapshot_file_load(path, options, ret_kv, &summary, sentence);
}
