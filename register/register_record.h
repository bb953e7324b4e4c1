/* SPDX-License-Identifier: MIT */
/* register_record.h -- what must survive, byte by byte.
 *
 *     1 byte   kind
 *     then     1 boot      incarnation
 *              2 promise   key, version, ballot: for every version if that is 0
 *              3 vote      key, version, ballot, mark, value; and the promise of the ballot, for
 *                          every version
 *              4 late vote the same, its promise for this version alone
 *              5 decided   key, version, ballot: what was voted for in that ballot is chosen
 *              6 learned   key, version, ballot, mark, value: chosen, without a vote in the ballot
 *              7 compact   key, version: those below it are forgotten
 *
 * Numbers are varints: 7 bits a byte, lowest first, high bit set if more follow. A key is its size
 * and its bytes, a ballot round and node, a mark node, incarnation and sequence. A value is all
 * that is left. The journal has checksums; a record that contradicts the ones before is damage all
 * the same.
 */
#ifndef DECREE_REGISTER_RECORD_H
#define DECREE_REGISTER_RECORD_H

#include <decree/register.h>

enum register_record_kind {
    REGISTER_BOOT = 1,
    REGISTER_PROMISE,
    REGISTER_VOTE,
    REGISTER_LATE_VOTE,
    REGISTER_DECIDED,
    REGISTER_LEARNED,
    REGISTER_COMPACT
};

struct register_record { /* fields that the kind does not have are zero */
    enum register_record_kind kind;
    uint64_t incarnation;
    struct decree_register_key key;
    uint64_t version;
    struct decree_ballot ballot;
    struct decree_register_mark mark;
    const uint8_t *value;
    uint32_t value_size;
};

/* A value with the record's bytes; NULL: out of memory. */
struct decree_value *register_record_encode(const struct register_record *record);

/* False: no record. key and value point into the bytes. */
bool register_record_decode(const struct decree_value *bytes, struct register_record *ret_record);

#endif
