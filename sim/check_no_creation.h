/* SPDX-License-Identifier: MIT */
/* check_no_creation.h -- what is delivered was broadcast before, by the origin that is named, with
 * these bytes.
 */
#ifndef DECREE_SIM_CHECK_NO_CREATION_H
#define DECREE_SIM_CHECK_NO_CREATION_H

#include "message_table.h"
#include "verdict.h"

struct no_creation {
    struct verdict *verdict;
    struct message_table broadcast; /* a sum of its bytes, never 0 */
};

void no_creation_init(struct no_creation *check, struct verdict *verdict);
void no_creation_release(struct no_creation *check);

void no_creation_on_broadcast(struct no_creation *check, uint64_t now_ns,
                              const struct message_name *name, const uint8_t *bytes, uint32_t size);
void no_creation_on_deliver(struct no_creation *check, uint64_t now_ns, unsigned node,
                            const struct message_name *name, const uint8_t *bytes, uint32_t size);

#endif
