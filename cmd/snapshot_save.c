/* SPDX-License-Identifier: MIT */
/* snapshot_save.c -- decree snapshot save: blob after blob into a file, which gets its name when all
 * of it is on the disk, and what was received is what was sent.
 */
#include <argp.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "client_options.h"
#include "commands.h"
#include "fs_util.h"
#include "message_json.h"
#include "output.h"
#include "snapshot_commands.h"

#define SILENCE_MS 60000u

static const char doc[] =
    "Takes a snapshot of the store of one server, and writes it to FILE. The server goes on meanwhile; what is saved is "
    "the store of the moment when it was asked. A server that has lost the others can be saved too: it gives what it "
    "has. FILE gets its name when all of it is on the disk; until then it is FILE.part.\v"
    "Examples:\n"
    "  decree snapshot save backup\n"
    "  decree snapshot save backup --endpoints 127.0.0.1:2381 --json\n\n"
    "--timeout is how long the server may be silent (60s).\n\n"
    "Exit status: 0 saved; 1 the server refused; 64 the command line makes no sense; 69 the server did not answer; 74 "
    "the file could not be written, or what came was damaged.";

struct save_arguments {
    struct client_settings settings;
    const char *file;
};

struct saving {
    struct fs *fs;
    int file;
    char part[FS_PATH_MAX];
    uint64_t size;
    struct sha256 *sha256;
    uint8_t sum[SHA256_BYTES];
    bool all_came, sum_came, sum_is_right;
    int error; /* errno of a write, negative; 0: none failed */
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct save_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->file != NULL)
            argp_error(state, "one file is enough: '%s'", argument);
        if (strlen(argument) + FS_NAME_MAX >= FS_PATH_MAX)
            argp_error(state, "the name of the file is too long");
        arguments->file = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "say where to: decree snapshot save FILE");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static void take_sum(struct saving *saving, const uint8_t *data, size_t size)
{
    sha256_end(saving->sha256, saving->sum);
    saving->sum_came = true;
    saving->sum_is_right = size == SHA256_BYTES && memcmp(saving->sum, data, size) == 0;
}

static bool take_blob(void *context, uint64_t left, const uint8_t *data, size_t size)
{
    struct saving *saving = context;

    if (saving->sum_came)
        saving->sum_is_right = false; /* nothing should follow it */
    else if (saving->all_came)
        take_sum(saving, data, size);
    else
        sha256_add(saving->sha256, data, size);
    saving->all_came = left == 0;
    saving->error = fs_write_all(saving->fs, saving->file, data, size, saving->size);
    saving->size += size;
    return saving->error == 0;
}

static int fail_file(const char *path, const char *what, int error)
{
    fprintf(stderr, "decree: cannot %s '%s': %s\n", what, path, strerror(-error));
    return EX_IOERR;
}

/* The folder of a file. */
static void folder_of(const char *file, char *folder)
{
    const char *slash = strrchr(file, '/');
    size_t size = slash == NULL ? 0 : slash == file ? 1 : (size_t)(slash - file);

    assert(size < FS_PATH_MAX);
    snprintf(folder, FS_PATH_MAX, "%.*s", size == 0 ? 1 : (int)size, size == 0 ? "." : file);
}

/* Gives the file its name. */
static int keep(struct saving *saving, const char *name)
{
    char folder[FS_PATH_MAX];
    int error = saving->fs->ops->sync(saving->fs, saving->file);

    folder_of(name, folder);
    if (error == 0)
        error = saving->fs->ops->rename(saving->fs, saving->part, name);
    if (error == 0)
        error = saving->fs->ops->sync_directory(saving->fs, folder);
    return error == 0 ? EXIT_OK : fail_file(name, "write", error);
}

static int judge(const struct saving *saving, const struct client *client, enum grpc_status code)
{
    if (saving->error != 0)
        return fail_file(saving->part, "write", saving->error);
    if (code != GRPC_OK)
        return client_failure(client, code);
    if (saving->sum_came && saving->sum_is_right)
        return EXIT_OK;
    fprintf(stderr, "decree: %s: the snapshot that came is not whole: %s\n",
            client_endpoint(client),
            saving->sum_came ? "its SHA-256 sum is wrong" : "its end is missing");
    return EX_IOERR;
}

static int receive(struct saving *saving, const struct save_arguments *arguments)
{
    uint64_t silence_ms = arguments->settings.timeout_ms;
    struct client *client;
    int status = client_connect(&arguments->settings, &client);

    if (status != EXIT_OK)
        return status;
    status = judge(
        saving, client,
        client_snapshot(client, silence_ms > 0 ? silence_ms : SILENCE_MS, take_blob, saving));
    client_free(client);
    return status;
}

static void print_saved(const struct saving *saving, const struct save_arguments *arguments)
{
    char sum[SNAPSHOT_SUM_TEXT_BYTES];

    if (arguments->settings.format != OUTPUT_JSON) {
        printf("Snapshot saved at %s\n", arguments->file);
        return;
    }
    snapshot_sum_print(sum, saving->sum);
    printf("{\"file\":");
    string_json_print(stdout, arguments->file);
    printf(",\"totalSize\":%llu,\"sha256\":\"%s\"}\n", (unsigned long long)saving->size, sum);
}

static int save(struct saving *saving, const struct save_arguments *arguments)
{
    int status, error;

    snprintf(saving->part, sizeof(saving->part), "%s.part", arguments->file);
    error = saving->fs->ops->open(saving->fs, saving->part, FS_OPEN_CREATE, &saving->file);
    if (error != 0)
        return fail_file(saving->part, "write", error);
    status = receive(saving, arguments);
    if (status == EXIT_OK)
        status = keep(saving, arguments->file);
    saving->fs->ops->close(saving->fs, saving->file);
    if (status != EXIT_OK)
        (void)saving->fs->ops->unlink(saving->fs, saving->part);
    return status;
}

int snapshot_save(int argc, char **argv)
{
    static const struct argp argp = {NULL, parse_option, "FILE", doc, client_options_alone,
                                     NULL, NULL};
    static struct endpoints endpoints;
    static struct saving saving;
    struct save_arguments arguments = {0};
    int status;

    client_parse(&argp, "decree snapshot save", argc, argv, &arguments);
    status = client_endpoints(&arguments.settings, &endpoints);
    if (status != EXIT_OK)
        return status;
    if (endpoints.count != 1) {
        fprintf(stderr, "decree snapshot save: a snapshot is of one server; name one endpoint\n");
        return EXIT_USAGE;
    }
    saving.fs = fs_system();
    saving.sha256 = sha256_new();
    if (saving.sha256 == NULL)
        return fail_file(arguments.file, "write", -ENOMEM);
    status = save(&saving, &arguments);
    sha256_free(saving.sha256);
    if (status != EXIT_OK)
        return status;
    print_saved(&saving, &arguments);
    return output_finish();
}
