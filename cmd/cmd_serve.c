/* SPDX-License-Identifier: MIT */
/* cmd_serve.c -- decree serve: runs a member, also under the name of etcd. */
#include "cmd_serve.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "exit_status.h"
#include "failpoint_port.h"
#include "serve_settings.h"
#include "services.h"
#include "version.h"

#define PATH_BYTES 4096u

static int complain(const char *command, int error, const char *sentence)
{
    assert(sentence[0] != '\0');
    fprintf(stderr, "%s: %s\n", command, sentence);
    return exit_status(error);
}

static void tell_log(const struct serve_settings *settings, const struct serve_arguments *arguments,
                     const struct logger *logger)
{
    const struct serve_options *options = &settings->options;
    const struct cluster_member *self = &options->cluster.members[options->self - 1];

    if (arguments->config_file != NULL)
        log_info(logger, "config_file",
                 "path=\"%s\" reason=\"other flags and variables of etcd have no effect\"",
                 arguments->config_file);
    etcd_flags_tell(&arguments->etcd, logger);
    if (settings->advertised_otherwise)
        log_warn(logger, "advertised_otherwise", "advertised=%s used=http://%s:%u",
                 arguments->etcd.values[ETCD_FLAG_INITIAL_ADVERTISE_PEER_URLS], self->host,
                 (unsigned)self->port);
}

static bool is_there(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    int size = snprintf(path, sizeof(path), "%s/%s", folder, name);

    return size > 0 && (size_t)size < sizeof(path) && access(path, F_OK) == 0;
}

/* Who only changes the binary is not to find an empty store where his keys were. */
static int check_folder(const char *folder, char *sentence)
{
    if (is_there(folder, "identity") || !is_there(folder, "member/wal"))
        return 0;
    return sentence_fail(
        sentence, DECREE_IDENTITY,
        "%.200s holds the data of an etcd, which decree can not read: move it away, or give "
        "another --data-dir; `etcdctl make-mirror` copies the keys of an etcd that runs",
        folder);
}

static int serve_with(const struct serve_arguments *arguments, const char *command)
{
    struct serve_settings settings;
    struct logger_stderr logger;
    char sentence[SENTENCE_BYTES];
    int error = serve_settings_read(&settings, arguments, sentence);

    if (error == 0 && settings.options.failpoints_host != NULL &&
        !failpoint_host_is_safe(settings.options.failpoints_host, sentence))
        error = DECREE_INVALID;
    if (error == 0)
        error = check_folder(settings.options.data_dir, sentence);
    if (error != 0)
        return complain(command, error, sentence);
    logger_stderr_init(&logger, settings.level, settings.format);
    settings.options.logger = &logger.logger;
    tell_log(&settings, arguments, &logger.logger);
    error = serve_run(&settings.options, sentence);
    return error == 0 ? EXIT_OK : complain(command, error, sentence);
}

static int serve(struct serve_arguments *arguments, const char *command, int argc, char **argv)
{
    int status;

    serve_arguments_parse(arguments, command, argc, argv);
    status = serve_with(arguments, command);
    etcd_flags_release(&arguments->etcd);
    return status;
}

int cmd_serve(int argc, char **argv)
{
    struct serve_arguments arguments = {0};

    return serve(&arguments, "decree serve", argc, argv);
}

/* ---- as etcd ---- */

static bool is_named_etcd(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash == NULL ? path : slash + 1, "etcd") == 0;
}

static bool is_etcd_flag(const char *word)
{
    const char *name = word + (word[0] == '-') + (word[0] == '-' && word[1] == '-');

    return word[0] == '-' && etcd_flags_find(name, strcspn(name, "=")) != ETCD_FLAG_COUNT;
}

bool serve_is_etcd(int argc, char **argv)
{
    return argc >= 1 && (is_named_etcd(argv[0]) || (argc >= 2 && is_etcd_flag(argv[1])));
}

int serve_as_etcd(int argc, char **argv)
{
    struct serve_arguments arguments = {.as_etcd = true};
    const char *command = is_named_etcd(argv[0]) ? "etcd" : "decree";

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--version") != 0 && strcmp(argv[i], "-version") != 0)
            continue;
        printf("etcd Version: %s\ndecree Version: %s\n", ETCD_VERSION, DECREE_VERSION);
        return EXIT_OK;
    }
    if (argc >= 2 && (strcmp(argv[1], "gateway") == 0 || strcmp(argv[1], "grpc-proxy") == 0)) {
        fprintf(stderr, "%s: %s can not be had: clients of decree go to its members themselves\n",
                command, argv[1]);
        return EXIT_USAGE;
    }
    return serve(&arguments, command, argc, argv);
}
