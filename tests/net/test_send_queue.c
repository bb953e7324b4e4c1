/* SPDX-License-Identifier: MIT */
/* test_send_queue.c -- whole frames go out in order whatever is written at a time, and only whole
 * ones are dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message_tools.h"
#include "send_queue.h"

static struct frame *frame_of(struct encoder *encoder, uint64_t round, uint32_t size)
{
    struct decree_message message = message_run(1, 2, size);
    struct peer_message peer_message = message_of(&message);
    struct frame *frame;

    message.round = round;
    assert_int_equal(encoder_encode(encoder, &peer_message, &frame), 0);
    message_release(&message);
    return frame;
}

/* Writes some bytes of the queue to data; returns how many. */
static size_t write_some(struct send_queue *queue, uint8_t *data, struct prng *prng)
{
    struct iovec pieces[3];
    size_t offered, taken, at = 0;
    uint32_t count = send_queue_gather(queue, pieces, 3, &offered);

    taken = (size_t)prng_below(prng, offered + 1);
    for (uint32_t i = 0; i < count && at < taken; i++) {
        size_t part = pieces[i].iov_len < taken - at ? pieces[i].iov_len : taken - at;

        memcpy(data + at, pieces[i].iov_base, part);
        at += part;
    }
    assert_int_equal(at, taken);
    (void)send_queue_written(queue, taken);
    return taken;
}

static void bytes_come_out_in_order_however_they_are_written(void **state)
{
    struct send_queue queue = {0}, flight = {0};
    struct encoder encoder;
    struct prng prng;
    uint8_t *wanted = malloc(1u << 22), *written = malloc(1u << 22);
    size_t wanted_size = 0, written_size = 0;

    (void)state;
    assert_non_null(wanted);
    assert_non_null(written);
    encoder_init(&encoder, FRAME_BYTES_MAX_DEFAULT);
    prng_init(&prng, 8);
    for (uint64_t i = 0; i < 300; i++) {
        struct frame *frame = frame_of(&encoder, i, (uint32_t)prng_below(&prng, 3000));

        frame_copy(frame, wanted + wanted_size);
        wanted_size += frame->size;
        send_queue_push(&queue, frame);
        if (!send_queue_is_empty(&flight))
            written_size += write_some(&flight, written + written_size, &prng);
        else
            written_size += write_some(&queue, written + written_size, &prng);
        if (send_queue_is_empty(&flight) && !send_queue_is_empty(&queue) &&
            prng_chance(&prng, 300000))
            send_queue_split(&queue, &flight, (size_t)prng_below(&prng, 20000));
        assert_int_equal(queue.bytes + flight.bytes, wanted_size - written_size);
    }
    while (!send_queue_is_empty(&flight))
        written_size += write_some(&flight, written + written_size, &prng);
    while (!send_queue_is_empty(&queue))
        written_size += write_some(&queue, written + written_size, &prng);
    assert_int_equal(written_size, wanted_size);
    assert_memory_equal(written, wanted, wanted_size);
    encoder_release(&encoder);
    free(wanted);
    free(written);
}

static void the_oldest_whole_frames_are_dropped(void **state)
{
    struct send_queue queue = {0};
    struct encoder encoder;
    struct frame *begun, *newest;

    (void)state;
    encoder_init(&encoder, FRAME_BYTES_MAX_DEFAULT);
    begun = frame_of(&encoder, 1, 500);
    send_queue_push(&queue, begun);
    assert_int_equal(send_queue_written(&queue, 10), 0);
    for (uint64_t i = 2; i < 10; i++)
        send_queue_push(&queue, frame_of(&encoder, i, 500));
    newest = frame_of(&encoder, 10, 500);
    send_queue_push(&queue, newest);
    assert_int_equal(send_queue_trim(&queue, UINT64_MAX), 0);
    assert_int_equal(send_queue_trim(&queue, 3 * begun->size), 7);
    assert_ptr_equal(queue.first, begun);
    assert_int_equal(queue.written, 10);
    assert_int_equal(queue.bytes, (size_t)begun->size * 3 - 10);
    assert_int_equal(send_queue_trim(&queue, 0), 1);
    assert_ptr_equal(queue.first, begun);
    assert_ptr_equal(queue.last, newest);
    assert_int_equal(send_queue_clear(&queue), 2);
    assert_int_equal(queue.bytes, 0);
    encoder_release(&encoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_in_order_however_they_are_written),
        cmocka_unit_test(the_oldest_whole_frames_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
