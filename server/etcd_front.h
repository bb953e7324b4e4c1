/* SPDX-License-Identifier: MIT */
/* etcd_front.h -- the client port of a member: etcd's API over a backend. The front of server/.
 *
 *     etcd_front_open(&front, loop, &options);
 *     etcd_front_listen(front, "127.0.0.1", 2379, &port);
 *     ... the loop runs ...
 *     etcd_front_close(front, 1000, closed, context);   stops to accept, lets open calls end
 *     ... closed() was called; then the node is closed, which completes what it still had with LOST ...
 *     etcd_front_free(front);
 *
 * All calls on the loop thread. What is to be written is written once a turn, before the loop
 * sleeps; an owner whose own work comes after that may call etcd_front_flush(). An owner that tidies
 * the store calls etcd_front_tell() before.
 */
#ifndef DECREE_SERVER_ETCD_FRONT_H
#define DECREE_SERVER_ETCD_FRONT_H

#include "backend.h"
#include "http2.h"

struct etcd_front;

struct etcd_front_options {
    struct backend *backend;     /* this and the next two are borrowed until etcd_front_free() */
    const struct logger *logger; /* NULL: silent */
    const struct http2_limits *limits; /* NULL: the defaults */
    uint32_t request_timeout_ms;       /* 0: 7000, etcd's with its default election timeout */
    uint32_t election_ms;              /* 0: 1000, etcd's */
    uint32_t lease_seconds_min;        /* 0: 2, etcd's with its default election timeout */
    uint32_t snapshot_patience_ms;     /* 0: two minutes; see snapshot_pump.h */
    uint32_t watch_progress_ms;        /* 0: ten minutes, as etcd; up to a tenth is added */
    size_t request_bytes_max; /* of a change; 0: 1.5 MiB, as etcd. The port takes half a MiB more */
    size_t txn_ops_max;       /* of a level of a txn; 0: 128, as etcd */
    const char *cors;         /* origins that a page may come from, by commas; NULL or "*": all */
    const char *host_whitelist; /* names that a client may call this host by; NULL or "*": all */
};

/* Errors: NOMEM, INVALID: what cors lists is no origin. */
int etcd_front_open(struct etcd_front **ret_front, uv_loop_t *loop,
                    const struct etcd_front_options *options);

/* A numeric address, one of a few; port 0 takes a free one. Returns 0 or libuv's error. */
int etcd_front_listen(struct etcd_front *front, const char *host, uint16_t port,
                      uint16_t *ret_port);

/* The same for another port, where only /metrics and the health of the member are served. Not after
 * etcd_front_close(). */
int etcd_front_listen_metrics(struct etcd_front *front, const char *host, uint16_t port,
                              uint16_t *ret_port);

void etcd_front_flush(struct etcd_front *front);

/* Tells watches what the turn changed, while the store still has it all. */
void etcd_front_tell(struct etcd_front *front);

void etcd_front_close(struct etcd_front *front, uint32_t grace_ms, void (*closed)(void *context),
                      void *context);
void etcd_front_free(struct etcd_front *front);

/* Lets the process have as many descriptors as it may. Returns how many these are. */
uint64_t etcd_front_raise_descriptors(void);

#endif
