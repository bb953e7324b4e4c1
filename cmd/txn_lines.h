/* SPDX-License-Identifier: MIT */
/* txn_lines.h -- a txn as etcdctl's users write it, line by line.
 *
 *     TARGET("KEY") OP "VALUE"     compares, until an empty line; TARGET is value, version, create, mod or
 *                                  lease, OP is = != < or >
 *     COMMAND                      what is done if all hold, until an empty line
 *     COMMAND                      what is done if not, until an empty line or the end
 *
 *     COMMAND    put KEY VALUE [--prev-kv]
 *                get KEY [RANGE_END] [--prefix | --from-key]
 *                del KEY [RANGE_END] [--prefix | --from-key] [--prev-kv]
 *
 * A word with spaces stands in "double quotes", where \" \\ \n \t and \xHH are understood, or in
 * 'single quotes', where nothing is.
 */
#ifndef DECREE_CMD_TXN_LINES_H
#define DECREE_CMD_TXN_LINES_H

#include <stdbool.h>

#include "rpc.pb-c.h"

#define TXN_LINES_MAX 128u /* of each part: no server takes more */
#define TXN_REASON_BYTES 200u

struct txn_part {
    Etcdserverpb__RequestOp ops[TXN_LINES_MAX];
    Etcdserverpb__RequestOp *pointers[TXN_LINES_MAX];
    union {
        Etcdserverpb__RangeRequest range;
        Etcdserverpb__PutRequest put;
        Etcdserverpb__DeleteRangeRequest delete_range;
    } requests[TXN_LINES_MAX];
    void *memory[TXN_LINES_MAX]; /* of ranges */
    size_t count;
};

struct txn_lines {
    Etcdserverpb__Compare compares[TXN_LINES_MAX];
    Etcdserverpb__Compare *compare_pointers[TXN_LINES_MAX];
    size_t compare_count;
    struct txn_part success, failure;
    unsigned line; /* the one that is read */
    char reason[TXN_REASON_BYTES];
};

/* Reads the text, which is changed on the way and must stay; it ends with a zero byte. False: the
 * line txn->line makes no sense, and txn->reason says why. */
bool txn_lines_read(struct txn_lines *txn, char *text, Etcdserverpb__TxnRequest *ret_request);

/* After a failure too. */
void txn_lines_release(struct txn_lines *txn);

#endif
