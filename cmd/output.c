/* SPDX-License-Identifier: MIT */
/* output.c -- lines, JSON and tables on stdout. */
#include "output.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "fields_table.h"
#include "message_fields.h"
#include "message_json.h"

void output_line(const void *data, size_t size)
{
    if (size > 0)
        fwrite(data, 1, size, stdout);
    fputc('\n', stdout);
}

void output_pair(const Mvccpb__KeyValue *pair)
{
    if (pair == NULL)
        return;
    output_line(pair->key.data, pair->key.len);
    output_line(pair->value.data, pair->value.len);
}

void output_json(const ProtobufCMessage *message)
{
    message_json_print(stdout, message);
    fputc('\n', stdout);
}

void output_json_open(const ProtobufCMessage *message)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = message != NULL ? open_memstream(&text, &size) : NULL;

    if (stream != NULL) {
        message_json_print(stream, message);
        fclose(stream);
    }
    if (text != NULL && size > 2)
        printf("%.*s,", (int)size - 1, text);
    else
        putchar('{');
    free(text);
}

bool output_answer(enum output_format format, const ProtobufCMessage *message)
{
    switch (format) {
    case OUTPUT_DEFAULT:
    case OUTPUT_SIMPLE:
        return false;
    case OUTPUT_JSON:
        output_json(message);
        return true;
    case OUTPUT_FIELDS:
        message_fields_print(stdout, message);
        return true;
    case OUTPUT_TABLE:
        fields_table_print(message);
        return true;
    }
    return false;
}

static void print_watch_fields(const Etcdserverpb__WatchResponse *response)
{
    message_fields_print(stdout, &response->header->base);
    for (size_t i = 0; i < response->n_events; i++)
        message_fields_print(stdout, &response->events[i]->base);
}

static void print_watch_json(const Etcdserverpb__WatchResponse *response)
{
    printf("{\"Header\":");
    message_json_print(stdout, &response->header->base);
    printf(",\"Events\":[");
    for (size_t i = 0; i < response->n_events; i++) {
        if (i > 0)
            putchar(',');
        message_json_print(stdout, &response->events[i]->base);
    }
    printf("],\"CompactRevision\":%lld,\"Canceled\":%s,\"Created\":false}\n",
           (long long)response->compact_revision, response->canceled ? "true" : "false");
}

bool output_watch(enum output_format format, const Etcdserverpb__WatchResponse *response)
{
    assert(response->header != NULL);
    if (format == OUTPUT_JSON)
        print_watch_json(response);
    else if (format == OUTPUT_FIELDS)
        print_watch_fields(response);
    else
        return output_answer(format, &response->base);
    return true;
}

void output_bytes(char *target, size_t target_bytes, double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;

    while (bytes >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1000;
        unit++;
    }
    snprintf(target, target_bytes, unit > 0 && bytes < 10 ? "%.1f %s" : "%.0f %s", bytes,
             units[unit]);
}

void text_join(char *target, size_t target_bytes, char *const *texts, size_t count)
{
    size_t used = 0;

    assert(target_bytes > 0);
    target[0] = '\0';
    for (size_t i = 0; i < count && used < target_bytes; i++)
        used += (size_t)snprintf(target + used, target_bytes - used, "%s%s", i > 0 ? "," : "",
                                 texts[i]);
}

static bool sigpipe_is_kept;

void output_keep_sigpipe(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_DFL)
        sigpipe_is_kept = true;
}

bool output_keeps_sigpipe(void)
{
    return sigpipe_is_kept;
}

static void end_by_sigpipe(void)
{
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
}

int output_finish(void)
{
    static bool is_told; /* it is asked again when the process ends */

    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_OK;
    if (errno == EPIPE && sigpipe_is_kept)
        end_by_sigpipe();
    if (!is_told)
        fprintf(stderr, "decree: cannot write the answer: %s\n",
                errno != 0 ? strerror(errno) : "standard output does not take it");
    is_told = true;
    return EXIT_FAILED;
}
