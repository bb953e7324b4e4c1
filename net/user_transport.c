/* SPDX-License-Identifier: MIT */
/* user_transport.c -- batches, frames and the inbox; see user_transport.h.
 *
 * The lock guards what other threads touch: who is on the transport, the inbox, hints, counters. It
 * is never held while the user's send or the sink is called.
 */
#include "user_transport.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "user_frame.h"

#define INBOX_BYTES_DEFAULT (64u << 20)
#define FRAME_BYTES_DEFAULT (1u << 20)
#define HEAD_BYTES USER_FRAME_HEAD_BYTES

struct outgoing { /* message frames for one peer, until the flush */
    struct frame *first, **last;
};

struct decree_transport {
    struct transport port; /* first: the two addresses are one */
    struct decree_transport_options options;
    struct transport_sink sink;
    struct encoder encoder;
    struct decoder decoder;
    uint64_t batches;
    struct outgoing outgoing[DECREE_MEMBERS_MAX + 1]; /* by id */
    struct user_batch incoming[DECREE_MEMBERS_MAX + 1];
    bool polling;
    pthread_mutex_t lock;
    /* Under the lock: */
    struct user_transport_config config; /* self is 0: no node is on it */
    struct parcels inbox;
    uint32_t unreachable; /* members, as bits */
    struct decree_transport_counters counters;
};

static void lock(struct decree_transport *user)
{
    int error = pthread_mutex_lock(&user->lock);

    assert(error == 0);
    (void)error;
}

static void unlock(struct decree_transport *user)
{
    int error = pthread_mutex_unlock(&user->lock);

    assert(error == 0);
    (void)error;
}

static void count(struct decree_transport *user, uint64_t *counter, uint64_t amount)
{
    lock(user);
    *counter += amount;
    unlock(user);
}

/* ---- sending ---- */

static void user_send(struct transport *transport, const struct peer_message *message)
{
    struct decree_transport *user = (struct decree_transport *)transport;
    decree_node_id to = peer_message_to(message);
    struct outgoing *outgoing;
    struct frame *frame;

    assert(to >= 1 && to <= DECREE_MEMBERS_MAX);
    assert(to != user->config.self);
    outgoing = &user->outgoing[to];
    if (encoder_encode(&user->encoder, message, &frame) != 0) {
        count(user, &user->counters.dropped, 1);
        return;
    }
    *outgoing->last = frame;
    outgoing->last = &frame->next;
}

static struct frame *outgoing_pop(struct outgoing *outgoing)
{
    struct frame *frame = outgoing->first;

    assert(frame != NULL);
    outgoing->first = frame->next;
    if (outgoing->first == NULL)
        outgoing->last = &outgoing->first;
    frame->next = NULL;
    return frame;
}

/* How many bytes go together: as many messages as fit into one frame, but at least one. */
static uint32_t batch_size_of(const struct outgoing *outgoing, uint32_t size_max)
{
    uint32_t size = outgoing->first->size;

    for (const struct frame *frame = outgoing->first->next;
         frame != NULL && size < size_max && frame->size <= size_max - size; frame = frame->next)
        size += frame->size;
    return size;
}

/* Sends the batch that lies in bytes behind room for a head. The head of a later piece takes the place
 * of bytes that have gone. */
static uint32_t send_pieces(struct decree_transport *user, decree_node_id to, uint8_t *bytes,
                            uint32_t batch_size)
{
    struct user_frame_head head = {.from = user->config.self,
                                   .to = to,
                                   .batch_size = batch_size,
                                   .cluster_id = user->config.cluster_id,
                                   .number = ++user->batches};
    uint32_t room = user->options.frame_bytes_max - HEAD_BYTES, pieces = 0;

    while (head.offset < batch_size) {
        uint32_t left = batch_size - head.offset, size = left < room ? left : room;

        user_frame_write(&head, bytes + head.offset, HEAD_BYTES + size);
        user->options.send(user->options.context, to, bytes + head.offset, HEAD_BYTES + size);
        head.offset += size;
        pieces++;
    }
    return pieces;
}

static void send_batch(struct decree_transport *user, decree_node_id to)
{
    struct outgoing *outgoing = &user->outgoing[to];
    uint32_t size = batch_size_of(outgoing, user->options.frame_bytes_max - HEAD_BYTES);
    uint8_t *bytes = malloc(HEAD_BYTES + (size_t)size);
    uint32_t messages = 0;

    for (uint32_t used = 0; used < size; messages++) {
        struct frame *frame = outgoing_pop(outgoing);

        if (bytes != NULL)
            frame_copy(frame, bytes + HEAD_BYTES + used);
        used += frame->size;
        frame_free(frame);
    }
    if (bytes == NULL)
        count(user, &user->counters.dropped, messages);
    else
        count(user, &user->counters.frames_sent, send_pieces(user, to, bytes, size));
    free(bytes);
}

