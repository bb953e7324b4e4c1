/* SPDX-License-Identifier: MIT */
/* load.c -- puts distinct keys over gRPC, many at a time: what h2load cannot do, since its body is
 * fixed.
 *
 *     load HOST PORT CONNECTIONS STREAMS COUNT [VALUE_BYTES [KEYS [PATH]]]
 *
 * Keys are 16 bytes, "k" and fifteen digits: COUNT of them in a scattered order that visits each
 * once, or KEYS of them in turn. PATH is that of a method whose request has key and value as its
 * fields 1 and 2; default /etcdserverpb.KV/Put, another is /decree.v1.Register/Set. Prints one line:
 * the number of answers with grpc-status 0, of others, seconds, calls per second, mean latency.
 * Exits 1 when any failed.
 */
#include <assert.h>
#include <inttypes.h>
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define KEY_BYTES 16u
#define VALUE_BYTES_MAX 65536u

struct load {
    uint64_t count, keys, started, good, bad, waited_ns;
    uint32_t streams, value_bytes;
    const char *path;
    char authority[128];
    uint8_t value[VALUE_BYTES_MAX];
};

struct connection {
    struct load *load;
    uv_tcp_t tcp;
    nghttp2_session *session;
    uint32_t open;
    char input[65536];
};

struct request { /* one put: the frame to send, and how much of it is sent */
    size_t size, sent;
    uint64_t began_ns;
    bool good;
    uint8_t frame[];
};

static size_t put_varint(uint8_t *at, uint64_t number)
{
    size_t size = 0;

    for (; number >= 0x80; number >>= 7)
        at[size++] = (uint8_t)(number | 0x80);
    at[size++] = (uint8_t)number;
    return size;
}

/* PutRequest {key = 1, value = 2} behind gRPC's five bytes. */
static struct request *request_new(const struct load *load, uint64_t number)
{
    struct request *request = calloc(1, sizeof(*request) + 32 + KEY_BYTES + load->value_bytes);
    uint8_t *at;
    char key[KEY_BYTES + 1];
    size_t body;

    if (request == NULL)
        abort();
    at = request->frame + 5;
    number = load->keys > 0 ? number % load->keys : number * UINT64_C(7368787) % load->count;
    (void)snprintf(key, sizeof(key), "k%015" PRIu64, number % UINT64_C(1000000000000000));
    request->began_ns = uv_hrtime();
    *at++ = 0x0a;
    *at++ = KEY_BYTES;
    memcpy(at, key, KEY_BYTES);
    at += KEY_BYTES;
    *at++ = 0x12;
    at += put_varint(at, load->value_bytes);
    memcpy(at, load->value, load->value_bytes);
    at += load->value_bytes;
    body = (size_t)(at - request->frame) - 5;
    for (int i = 0; i < 4; i++)
        request->frame[1 + i] = (uint8_t)(body >> (8 * (3 - i)));
    request->size = body + 5;
    return request;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct request *request = source->ptr;
    size_t left = request->size - request->sent;

    (void)session, (void)stream, (void)context;
    if (size > left)
        size = left;
    memcpy(buffer, request->frame + request->sent, size);
    request->sent += size;
    if (request->sent == request->size)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)size;
}

static nghttp2_nv header(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value),
                        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

static void submit(struct connection *connection)
{
    struct load *load = connection->load;
    nghttp2_nv headers[] = {header(":method", "POST"),
                            header(":scheme", "http"),
                            header(":path", load->path),
                            header(":authority", load->authority),
                            header("content-type", "application/grpc"),
                            header("te", "trailers")};

    while (connection->open < load->streams && load->started < load->count) {
        struct request *request = request_new(load, load->started++);
        nghttp2_data_provider body = {.source.ptr = request, .read_callback = read_body};

        if (nghttp2_submit_request(connection->session, NULL, headers, 6, &body, request) < 0)
            abort();
        connection->open++;
    }
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *context)
{
    struct request *request = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags, (void)context;
    if (request != NULL && name_size == 11 && memcmp(name, "grpc-status", 11) == 0)
        request->good = value_size == 1 && value[0] == '0';
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error, void *context)
{
    struct connection *connection = context;
    struct request *request = nghttp2_session_get_stream_user_data(session, stream);

    (void)error;
    connection->load->waited_ns += uv_hrtime() - request->began_ns;
    if (request->good)
        connection->load->good++;
    else
        connection->load->bad++;
    free(request);
    connection->open--;
    submit(connection);
    return 0;
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    free(write);
}

