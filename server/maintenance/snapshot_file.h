/* SPDX-License-Identifier: MIT */
/* snapshot_file.h -- reads a snapshot from a file: what Maintenance/Snapshot gives, blob after blob.
 *
 *     the bytes of kv/snapshot.h, a multiple of 512
 *     their SHA-256, 32 bytes
 *
 * A data directory that was restored from one has it as base.snapshot: its member's store begins as
 * that, and the log goes on from there. Members that began differently must not work together, so
 * the sum becomes a part of the cluster's token.
 */
#ifndef DECREE_SERVER_SNAPSHOT_FILE_H
#define DECREE_SERVER_SNAPSHOT_FILE_H

#include "sentence.h"
#include "sha256.h"
#include "snapshot.h"

#define SNAPSHOT_BASE_NAME "base.snapshot"
#define SNAPSHOT_TOKEN_BYTES 256u

struct snapshot_summary {
    struct snapshot_header header;
    uint64_t file_bytes;
    uint8_t sum[SHA256_BYTES];
};

/* Reads all of it and checks what can be checked without a store. Errors, with a sentence of
 * SENTENCE_BYTES: NOT_FOUND, IO, NOMEM; INVALID (it is something else), VERSION,
 * CORRUPT. */
int snapshot_file_check(const char *path, struct snapshot_summary *ret_summary, char *sentence);

/* The same, and makes a store of it. */
int snapshot_file_load(const char *path, const struct kv_options *options, struct kv **ret_kv,
                       struct snapshot_summary *ret_summary, char *sentence);

/* The token of a cluster that began as the snapshot of this sum, or, if that is NULL, empty; ret_token
 * has SNAPSHOT_TOKEN_BYTES. INVALID: it does not fit. */
int snapshot_base_token(const char *token, const uint8_t *sum, char *ret_token, char *sentence);

/* Was the data directory restored from a snapshot? And the token of its cluster, if `token` is what
 * the user calls it. Errors: INVALID, IO, CORRUPT. */
int snapshot_base_find(const char *data_dir, const char *token, char *ret_token, bool *ret_found,
                       char *sentence);

/* The store that it begins with. Errors as snapshot_file_load(). */
int snapshot_base_load(const char *data_dir, const struct kv_options *options, struct kv **ret_kv,
                       char *sentence);

#endif
