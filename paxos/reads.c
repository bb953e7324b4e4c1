/* SPDX-License-Identifier: MIT */
/* reads.c -- batches of reads; see reads.h. */
#include "reads.h"

#include <assert.h>
#include <string.h>

static struct read *read_at(const struct reads *reads, uint64_t position)
{
    return &reads->ring[position & (reads->capacity - 1)];
}

int reads_add(struct reads *reads, uint64_t name, decree_node_id node)
{
    if (reads->end - reads->first == reads->capacity)
        return DECREE_FULL;
    *read_at(reads, reads->end++) = (struct read){.name = name, .node = node, .batch = READS_OPEN};
    return 0;
}

bool reads_wait(const struct reads *reads)
{
    return reads->open < reads->end;
}

uint64_t reads_close_batch(struct reads *reads)
{
    assert(reads_wait(reads));
    reads->batch++;
    for (; reads->open < reads->end; reads->open++)
        read_at(reads, reads->open)->batch = reads->batch;
    return reads->batch;
}

void reads_expect(struct reads *reads, uint64_t round, uint64_t batch, decree_slot slot)
{
    assert(reads->round_count < READ_ROUNDS_MAX);
    reads->rounds[reads->round_count++] = (struct read_round){
        .round = round, .batch = batch, .slot = slot};
}

void reads_on_round(struct reads *reads, uint64_t round)
{
    uint32_t done = 0;

    while (done < reads->round_count && reads->rounds[done].round <= round)
        done++;
    if (done == 0)
        return;
    reads_confirm(reads, reads->rounds[done - 1].batch, reads->rounds[done - 1].slot);
    reads->round_count -= done;
    memmove(reads->rounds, reads->rounds + done, reads->round_count * sizeof(*reads->rounds));
}

void reads_confirm(struct reads *reads, uint64_t batch, decree_slot slot)
{
    if (reads->confirmed < reads->first)
        reads->confirmed = reads->first;
    for (; reads->confirmed < reads->open; reads->confirmed++) {
        struct read *read = read_at(reads, reads->confirmed);

        if (read->batch > batch)
            break;
        read->slot = slot;
        read->batch = 0;
        reads->patience = 0;
    }
}

void reads_watch(struct reads *reads)
{
    reads->watched = reads->open;
}

bool reads_have_moved(const struct reads *reads)
{
    return reads->confirmed >= reads->watched || reads->first >= reads->watched;
}

void reads_again(struct reads *reads)
{
    if (reads->confirmed < reads->first)
        reads->confirmed = reads->first;
    for (uint64_t position = reads->confirmed; position < reads->end; position++) {
        struct read *read = read_at(reads, position);

        read->batch = READS_OPEN;
        if (read->node != 0)
            read->node = READS_NOBODY;
    }
    reads->open = reads->confirmed;
    reads->round_count = 0;
}

static void answer(const struct read *read, decree_slot delivered, struct decree_ballot leading,
                   struct outbox *outbox)
{
    struct decree_message *message;

    if (read->node == READS_NOBODY)
        return;
    if (read->node == 0) {
        outbox->reads[outbox->read_count++] = read->name;
        return;
    }
    message = outbox_message(outbox, DECREE_READ_OK, read->node);
    message->round = read->name;
    message->slot = read->slot;
    message->ballot = leading;
    message->decided = delivered;
}

bool reads_release(struct reads *reads, decree_slot delivered, struct decree_ballot leading,
                   struct outbox *outbox)
{
    while (reads->first < reads->confirmed) {
        struct read *read = read_at(reads, reads->first);

        if (read->node == 0 && read->slot > delivered)
            break;
        if (outbox->read_count == reads->capacity || !outbox_has_messages(outbox, 1))
            return false;
        answer(read, delivered, leading, outbox);
        reads->first++;
    }
    return true;
}
