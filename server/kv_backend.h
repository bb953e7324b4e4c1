/* SPDX-License-Identifier: MIT */
/* kv_backend.h -- the backend port on a node of this process: its engine, and the store that it
 * keeps. */
#ifndef DECREE_SERVER_KV_BACKEND_H
#define DECREE_SERVER_KV_BACKEND_H

#include "backend.h"
#include "file_shelf.h"
#include "host.h"
#include "kv_quota.h"

#define KV_BACKEND_URL_BYTES 320u
#define KV_BACKEND_URLS_BYTES 4096u

struct kv_backend {
    struct backend base;
    struct host *host; /* NULL: not yet, or no more */
    struct kv *kv;
    struct file_shelf *shelf; /* where the store's older slabs are */
    struct kv_result result;  /* of the last command applied */
    struct kv_quota quota;
    struct cluster_spec cluster;
    decree_node_id self;
    const char *cluster_token;
    char peer_urls[DECREE_MEMBERS_MAX][KV_BACKEND_URL_BYTES]; /* printed when asked for */
    char client_urls[KV_BACKEND_URLS_BYTES]; /* of this member, separated by zeros */
    size_t client_url_count;
};

/* Makes an empty store, which keeps what is older in files of data_dir. cluster_token and logger
 * are borrowed until release. Errors: NOMEM. */
int kv_backend_init(struct kv_backend *backend, const struct cluster_spec *cluster,
                    decree_node_id self, const char *cluster_token, const char *data_dir,
                    const struct logger *logger);

/* The store begins as the base that the data directory was restored with, see snapshot_file.h, not empty.
 * Errors, with a sentence of SENTENCE_BYTES: NOMEM, IO, INVALID, VERSION, CORRUPT. */
int kv_backend_load_base(struct kv_backend *backend, const char *data_dir,
                         const struct logger *logger, char *sentence);

/* How much the store may hold; 0: the default, negative: anything. */
void kv_backend_set_quota(struct kv_backend *backend, int64_t bytes);

/* What the host is to be opened with; then backend->host is to be set. */
struct decree_machine kv_backend_machine(struct kv_backend *backend);

/* A bit of work on what compaction left behind, between turns, and then a look at the quota. True:
 * there is more. */
bool kv_backend_tidy(struct kv_backend *backend);

/* Clients reach this member here: "http://host:port,http://...". Errors: TOO_LARGE. */
int kv_backend_set_client_urls(struct kv_backend *backend, const char *urls);

void kv_backend_release(struct kv_backend *backend);

#endif