static void flush(struct connection *connection)
{
    const uint8_t *data;
    ssize_t size;

    while ((size = nghttp2_session_mem_send(connection->session, &data)) > 0) {
        uv_write_t *write = malloc(sizeof(*write) + (size_t)size);
        uv_buf_t buffer = uv_buf_init((char *)(write + 1), (unsigned)size);

        if (write == NULL)
            abort();
        memcpy(write + 1, data, (size_t)size);
        if (uv_write(write, (uv_stream_t *)&connection->tcp, &buffer, 1, on_written) != 0)
            abort();
    }
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;

    (void)size;
    *buffer = uv_buf_init(connection->input, sizeof(connection->input));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;

    if (size < 0 ||
        nghttp2_session_mem_recv(connection->session, (uint8_t *)buffer->base, (size_t)size) < 0) {
        connection->load->bad += connection->open;
        connection->open = 0;
        uv_close((uv_handle_t *)stream, NULL);
        return;
    }
    flush(connection);
    if (connection->open == 0 && connection->load->started == connection->load->count)
        uv_close((uv_handle_t *)stream, NULL);
}

static void on_connect(uv_connect_t *connect, int status)
{
    struct connection *connection = connect->data;
    nghttp2_session_callbacks *callbacks;

    if (status != 0) {
        fprintf(stderr, "load: cannot connect: %s\n", uv_strerror(status));
        exit(1);
    }
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_client_new(&connection->session, callbacks, connection);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, NULL, 0);
    submit(connection);
    flush(connection);
    uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
    free(connect);
}

static struct connection *connection_open(struct load *load, uv_loop_t *loop,
                                          const struct sockaddr *address)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    uv_connect_t *connect = calloc(1, sizeof(*connect));

    if (connection == NULL || connect == NULL)
        abort();
    connection->load = load;
    uv_tcp_init(loop, &connection->tcp);
    uv_tcp_nodelay(&connection->tcp, 1);
    connection->tcp.data = connection;
    connect->data = connection;
    uv_tcp_connect(connect, &connection->tcp, address, on_connect);
    return connection;
}

int main(int argc, char **argv)
{
    static struct load load;
    struct sockaddr_in address;
    struct connection *connections[1024];
    uint32_t count = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    uint64_t start;
    double seconds;

    if (argc < 6 || count == 0 || count > 1024 ||
        uv_ip4_addr(argv[1], (int)strtol(argv[2], NULL, 10), &address) != 0) {
        fprintf(stderr,
                "usage: load HOST PORT CONNECTIONS STREAMS COUNT [VALUE_BYTES [KEYS [PATH]]]\n");
        return 64;
    }
    load.streams = (uint32_t)strtoul(argv[4], NULL, 10);
    load.count = strtoull(argv[5], NULL, 10);
    load.value_bytes = argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : 256;
    load.keys = argc > 7 ? strtoull(argv[7], NULL, 10) : 0;
    load.path = argc > 8 ? argv[8] : "/etcdserverpb.KV/Put";
    assert(load.value_bytes <= VALUE_BYTES_MAX);
    for (uint32_t i = 0; i < load.value_bytes; i++)
        load.value[i] = (uint8_t)(i * 131);
    (void)snprintf(load.authority, sizeof(load.authority), "%s:%s", argv[1], argv[2]);
    start = uv_hrtime();
    for (uint32_t i = 0; i < count; i++)
        connections[i] = connection_open(&load, uv_default_loop(), (struct sockaddr *)&address);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    seconds = (double)(uv_hrtime() - start) / 1e9;
    for (uint32_t i = 0; i < count; i++) {
        nghttp2_session_del(connections[i]->session);
        free(connections[i]);
    }
    printf("good %" PRIu64 " bad %" PRIu64 " seconds %.3f puts/s %.0f mean_us %.1f\n", load.good,
           load.bad, seconds, (double)load.good / seconds,
           (double)load.waited_ns / 1e3 / (double)load.count);
    return load.bad == 0 && load.good == load.count ? 0 : 1;
}
