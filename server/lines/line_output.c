/* SPDX-License-Identifier: MIT */
/* line_output.c -- what is written to a client of a line server.
 *
 *     line_write() --> [out] --> [going] --> the system
 *
 * What is written during an iteration of the loop is gathered in one buffer, while the other is on
 * its way; then they change places. The system is asked to take it at once; only what it does not
 * take waits for libuv.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "line_inside.h"

#define KEPT_OUT_BYTES 16384u
#define PRINT_BYTES 256u

size_t line_unread(const struct line_connection *connection)
{
    return connection->out.size + connection->going.size - connection->gone;
}

static void note_written(struct line_connection *connection)
{
    if (connection->out.failed)
        line_drop(connection);
    if (line_unread(connection) > connection->server->limits.unread_bytes_max)
        connection->congested = true;
    line_server_note_dirty(connection->server, connection);
}

void line_write(struct line_connection *connection, const void *bytes, size_t size)
{
    if (connection->closing)
        return;
    byte_buffer_append(&connection->out, bytes, size);
    note_written(connection);
}

void line_printf(struct line_connection *connection, const char *format, ...)
{
    size_t room_size = PRINT_BYTES;
    va_list arguments;

    if (connection->closing)
        return;
    for (;;) {
        uint8_t *room = byte_buffer_reserve(&connection->out, room_size);
        int size;

        if (room == NULL)
            break;
        va_start(arguments, format);
        size = vsnprintf((char *)room, room_size, format, arguments);
        va_end(arguments);
        assert(size >= 0);
        if ((size_t)size < room_size) {
            byte_buffer_grew(&connection->out, (size_t)size);
            break;
        }
        room_size = (size_t)size + 1;
    }
    note_written(connection);
}

static void on_write_done(uv_write_t *write, int status)
{
    struct line_connection *connection = write->data;

    connection->writing = false;
    connection->gone = connection->going.size;
    if (status != 0)
        line_drop(connection);
    else
        line_server_note_dirty(connection->server, connection);
}

static void write_rest(struct line_connection *connection)
{
    uv_buf_t rest = uv_buf_init((char *)connection->going.data + connection->gone,
                                (unsigned)(connection->going.size - connection->gone));

    connection->write.data = connection;
    connection->writing = true;
    if (uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &rest, 1, on_write_done) !=
        0) {
        connection->writing = false;
        line_drop(connection);
    }
}

static void swap_buffers(struct line_connection *connection)
{
    struct byte_buffer out = connection->out;

    byte_buffer_reset(&connection->going, KEPT_OUT_BYTES);
    connection->out = connection->going;
    connection->going = out;
    connection->gone = 0;
}

void line_connection_write(struct line_connection *connection)
{
    uv_buf_t buffer;
    int size;

    if (connection->closing || connection->writing)
        return;
    assert(connection->gone == connection->going.size);
    swap_buffers(connection);
    if (connection->going.size == 0)
        return;
    buffer = uv_buf_init((char *)connection->going.data, (unsigned)connection->going.size);
    size = uv_try_write((uv_stream_t *)&connection->tcp, &buffer, 1);
    if (size < 0 && size != UV_EAGAIN) {
        line_drop(connection);
        return;
    }
    connection->gone = size < 0 ? 0 : (size_t)size;
    if (connection->gone < connection->going.size)
        write_rest(connection);
}
