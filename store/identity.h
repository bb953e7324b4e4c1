/* SPDX-License-Identifier: MIT */
/* identity.h -- whose data directory this is. */
#ifndef DECREE_STORE_IDENTITY_H
#define DECREE_STORE_IDENTITY_H

#include <decree/paxos.h>

#include "fs.h"
#include "store_error.h"

#define IDENTITY_TEXT_MAX 255u /* bytes of a token or a name */

struct identity {
    char cluster_token[IDENTITY_TEXT_MAX + 1];
    char member_name[IDENTITY_TEXT_MAX + 1];
    decree_node_id member_id;
    uint64_t incarnation; /* random, of this directory */
};

/* Fills in all but the incarnation. INVALID: too long, empty, or with control characters. */
int identity_init(struct identity *identity, const char *cluster_token, const char *member_name,
                  decree_node_id member_id, struct store_error *ret_error);

/* Reads the identity of a directory. NOT_FOUND: it has none. Errors: IO, CORRUPT, VERSION. */
int identity_read(struct fs *fs, const char *directory, struct identity *ret_identity,
                  struct store_error *ret_error);

/* Makes it durable, under its name. Error: IO. */
int identity_write(struct fs *fs, const char *directory, const struct identity *identity,
                   struct store_error *ret_error);

/* 0, or IDENTITY if found is somebody else's directory; incarnations are not compared. */
int identity_compare(const struct identity *wanted, const struct identity *found,
                     const char *directory, struct store_error *ret_error);

#endif
