/* SPDX-License-Identifier: MIT */
/* snapshot_status.c -- decree snapshot status: is the file whole, and what is in it? */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"
#include "exit_status.h"
#include "message_json.h"
#include "snapshot_commands.h"
#include "table.h"

static const char doc[] =
    "Reads a snapshot, checks all of its sums, and says what is in it. No server is asked.\v"
    "Examples:\n"
    "  decree snapshot status backup\n"
    "  decree snapshot status backup -w table\n"
    "  decree snapshot status backup --json\n\n"
    "A line has the hash (the first four bytes of the SHA-256), the revision, the number of keys with all their "
    "revisions, and the size, as etcdctl has them; then the oldest revision that can be read (-1: nothing was "
    "compacted), and the number of leases.\n\n"
    "Exit status: 0 it is whole; 64 this is no snapshot of decree, or the command line makes no sense; 74 it cannot be "
    "read; 78 it is damaged, and where, or of a later version.";

struct status_arguments {
    struct client_settings settings;
    const char *file;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct status_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->file != NULL)
            argp_error(state, "one file at a time: '%s'", argument);
        arguments->file = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "say of which: decree snapshot status FILE");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static uint32_t short_hash(const struct snapshot_summary *summary)
{
    return (uint32_t)summary->sum[0] << 24 | (uint32_t)summary->sum[1] << 16 |
           (uint32_t)summary->sum[2] << 8 | (uint32_t)summary->sum[3];
}

static void print_json(const struct snapshot_summary *summary)
{
    char sum[SNAPSHOT_SUM_TEXT_BYTES];

    snapshot_sum_print(sum, summary->sum);
    printf("{\"hash\":%" PRIu32 ",\"revision\":%" PRId64 ",\"totalKey\":%" PRIu64
           ",\"totalSize\":%" PRIu64 ",\"compactRevision\":%" PRId64 ",\"leases\":%" PRIu64
           ",\"alarms\":%" PRIu64 ",\"sha256\":\"%s\"}\n",
           short_hash(summary), summary->header.revision, summary->header.record_count,
           summary->file_bytes, summary->header.compacted, summary->header.lease_count,
           summary->header.alarm_count, sum);
}

/* As etcdctl has it: numbers that a program reads. The last two are decree's own. */
static void print_fields(const struct snapshot_summary *summary)
{
    printf("\"Hash\" : %" PRIu32 "\n\"Revision\" : %" PRId64 "\n\"Keys\" : %" PRIu64
           "\n\"Size\" : %" PRIu64 "\n\"Compacted\" : %" PRId64 "\n\"Leases\" : %" PRIu64 "\n",
           short_hash(summary), summary->header.revision, summary->header.record_count,
           summary->file_bytes, summary->header.compacted, summary->header.lease_count);
}

static int print_row(const struct snapshot_summary *summary, enum output_format format)
{
    static const char *const heads[] = {"HASH",       "REVISION",  "TOTAL KEYS",
                                        "TOTAL SIZE", "COMPACTED", "LEASES"};
    struct table table;
    char size[BYTES_TEXT_BYTES];

    output_bytes(size, sizeof(size), (double)summary->file_bytes);
    table_init(&table, heads, sizeof(heads) / sizeof(heads[0]));
    table_add(&table, "%" PRIx32, short_hash(summary));
    table_add(&table, "%" PRId64, summary->header.revision);
    table_add(&table, "%" PRIu64, summary->header.record_count);
    table_add(&table, "%s", size);
    table_add(&table, "%" PRId64, summary->header.compacted);
    table_add(&table, "%" PRIu64, summary->header.lease_count);
    return format == OUTPUT_TABLE ? table_print(&table) : table_print_simple(&table);
}

static int print(const struct snapshot_summary *summary, enum output_format format)
{
    int status = EXIT_OK;

    if (format == OUTPUT_JSON)
        print_json(summary);
    else if (format == OUTPUT_FIELDS)
        print_fields(summary);
    else
        status = print_row(summary, format);
    return status == EXIT_OK ? output_finish() : status;
}

int snapshot_status(int argc, char **argv)
{
    static const struct argp argp = {NULL, parse_option, "FILE", doc, client_options_alone,
                                     NULL, NULL};
    struct status_arguments arguments = {0};
    struct snapshot_summary summary;
    char sentence[SENTENCE_BYTES];
    int error;

    client_parse(&argp, "decree snapshot status", argc, argv, &arguments);
    error = snapshot_file_check(arguments.file, &summary, sentence);
    if (error != 0) {
        fprintf(stderr, "decree snapshot status: %s\n", sentence);
        return exit_status(error);
    }
    return print(&summary, arguments.settings.format);
}
