/* SPDX-License-Identifier: MIT */
/* message_table.h -- any message as a table: a list has a row for each element and a column for each
 * of its values; all else has two columns, names and values. */
#ifndef DECREE_CMD_MESSAGE_TABLE_H
#define DECREE_CMD_MESSAGE_TABLE_H

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

/* False: out of memory. */
bool message_table_print(const ProtobufCMessage *message);

#endif
