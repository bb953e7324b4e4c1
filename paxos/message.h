/* SPDX-License-Identifier: MIT */
/* message.h -- which messages make sense: the border between the core and the world.
 *
 * A peer may be old, confused or hostile; what it sends must not trip an assertion. A message that
 * passes message_is_sane() can be given to the roles; what fails is counted and dropped.
 */
#ifndef DECREE_PAXOS_MESSAGE_H
#define DECREE_PAXOS_MESSAGE_H

#include "outbox.h"

/* window: slots that one message may carry at most. */
bool message_is_sane(const struct decree_message *message, uint32_t window,
                     const struct outbox *outbox);

#endif
