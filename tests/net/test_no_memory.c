/* SPDX-License-Identifier: MIT */
/* test_no_memory.c -- each allocation fails once: an error or a lost message, never more.
 *
 * The linker sends the allocations of net/ and of this test through the functions below; while
 * armed, the nth of them fails. A step is repeated with n = 1, 2, ... until it needs fewer.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bed.h"
#include "codec.h"
#include "grpc_transport.h"
#include "http_transport.h"
#include "memory_hub.h"
#include "tcp.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

static uint32_t fail_at; /* the nth from now; 0: none */

static void arm(uint32_t nth)
{
    fail_at = nth;
}

/* True when the allocation that was to fail did. */
static bool disarm(void)
{
    bool failed = fail_at == 0;

    fail_at = 0;
    return failed;
}

static bool fails(void)
{
    return fail_at > 0 && --fail_at == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static void encoding_and_decoding(void **state)
{
    struct decree_message run = message_run(1, 600, 30);
    struct peer_message message = message_of(&run);
    struct peer_letter decoded;
    struct frame_header header;
    struct frame *frame = NULL;
    struct chunk *chunk = NULL;
    struct encoder encoder;
    struct decoder decoder;
    uint32_t failures = 0;

    (void)state;
    encoder_init(&encoder, FRAME_BYTES_MAX_DEFAULT);
    decoder_init(&decoder);
    do {
        arm(++failures);
        if (encoder_encode(&encoder, &message, &frame) != 0)
            assert_null(frame);
    } while (disarm());
    assert_int_equal(failures, 3); /* the buffer, the frame */
    chunk = chunk_new(frame->size);
    frame_copy(frame, chunk->data);
    frame_free(frame);
    assert_int_equal(frame_header_read(&header, chunk->data, FRAME_BYTES_MAX_DEFAULT), 0);
    failures = 0;
    do {
        int error;

        arm(++failures);
        error = decoder_decode(&decoder, &header, chunk->data + FRAME_HEADER_BYTES, chunk, 1, 2,
                               &decoded);
        assert_true(error == 0 || error == DECREE_NOMEM);
    } while (disarm());
    message_assert_equal(&run, &decoded.u.paxos);
    assert_int_equal(failures, 4); /* pvalues, sizes, values */
    decoder_drop(&decoder, &decoded);
    chunk_unref(chunk);
    encoder_release(&encoder);
    decoder_release(&decoder);
    message_release(&run);
}

/* Room that could not be had is asked for again, and nothing that arrived is lost. */
static void receiving(void **state)
{
    struct inbox inbox;
    uint8_t *data;
    size_t size;

    (void)state;
    inbox_init(&inbox);
    arm(1);
    assert_null(inbox_space(&inbox, &size));
    arm(2);
    assert_null(inbox_space(&inbox, &size));
    data = inbox_space(&inbox, &size);
    assert_non_null(data);
    memset(data, 7, size);
    inbox_filled(&inbox, size);
    inbox_expect(&inbox, 1u << 20);
    arm(1);
    assert_null(inbox_space(&inbox, &size)); /* it cannot grow */
    assert_non_null(inbox_space(&inbox, &size));
    assert_int_equal(inbox_peek(&inbox, &size)[CHUNK_BYTES - 1], 7);
    assert_int_equal(size, CHUNK_BYTES);
    inbox_release(&inbox);
}

static void opening(void **state)
{
    struct transport_sink sink = {NULL, NULL, NULL};
    struct memory_config config = {.self = 1};
    struct transport *transport = NULL;
    struct decree_hub *hub = NULL;

    (void)state;
    arm(1);
    assert_int_equal(decree_hub_new(&hub), DECREE_NOMEM);
    assert_true(disarm());
    assert_int_equal(decree_hub_new(&hub), 0);
    arm(1);
    assert_int_equal(memory_transport_open(&transport, hub, &config, &sink), DECREE_NOMEM);
    assert_true(disarm());
    decree_hub_free(hub);
}

static void on_message(void *context, const struct peer_message *message)
{
    assert_null(context);
    assert_null(message); /* none is expected */
}

static void on_unreachable(void *context, decree_node_id peer)
{
    assert_null(context);
    assert_int_equal(peer, 2);
}

static void on_closed(void *context)
{
    *(bool *)context = true;
}

static void opening_tcp(void **state)
{
    struct transport_sink sink = {NULL, on_message, on_unreachable};
    struct tcp_config config = {.self = 1, .listen_host = "127.0.0.1"};
    char sentence[TCP_SENTENCE_BYTES];
    struct transport *transport = NULL;
    uint32_t failures = 0;
    bool closed = false;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    do {
        int error;

        arm(++failures);
        error = tcp_open(&transport, &loop, &config, &sink, sentence);
        assert_true(error == 0 || error == DECREE_NOMEM);
    } while (disarm());
    assert_int_equal(failures, 3); /* the struct, the name */
    failures = 0;
    do {
        int error;

        arm(++failures);
        error = tcp_connect(transport, 2, "127.0.0.1", 1);
        assert_true(error == 0 || error == DECREE_NOMEM);
    } while (disarm());
    assert_int_equal(failures, 4); /* a link and its name; the other link, and then its name */
    transport->ops->close(transport, on_closed, &closed);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* Opens a transport of calls, each time with another allocation that fails, and closes it. */
static void opening_calls(void **state)
{
    struct transport_sink sink = {NULL, on_message, on_unreachable};
    struct call_config config = {.self = 1, .listen_host = "127.0.0.1"};
    bool is_http = *state != NULL, failed = true;
    uint32_t failures = 0;
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    while (failed) {
        char sentence[CALL_SENTENCE_BYTES];
        struct transport *transport;
        bool closed = false;
        int error;

        arm(++failures);
        error = is_http ? http_transport_open(&transport, &loop, &config, &sink, sentence)
                        : grpc_transport_open(&transport, &loop, &config, &sink, sentence);
        if (error == 0)
            error = call_transport_connect(transport, 2, "127.0.0.1", 1);
        else
            closed = true;
        failed = disarm();
        assert_int_equal(error, failed ? DECREE_NOMEM : 0);
        if (!closed)
            transport->ops->close(transport, on_closed, &closed);
        assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
        assert_true(closed);
    }
    assert_in_range(failures, 5, 200);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static bool beat_until_heard(struct bed *bed, void *argument)
{
    struct decree_message beat = message_beat(1, 2, 1);

    assert_null(argument);
    bed_send(bed, &beat);
    bed_flush(bed, 1);
    return bed->nodes[2].received_count > 0;
}

/* From the first connection on, each allocation of either side fails in turn; afterwards they can
 * talk. */
static void talking(void **state)
{
    const struct bed_kind *kind = *state;
    struct decree_message run = message_run(1, 20, 5000);
    bool failed = true;

    for (uint32_t nth = 1; failed; nth++) {
        struct bed bed;

        bed_open(&bed, kind, 2, 0);
        bed.nodes[2].discard = true;
        arm(nth);
        for (int i = 0; i < 20 && bed.nodes[2].received_count == 0 && fail_at > 0; i++) {
            bed_send(&bed, &run);
            bed_flush(&bed, 1);
            bed_turn(&bed);
        }
        failed = disarm();
        bed.nodes[2].received_count = 0;
        bed_until(&bed, beat_until_heard, NULL);
        bed.nodes[2].received_count = 0; /* there is nothing to release */
        bed_close(&bed);
        assert_true(nth < 500);
    }
    message_release(&run);
}

int main(void)
{
    static char sentinel[] = "http";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_and_decoding),
        cmocka_unit_test(receiving),
        cmocka_unit_test(opening),
        cmocka_unit_test(opening_tcp),
        {"memory: talking", talking, NULL, NULL, (void *)(uintptr_t)&bed_memory},
        {"tcp: talking", talking, NULL, NULL, (void *)(uintptr_t)&bed_tcp},
        {"http: opening", opening_calls, NULL, NULL, sentinel},
        {"grpc: opening", opening_calls, NULL, NULL, NULL},
        {"http: talking", talking, NULL, NULL, (void *)(uintptr_t)&bed_http},
        {"grpc: talking", talking, NULL, NULL, (void *)(uintptr_t)&bed_grpc},
        {"user: talking", talking, NULL, NULL, (void *)(uintptr_t)&bed_user},
        {"user, in pieces: talking", talking, NULL, NULL, (void *)(uintptr_t)&bed_user_pieces},
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
