/* SPDX-License-Identifier: MIT */
/* memory_hub.c -- one lock per hub: it guards who is there and all inboxes, and is held for a few
 * moves of pointers.
 *
 * A parcel is a frame in one piece. send() makes it on the sender's thread; flush() links it into
 * the receiver's inbox; poll() unlinks the whole inbox and delivers from it without the lock.
 */
#include "memory_hub.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "codec.h"
#include "parcels.h"

#define INBOX_BYTES_DEFAULT (64u << 20)

struct memory_transport {
    struct transport transport; /* first: the two addresses are one */
    struct decree_hub *hub;
    struct memory_config config;
    struct transport_sink sink;
    struct encoder encoder;
    struct decoder decoder;
    struct parcels outbox; /* until flush() */
    uint64_t unsent;       /* too large, or no memory */
    bool polling;
    /* Under the hub's lock: */
    struct memory_transport *next;
    struct parcels inbox;
    uint64_t dropped;
    uint32_t absent_count, told_count; /* the first told_count of these were told to the sink */
    decree_node_id absent[DECREE_MEMBERS_MAX]; /* peers that were not there when last sent to */
};

struct decree_hub {
    pthread_mutex_t lock;
    struct memory_transport *members;
};

int decree_hub_new(struct decree_hub **ret_hub)
{
    struct decree_hub *hub = calloc(1, sizeof(*hub));

    if (hub == NULL)
        return DECREE_NOMEM;
    if (pthread_mutex_init(&hub->lock, NULL) != 0) {
        free(hub);
        return DECREE_NOMEM;
    }
    *ret_hub = hub;
    return 0;
}

