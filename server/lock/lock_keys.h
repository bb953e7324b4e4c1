/* SPDX-License-Identifier: MIT */
/* lock_keys.h -- the keys of a lock or an election, and what is done with them.
 *
 *     name/         the prefix under which all who want it have a key
 *     name/7e3f     one of them: his lease, in hex, with a minus sign if it is negative
 *
 * Whose key was made first has it. A key that was made before another can only go: so who looks into
 * the store as it was at his own key's making, or later, sees all who are before him.
 */
#ifndef DECREE_SERVER_LOCK_KEYS_H
#define DECREE_SERVER_LOCK_KEYS_H

#include "backend.h"

/* name/ and name0, the first key past all that begin so: size is that of the name, and one. */
struct lock_prefix {
    const uint8_t *begin, *end;
    size_t size;
};

#define LOCK_LEASE_DIGITS 17u /* a sign, and 64 bits */

/* Writes the prefix to bytes, which has room for twice the name's size and two. */
struct lock_prefix lock_prefix_write(uint8_t *bytes, struct kv_bytes name);

/* Writes a lease as in a key; returns how many of LOCK_LEASE_DIGITS there are. */
size_t lock_lease_write(char *digits, int64_t lease);

/* The key under the prefix that was made first; false: there is none. Borrowed until the store
 * changes. */
bool lock_first(const struct kv *kv, const struct lock_prefix *prefix, struct kv_pair *ret_pair);

/* The last one of those made before the revision. Without its value. */
bool lock_before(const struct kv *kv, const struct lock_prefix *prefix, int64_t revision,
                 struct kv_pair *ret_pair);

/* Is there one key under the prefix, and no other? Quick, however many there are. */
bool lock_is_alone(const struct kv *kv, const struct lock_prefix *prefix);

/* Is the key there, and is it the one that was made at the revision? */
bool lock_is_there(const struct kv *kv, struct kv_bytes key, int64_t revision);

/* Commands. done gets a struct kv_result. What is returned is that of kv_offer(). */

struct lock_entry {
    struct kv_bytes key, value;
    int64_t lease;
    bool sets_value; /* a key that is there gets the value too */
};

/* Makes the key, unless the lease has it already; see lock_entered(). */
int lock_enter(struct backend *backend, const struct lock_entry *entry, decree_done *done,
               void *argument);

/* In its done: the revision at which the key was made, and whether this was now. */
int64_t lock_entered(const struct kv_result *outcome, bool *ret_made);

/* Deletes the key if it is the one that was made at the revision. */
int lock_release(struct backend *backend, struct kv_bytes key, int64_t revision, decree_done *done,
                 void *argument);

/* Sets the value of the key if it is the one that was made at the revision: outcome->succeeded. Lease 0
 * leaves it the lease that it has. */
int lock_proclaim(struct backend *backend, const struct lock_entry *entry, int64_t revision,
                  decree_done *done, void *argument);

#endif
