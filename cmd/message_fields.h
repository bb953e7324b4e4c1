/* SPDX-License-Identifier: MIT */
/* message_fields.h -- a message as etcdctl's -w fields has it: one line a value, names as in Go.
 *
 *     "Revision" : 7
 *     "Key" : "city"
 *
 * Bytes and strings are quoted as Go's %q. Values that are zero are told, too; a message that is not
 * there is not, nor is an error that there was not. What was before an event has Prev before its names.
 */
#ifndef DECREE_CMD_MESSAGE_FIELDS_H
#define DECREE_CMD_MESSAGE_FIELDS_H

#include <stdio.h>

#include <protobuf-c/protobuf-c.h>

/* Hears of each value; both are borrowed for the call. */
typedef void message_field(void *context, const char *name, const char *value);

void message_fields_each(const ProtobufCMessage *message, message_field *tell, void *context);

void message_fields_print(FILE *stream, const ProtobufCMessage *message);

#endif