void decree_hub_free(struct decree_hub *hub)
{
    if (hub == NULL)
        return;
    assert(hub->members == NULL);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

static void hub_lock(struct decree_hub *hub)
{
    int error = pthread_mutex_lock(&hub->lock);

    assert(error == 0);
}

static void hub_unlock(struct decree_hub *hub)
{
    int error = pthread_mutex_unlock(&hub->lock);

    assert(error == 0);
}

static struct memory_transport *find(struct decree_hub *hub, decree_node_id id)
{
    struct memory_transport *memory = hub->members;

    while (memory != NULL && memory->config.self != id)
        memory = memory->next;
    return memory;
}

static void memory_send(struct transport *transport, const struct peer_message *message)
{
    struct memory_transport *memory = (struct memory_transport *)transport;
    struct parcel *parcel = NULL;
    struct frame *frame;

    assert(peer_message_to(message) != memory->config.self);
    if (encoder_encode(&memory->encoder, message, &frame) == 0) {
        parcel = parcel_new(frame->size);
        if (parcel != NULL)
            frame_copy(frame, parcel->chunk->data);
        frame_free(frame);
    }
    if (parcel == NULL) {
        memory->unsent++;
        return;
    }
    parcel->from = memory->config.self;
    parcel->to = peer_message_to(message);
    parcels_push(&memory->outbox, parcel);
}

static void wake(const struct memory_transport *memory)
{
    if (memory->config.wake != NULL)
        memory->config.wake(memory->config.wake_context);
}

/* Notes that a peer is not there, to be told by the next poll, once until it is seen again. */
static void note_absent(struct memory_transport *memory, decree_node_id peer)
{
    for (uint32_t i = 0; i < memory->absent_count; i++) {
        if (memory->absent[i] == peer)
            return;
    }
    if (memory->absent_count == DECREE_MEMBERS_MAX)
        return;
    memory->absent[memory->absent_count++] = peer;
    wake(memory);
}

static void note_present(struct memory_transport *memory, decree_node_id peer)
{
    for (uint32_t i = 0; i < memory->absent_count; i++) {
        if (memory->absent[i] != peer)
            continue;
        memory->absent_count--;
        for (uint32_t j = i; j < memory->absent_count; j++)
            memory->absent[j] = memory->absent[j + 1];
        if (i < memory->told_count)
            memory->told_count--;
        return;
    }
}

static void memory_flush(struct transport *transport)
{
    struct memory_transport *memory = (struct memory_transport *)transport;
    struct memory_transport *receiver;
    struct parcel *parcel;

    if (memory->outbox.first == NULL)
        return;
    hub_lock(memory->hub);
    while ((parcel = parcels_pop(&memory->outbox)) != NULL) {
        receiver = find(memory->hub, parcel->to);
        if (receiver == NULL) {
            note_absent(memory, parcel->to);
            parcel_free(parcel);
            continue;
        }
        note_present(memory, parcel->to);
        if (receiver->inbox.first == NULL)
            wake(receiver);
        parcels_push(&receiver->inbox, parcel);
        receiver->dropped += parcels_trim(&receiver->inbox, receiver->config.inbox_bytes_max);
    }
    hub_unlock(memory->hub);
}

static void deliver(struct memory_transport *memory, const struct parcel *parcel)
{
    const uint8_t *payload = parcel->chunk->data + FRAME_HEADER_BYTES;
    struct peer_message message;
    struct peer_letter letter;
    struct frame_header header;
    int error;

    error = frame_header_read(&header, parcel->chunk->data, UINT32_MAX);
    assert(error == 0);
    error = decoder_decode(&memory->decoder, &header, payload, parcel->chunk, parcel->from,
                           parcel->to, &letter);
    assert(error != DECREE_CORRUPT);
    if (error != 0)
        return;
    message = peer_letter_message(&letter);
    memory->sink.message(memory->sink.context, &message);
    decoder_drop(&memory->decoder, &letter);
}

bool memory_transport_poll(struct transport *transport)
{
    struct memory_transport *memory = (struct memory_transport *)transport;
    decree_node_id absent[DECREE_MEMBERS_MAX];
    uint32_t absent_count = 0;
    struct parcel *parcel;
    struct parcels inbox;
    bool any;

    assert(!memory->polling);
    memory->polling = true;
    hub_lock(memory->hub);
    inbox = memory->inbox;
    memory->inbox = (struct parcels){0};
    while (memory->told_count < memory->absent_count)
        absent[absent_count++] = memory->absent[memory->told_count++];
    hub_unlock(memory->hub);
    any = inbox.first != NULL || absent_count > 0;
    while ((parcel = parcels_pop(&inbox)) != NULL) {
        deliver(memory, parcel);
        parcel_free(parcel);
    }
    for (uint32_t i = 0; i < absent_count; i++)
        memory->sink.unreachable(memory->sink.context, absent[i]);
    memory->polling = false;
    return any;
}

uint64_t memory_transport_dropped(struct transport *transport)
{
    struct memory_transport *memory = (struct memory_transport *)transport;
    uint64_t dropped;

    hub_lock(memory->hub);
    dropped = memory->dropped;
    hub_unlock(memory->hub);
    return dropped + memory->unsent;
}

static void memory_close(struct transport *transport, void (*closed)(void *context), void *context)
{
    struct memory_transport *memory = (struct memory_transport *)transport;
    struct memory_transport **link = &memory->hub->members;

    assert(!memory->polling);
    hub_lock(memory->hub);
    while (*link != memory) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = memory->next;
    hub_unlock(memory->hub);
    parcels_release(&memory->inbox);
    parcels_release(&memory->outbox);
    encoder_release(&memory->encoder);
    decoder_release(&memory->decoder);
    free(memory);
    closed(context);
}

static const struct transport_ops memory_ops = {memory_send, memory_flush, memory_close};

int memory_transport_open(struct transport **ret_transport, struct decree_hub *hub,
                          const struct memory_config *config, const struct transport_sink *sink)
{
    struct memory_transport *memory = calloc(1, sizeof(*memory));
    bool taken;

    assert(hub != NULL);
    assert(config->self != 0);
    if (memory == NULL)
        return DECREE_NOMEM;
    *memory = (struct memory_transport){
        .transport = {&memory_ops}, .hub = hub, .config = *config, .sink = *sink};
    if (memory->config.inbox_bytes_max == 0)
        memory->config.inbox_bytes_max = INBOX_BYTES_DEFAULT;
    if (memory->config.frame_bytes_max == 0)
        memory->config.frame_bytes_max = FRAME_BYTES_MAX_DEFAULT;
    encoder_init(&memory->encoder, memory->config.frame_bytes_max);
    decoder_init(&memory->decoder);
    hub_lock(hub);
    taken = find(hub, config->self) != NULL;
    if (!taken) {
        memory->next = hub->members;
        hub->members = memory;
    }
    hub_unlock(hub);
    if (taken) {
        free(memory);
        return DECREE_INVALID;
    }
    *ret_transport = &memory->transport;
    return 0;
}
