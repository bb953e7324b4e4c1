/* SPDX-License-Identifier: MIT */
/* json_number.h -- from JSON to the numbers of protobuf: exact, whatever way they are written. */
#ifndef DECREE_RPC_JSON_NUMBER_H
#define DECREE_RPC_JSON_NUMBER_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/* Writes a number of that type, one of those that are numbers, to ret_number. Returns NULL, or what
 * is wrong, and then has written nothing. */
const char *json_number_read(const json_t *json, ProtobufCType type, void *ret_number);

#endif