static void user_flush(struct transport *transport)
{
    struct decree_transport *user = (struct decree_transport *)transport;

    for (decree_node_id to = 1; to <= DECREE_MEMBERS_MAX; to++)
        while (user->outgoing[to].first != NULL)
            send_batch(user, to);
}

/* ---- receiving ---- */

/* Under the lock. */
static bool is_for_us(const struct decree_transport *user, const struct user_frame_head *head)
{
    const struct user_transport_config *config = &user->config;

    return config->self != 0 && head->to == config->self && head->from != config->self &&
           head->from >= 1 && head->from <= config->member_count &&
           head->cluster_id == config->cluster_id;
}

static void wake(const struct decree_transport *user)
{
    if (user->config.wake != NULL)
        user->config.wake(user->config.wake_context);
}

static struct parcel *parcel_of(const uint8_t *frame, size_t size,
                                const struct user_frame_head *head)
{
    struct parcel *parcel = parcel_new(size);

    if (parcel == NULL)
        return NULL;
    memcpy(parcel->chunk->data, frame, size);
    parcel->from = head->from;
    parcel->to = head->to;
    return parcel;
}

void decree_transport_deliver(struct decree_transport *user, const uint8_t *frame, size_t size)
{
    struct parcel *parcel;
    struct user_frame_head head;

    assert(frame != NULL || size == 0);
    if (!user_frame_read(&head, frame, size, FRAME_BYTES_MAX_DEFAULT) ||
        !user_frame_is_sound(frame, size)) {
        count(user, &user->counters.garbage, 1);
        return;
    }
    parcel = parcel_of(frame, size, &head);
    lock(user);
    if (!is_for_us(user, &head)) {
        user->counters.foreign++;
        parcel_free(parcel);
    } else if (parcel == NULL) {
        user->counters.dropped++;
    } else {
        user->counters.frames_received++;
        if (user->inbox.first == NULL)
            wake(user);
        parcels_push(&user->inbox, parcel);
        user->counters.dropped += parcels_trim(&user->inbox, user->config.inbox_bytes_max);
    }
    unlock(user);
}

void decree_transport_unreachable(struct decree_transport *user, decree_node_id member)
{
    lock(user);
    if (user->config.self != 0 && member >= 1 && member <= user->config.member_count &&
        member != user->config.self) {
        user->unreachable |= UINT32_C(1) << member;
        wake(user);
    }
    unlock(user);
}

/* Hands on one message of a batch that lies in chunk. Returns its size; 0: this is none. */
static size_t take_message(struct decree_transport *user, struct chunk *chunk, const uint8_t *at,
                           size_t size, decree_node_id from)
{
    struct peer_message message;
    struct peer_letter letter;
    struct frame_header header;
    int error;

    if (size < FRAME_HEADER_BYTES || frame_header_read(&header, at, FRAME_BYTES_MAX_DEFAULT) != 0 ||
        header.payload_size > size - FRAME_HEADER_BYTES || header.type == FRAME_HELLO ||
        !frame_is_sound(&header, at + FRAME_HEADER_BYTES))
        return 0;
    error = decoder_decode(&user->decoder, &header, at + FRAME_HEADER_BYTES, chunk, from,
                           user->config.self, &letter);
    if (error == DECREE_CORRUPT)
        return 0;
    if (error != 0) {
        count(user, &user->counters.dropped, 1);
    } else {
        message = peer_letter_message(&letter);
        user->sink.message(user->sink.context, &message);
        decoder_drop(&user->decoder, &letter);
    }
    return FRAME_HEADER_BYTES + header.payload_size;
}

static void take_batch(struct decree_transport *user, decree_node_id from)
{
    struct user_batch *batch = &user->incoming[from];
    size_t size = batch->size, offset = 0;
    struct chunk *chunk = user_batch_take(batch, &offset);

    if (chunk == NULL) {
        count(user, &user->counters.dropped, 1);
        return;
    }
    while (size > 0) {
        size_t taken = take_message(user, chunk, chunk->data + offset, size, from);

        if (taken == 0) {
            count(user, &user->counters.garbage, 1);
            break;
        }
        offset += taken;
        size -= taken;
    }
    chunk_unref(chunk);
}

