/* SPDX-License-Identifier: MIT */
/* log_command.h -- the byte form of what is replicated: an item to be entered in the log.
 *
 *    1       LOG_MACHINE: for the log
 *    1       1: enter an item
 *    varint  origin: the member that proposed it, 1 to DECREE_MEMBERS_MAX
 *    varint  request id; 0: none
 *    varint  number of values, 1 to DECREE_LOG_VALUES_MAX; for each:
 *      varint  size
 *      ...     the value
 *
 * Nothing may follow. The index is not in it: the log itself counts.
 */
#ifndef DECREE_LOG_LOG_COMMAND_H
#define DECREE_LOG_LOG_COMMAND_H

#include <decree/log.h>

#include "bytes.h"

#define LOG_MACHINE 0x4cu
#define LOG_COMMAND_BYTES_MAX (UINT32_C(1) << 30) /* of a whole command; more is malformed */

struct log_command {
    decree_node_id origin;
    uint64_t request_id;
    uint32_t value_count;
    struct reader values; /* decoded: for log_command_next() */
};

/* The number of bytes of a command with these values; more than LOG_COMMAND_BYTES_MAX: there is no
 * such command. value_count is in its range. */
size_t log_command_size(const struct log_command *command, const struct decree_log_value *values);

/* Writes it to data, which has room for size == log_command_size() bytes. */
void log_command_encode(const struct log_command *command, const struct decree_log_value *values,
                        uint8_t *data, size_t size);

/* Reads a command from bytes that anybody may have made, values too; false if they are not one.
 * Borrows data. */
bool log_command_decode(const uint8_t *data, size_t size, struct log_command *ret_command);

/* The next value of a decoded command, borrowed; to be called value_count times, no more. */
struct decree_log_value log_command_next(struct log_command *command);

#endif
