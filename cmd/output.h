/* SPDX-License-Identifier: MIT */
/* output.h -- answers on stdout, as etcdctl prints them: bytes as they are, JSON in one line, or a
 * table. */
#ifndef DECREE_CMD_OUTPUT_H
#define DECREE_CMD_OUTPUT_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#define TABLE_COLUMNS_MAX 12u

/* Bytes as they are, and a newline. */
void output_line(const void *data, size_t size);

/* A message as one line of JSON. */
void output_json(const ProtobufCMessage *message);

/* Rows of cells, the first the heads, with lines around; cells is rows * columns strings, row by
 * row. */
void output_table(const char *const *cells, size_t rows, size_t columns);

/* "1.2 MB": bytes for people, in powers of 1000 as etcdctl has them. */
void output_bytes(char *target, size_t target_bytes, double bytes);

/* "a,b" of a message's repeated strings; what does not fit is left out. */
void text_join(char *target, size_t target_bytes, char *const *texts, size_t count);

/* 0, or EXIT_FAILED with a sentence on stderr: a full disk or a closed pipe under stdout is a
 * failure. */
int output_finish(void);

#endif
