/* SPDX-License-Identifier: MIT */
/* registers.c -- an array that grows. */
#include "registers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define REGISTERS_MACHINE 0x4bu
#define REGISTERS_KEY_MAX 1000000u

void registers_release(struct registers *registers)
{
    free(registers->values);
    *registers = (struct registers){0};
}

struct decree_value *registers_encode(const struct registers_command *command, uint32_t padding)
{
    uint32_t size = REGISTERS_COMMAND_BYTES + padding;
    uint8_t *bytes = malloc(size);
    struct decree_value *value;
    struct writer writer;

    assert(bytes != NULL);
    writer_init(&writer, bytes, size);
    write_u8(&writer, REGISTERS_MACHINE);
    write_u64(&writer, command->operation);
    write_u8(&writer, (uint8_t)command->kind);
    write_u32(&writer, command->key);
    write_u64(&writer, command->value);
    memset(writer.at, (int)(command->operation & 0xff), padding);
    value = decree_value_copy(bytes, size);
    free(bytes);
    assert(value != NULL);
    return value;
}

bool registers_decode(struct registers_command *ret_command, const uint8_t *data, uint32_t size)
{
    struct registers_command command;
    struct reader reader;
    uint8_t kind;

    reader_init(&reader, data, size);
    if (read_u8(&reader) != REGISTERS_MACHINE)
        return false;
    command.operation = read_u64(&reader);
    kind = read_u8(&reader);
    command.key = read_u32(&reader);
    command.value = read_u64(&reader);
    if (reader.failed || (kind != OPERATION_PUT && kind != OPERATION_SWAP) ||
        command.key >= REGISTERS_KEY_MAX)
        return false;
    command.kind = (enum operation_kind)kind;
    while (reader_left(&reader) > 0)
        if (read_u8(&reader) != (uint8_t)command.operation)
            return false;
    *ret_command = command;
    return true;
}

static void registers_grow(struct registers *registers, uint32_t key)
{
    uint32_t count = registers->count == 0 ? 64 : registers->count;

    while (key >= count)
        count *= 2;
    if (count == registers->count)
        return;
    registers->values = realloc(registers->values, count * sizeof(*registers->values));
    assert(registers->values != NULL);
    memset(registers->values + registers->count, 0,
           (count - registers->count) * sizeof(*registers->values));
    registers->count = count;
}

uint64_t *registers_apply(struct registers *registers, const struct registers_command *command)
{
    assert(command->key < REGISTERS_KEY_MAX);
    registers_grow(registers, command->key);
    registers->previous = registers->values[command->key];
    registers->values[command->key] = command->value;
    return &registers->previous;
}

uint64_t registers_read(const struct registers *registers, uint32_t key)
{
    return key < registers->count ? registers->values[key] : 0;
}
