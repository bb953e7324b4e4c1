/* SPDX-License-Identifier: MIT */
/* fields_table.h -- any message as a table: a list has a row for each element and a column for each
 * of its values; all else has two columns, names and values. */
#ifndef DECREE_CMD_FIELDS_TABLE_H
#define DECREE_CMD_FIELDS_TABLE_H

#include <protobuf-c/protobuf-c.h>

void fields_table_print(const ProtobufCMessage *message);

#endif