static void take_frame(struct decree_transport *user, struct parcel *parcel)
{
    decree_node_id from = parcel->from;
    struct user_frame_head head;
    uint32_t dropped;
    bool frame;

    frame = user_frame_read(&head, parcel->chunk->data, parcel->size, FRAME_BYTES_MAX_DEFAULT);
    assert(frame); /* it was looked at when it came */
    (void)frame;
    dropped = user_batch_add(&user->incoming[from], &head, parcel);
    if (dropped > 0)
        count(user, &user->counters.dropped, dropped);
    if (user_batch_is_whole(&user->incoming[from]))
        take_batch(user, from);
}

bool user_transport_poll(struct transport *transport)
{
    struct decree_transport *user = (struct decree_transport *)transport;
    struct parcel *parcel;
    struct parcels inbox;
    uint32_t unreachable;
    bool any;

    assert(!user->polling);
    user->polling = true;
    lock(user);
    inbox = user->inbox;
    user->inbox = (struct parcels){0};
    unreachable = user->unreachable;
    user->unreachable = 0;
    unlock(user);
    any = inbox.first != NULL || unreachable != 0;
    while ((parcel = parcels_pop(&inbox)) != NULL)
        take_frame(user, parcel);
    for (decree_node_id id = 1; id <= DECREE_MEMBERS_MAX; id++)
        if ((unreachable >> id & 1) != 0)
            user->sink.unreachable(user->sink.context, id);
    user->polling = false;
    return any;
}

/* ---- a node comes and goes ---- */

static void user_close(struct transport *transport, void (*closed)(void *context), void *context)
{
    struct decree_transport *user = (struct decree_transport *)transport;

    assert(!user->polling);
    lock(user);
    user->config = (struct user_transport_config){0};
    parcels_release(&user->inbox);
    user->unreachable = 0;
    unlock(user);
    for (decree_node_id id = 1; id <= DECREE_MEMBERS_MAX; id++) {
        while (user->outgoing[id].first != NULL)
            frame_free(outgoing_pop(&user->outgoing[id]));
        user_batch_release(&user->incoming[id]);
    }
    encoder_release(&user->encoder);
    decoder_release(&user->decoder);
    closed(context);
}

static const struct transport_ops user_ops = {user_send, user_flush, user_close};

int user_transport_open(struct transport **ret_transport, struct decree_transport *user,
                        const struct user_transport_config *config,
                        const struct transport_sink *sink)
{
    bool taken;

    assert(config->self >= 1 && config->self <= config->member_count);
    assert(config->member_count <= DECREE_MEMBERS_MAX);
    lock(user);
    taken = user->config.self != 0;
    if (!taken) {
        user->config = *config;
        if (user->config.inbox_bytes_max == 0)
            user->config.inbox_bytes_max = INBOX_BYTES_DEFAULT;
    }
    unlock(user);
    if (taken)
        return DECREE_INVALID;
    user->port.ops = &user_ops;
    user->sink = *sink;
    encoder_init(&user->encoder, FRAME_BYTES_MAX_DEFAULT);
    decoder_init(&user->decoder);
    for (decree_node_id id = 1; id <= DECREE_MEMBERS_MAX; id++)
        user->outgoing[id].last = &user->outgoing[id].first;
    *ret_transport = &user->port;
    return 0;
}

/* ---- the user's calls ---- */

int decree_transport_new(struct decree_transport **ret_transport,
                         const struct decree_transport_options *options)
{
    uint32_t size_max = options->frame_bytes_max;
    struct decree_transport *user;

    if (options->send == NULL || (size_max != 0 && size_max < DECREE_FRAME_BYTES_MIN))
        return DECREE_INVALID;
    user = calloc(1, sizeof(*user));
    if (user == NULL || pthread_mutex_init(&user->lock, NULL) != 0) {
        free(user);
        return DECREE_NOMEM;
    }
    user->options = *options;
    if (size_max == 0)
        user->options.frame_bytes_max = FRAME_BYTES_DEFAULT;
    *ret_transport = user;
    return 0;
}

void decree_transport_free(struct decree_transport *user)
{
    if (user == NULL)
        return;
    assert(user->config.self == 0); /* its node was closed */
    pthread_mutex_destroy(&user->lock);
    free(user);
}

decree_node_id decree_transport_address(struct decree_transport *user)
{
    decree_node_id self;

    lock(user);
    self = user->config.self;
    unlock(user);
    return self;
}

void decree_transport_counters(struct decree_transport *user,
                               struct decree_transport_counters *ret_counters)
{
    lock(user);
    *ret_counters = user->counters;
    unlock(user);
}

uint32_t user_transport_frame_bytes_max(const struct decree_transport *user)
{
    return user->options.frame_bytes_max;
}
