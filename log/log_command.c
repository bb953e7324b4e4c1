/* SPDX-License-Identifier: MIT */
/* log_command.c -- items as bytes; log_command.h says which. */
#include "log_command.h"

#define OP_ENTER 1u

static size_t varint_size(uint64_t number)
{
    size_t size = 1;

    for (; number >= 0x80; number >>= 7)
        size++;
    return size;
}

size_t log_command_size(const struct log_command *command, const struct decree_log_value *values)
{
    size_t size = 2 + varint_size(command->origin) + varint_size(command->request_id) +
                  varint_size(command->value_count);

    assert(command->value_count >= 1);
    assert(command->value_count <= DECREE_LOG_VALUES_MAX);
    for (uint32_t i = 0; i < command->value_count; i++) {
        if (values[i].size > LOG_COMMAND_BYTES_MAX || size > LOG_COMMAND_BYTES_MAX)
            return (size_t)LOG_COMMAND_BYTES_MAX + 1;
        size += varint_size(values[i].size) + values[i].size;
    }
    return size;
}

void log_command_encode(const struct log_command *command, const struct decree_log_value *values,
                        uint8_t *data, size_t size)
{
    struct writer writer;

    assert(command->origin >= 1);
    assert(command->origin <= DECREE_MEMBERS_MAX);
    writer_init(&writer, data, size);
    write_u8(&writer, LOG_MACHINE);
    write_u8(&writer, OP_ENTER);
    write_varint(&writer, command->origin);
    write_varint(&writer, command->request_id);
    write_varint(&writer, command->value_count);
    for (uint32_t i = 0; i < command->value_count; i++) {
        write_varint(&writer, values[i].size);
        write_bytes(&writer, values[i].data, values[i].size);
    }
    assert(!writer.failed);
    assert(writer.at == writer.end);
}

bool log_command_decode(const uint8_t *data, size_t size, struct log_command *ret_command)
{
    struct reader reader, values;
    uint64_t origin, request_id, count;
    uint8_t machine, op;

    if (size > LOG_COMMAND_BYTES_MAX)
        return false;
    reader_init(&reader, data, size);
    machine = read_u8(&reader);
    op = read_u8(&reader);
    origin = read_varint(&reader);
    request_id = read_varint(&reader);
    count = read_varint(&reader);
    if (reader.failed || machine != LOG_MACHINE || op != OP_ENTER || origin < 1 ||
        origin > DECREE_MEMBERS_MAX || count < 1 || count > DECREE_LOG_VALUES_MAX)
        return false;
    values = reader;
    for (uint64_t i = 0; i < count; i++)
        (void)read_bytes(&reader, read_varint(&reader));
    *ret_command = (struct log_command){.origin = (decree_node_id)origin,
                                        .request_id = request_id,
                                        .value_count = (uint32_t)count,
                                        .values = values};
    return reader_done(&reader);
}

struct decree_log_value log_command_next(struct log_command *command)
{
    struct decree_log_value value;

    value.size = read_varint(&command->values);
    value.data = read_bytes(&command->values, value.size);
    assert(!command->values.failed);
    return value;
}
