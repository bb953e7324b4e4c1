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
#include "output.h"
#include "snapshot_commands.h"

#define COLUMNS 6u
#define CELL_BYTES 96u

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

static void fill_row(const struct snapshot_summary *summary, char cells[COLUMNS][CELL_BYTES])
{
    snprintf(cells[0], CELL_BYTES, "%" PRIx32, short_hash(summary));
    snprintf(cells[1], CELL_BYTES, "%" PRId64, summary->header.revision);
    snprintf(cells[2], CELL_BYTES, "%" PRIu64, summary->header.record_count);
    output_bytes(cells[3], CELL_BYTES, (double)summary->file_bytes);
    snprintf(cells[4], CELL_BYTES, "%" PRId64, summary->header.compacted);
    snprintf(cells[5], CELL_BYTES, "%" PRIu64, summary->header.lease_count);
}

/* As etcdctl has it: numbers that a program reads. The last two are decree's own. */
static void print_fields(const struct snapshot_summary *summary)
{
    printf("\"Hash\" : %" PRIu32 "\n\"Revision\" : %" PRId64 "\n\"Keys\" : %" PRIu64
           "\n\"Size\" : %" PRIu64 "\n\"Compacted\" : %" PRId64 "\n\"Leases\" : %" PRIu64 "\n",
           short_hash(summary), summary->header.revision, summary->header.record_count,
           summary->file_bytes, summary->header.compacted, summary->header.lease_count);
}

static void print(const struct snapshot_summary *summary, enum output_format format)
{
    static const char *const heads[COLUMNS] = {"HASH",       "REVISION",  "TOTAL KEYS",
                                               "TOTAL SIZE", "COMPACTED", "LEASES"};
    char cells[COLUMNS][CELL_BYTES];
    const char *table[2 * COLUMNS];

    if (format == OUTPUT_JSON || format == OUTPUT_FIELDS) {
        (format == OUTPUT_JSON ? print_json : print_fields)(summary);
        return;
    }
    fill_row(summary, cells);
    for (size_t i = 0; i < COLUMNS; i++) {
        table[i] = heads[i];
        table[COLUMNS + i] = cells[i];
        if (format != OUTPUT_TABLE)
            printf("%s%s", i > 0 ? ", " : "", cells[i]);
    }
    if (format == OUTPUT_TABLE)
        output_table(table, 2, COLUMNS);
    else
        putchar('\n');
}

int snapshot_status(int argc, char **argv)
{
    static const struct argp_child children[] = {{&client_options_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {NULL, parse_option, "FILE", doc, children, NULL, NULL};
    struct status_arguments arguments = {0};
    struct snapshot_summary summary;
    char sentence[SNAPSHOT_SENTENCE_BYTES];
    int error;

    client_parse(&argp, "decree snapshot status", argc, argv, &arguments);
    error = snapshot_file_check(arguments.file, &summary, sentence);
    if (error != 0) {
        fprintf(stderr, "decree snapshot status: %s\n", sentence);
        return exit_status(error);
    }
    print(&summary, arguments.settings.format);
    return output_finish();
}
