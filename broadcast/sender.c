/* SPDX-License-Identifier: MIT */
/* sender.c -- counts up at both ends; see sender.h. */
#include "sender.h"

#include <assert.h>

#include "holdback.h"

void sender_init(struct sender *sender, decree_node_id self, uint64_t incarnation)
{
    assert(self >= 1 && self <= DECREE_MEMBERS_MAX);
    *sender = (struct sender){.self = self, .incarnation = incarnation, .first = 1, .next = 1};
}

int sender_name(const struct sender *sender, uint32_t size, struct envelope *ret_envelope)
{
    assert(sender->next - sender->first <= HOLDBACK_WINDOW);
    if (sender->incarnation == 0 || sender->next - sender->first == HOLDBACK_WINDOW)
        return DECREE_FULL;
    if (sender->bytes > 0 && sender->bytes + size > SENDER_BYTES_MAX)
        return DECREE_FULL;
    *ret_envelope = (struct envelope){.origin = sender->self,
                                      .incarnation = sender->incarnation,
                                      .sequence = sender->next,
                                      .size = size};
    return 0;
}

void sender_sent(struct sender *sender, uint32_t size)
{
    assert(sender->next - sender->first < HOLDBACK_WINDOW);
    sender->next++;
    sender->bytes += size;
}

bool sender_delivered(struct sender *sender, const struct envelope *message)
{
    if (message->origin != sender->self || message->incarnation != sender->incarnation ||
        message->sequence != sender->first || sender->first == sender->next)
        return false;
    assert(sender->bytes >= message->size);
    sender->first++;
    sender->bytes -= message->size;
    return true;
}
