/* SPDX-License-Identifier: MIT */
/* output.h -- answers on stdout, as etcdctl prints them: bytes as they are, JSON in one line,
 * a field a line, or a table. */
#ifndef DECREE_CMD_OUTPUT_H
#define DECREE_CMD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "rpc.pb-c.h"

enum output_format { OUTPUT_DEFAULT = 0, OUTPUT_SIMPLE, OUTPUT_JSON, OUTPUT_FIELDS, OUTPUT_TABLE };

/* Bytes as they are, and a newline. */
void output_line(const void *data, size_t size);

/* A key and its value, a line each; NULL: nothing. */
void output_pair(const Mvccpb__KeyValue *pair);

/* A message as one line of JSON. */
void output_json(const ProtobufCMessage *message);

/* The same without the brace at its end: more may follow. A NULL message is an empty one. */
void output_json_open(const ProtobufCMessage *message);

/* A message in the format, if it is json, fields or table. False: it is not, and the caller prints
 * it simply. */
bool output_answer(enum output_format format, const ProtobufCMessage *message);

/* The same for what a watch says, with the names that etcdctl has for it. */
bool output_watch(enum output_format format, const Etcdserverpb__WatchResponse *response);

#define BYTES_TEXT_BYTES 32u

/* "1.2 MB": bytes for people, in powers of 1000 as etcdctl has them. */
void output_bytes(char *target, size_t target_bytes, double bytes);

/* "a,b" of a message's repeated strings; what does not fit is left out. */
void text_join(char *target, size_t target_bytes, char *const *texts, size_t count);

/* 0, or EXIT_FAILED with a sentence on stderr: a full disk or a closed pipe under stdout is a
 * failure. */
int output_finish(void);

/* From here on a server that goes while it is written to is an error of its call, where SIGPIPE
 * would end the process. output_finish still lets it end so when nobody reads stdout any more. */
void output_keep_sigpipe(void);

/* True: it would have ended the process. False: who started us ignored it already. */
bool output_keeps_sigpipe(void);

#endif
