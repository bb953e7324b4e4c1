/* SPDX-License-Identifier: MIT */
/* cmd_lock.c -- decree lock NAME [COMMAND ARG...]. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "client_session.h"
#include "commands.h"
#include "lock_session.h"
#include "user_program.h"

#define TTL_SECONDS 10 /* as etcdctl */
#define TTL_SECONDS_MAX 86400
#define SIGNALLED 128 /* the exit status of a program that a signal ended, as shells have it */
#define NOT_STARTED 127

extern char **environ;

enum { OPTION_TTL = 0x300 };

struct lock_arguments {
    struct client_settings settings;
    const char *name;
    char **program; /* NULL: there is none */
    int64_t seconds;
};

static const struct argp_option options[] = {
    {"ttl", OPTION_TTL, "SECONDS", 0,
     "If this process dies, the lock is free after so long (default 10)", 1},
    {0},
};

static const char doc[] =
    "Waits until it has the lock NAME, and keeps it until it ends. Without a COMMAND it prints the key that stands for the "
    "lock, and waits for Ctrl-C. With one it runs COMMAND under the lock, with ETCD_LOCK_KEY and ETCD_LOCK_REV in its "
    "environment, and returns its exit status; if the lock is lost meanwhile, COMMAND gets a SIGTERM.\v"
    "Options come before NAME; all that comes behind is COMMAND's.\n\n"
    "Examples:\n"
    "  decree lock nightly ./backup.sh --full\n"
    "  decree lock --ttl 60 deploy make install\n"
    "  decree lock printer                          prints its key, and holds it\n\n"
    "Who writes to something else under the lock should hand on ETCD_LOCK_REV, so that writes of an earlier holder can "
    "be told apart and refused.\n\n"
    "Exit status: that of COMMAND; 0 Ctrl-C came while the lock was held; 1 it came before, or the lock was refused or "
    "lost; 64 the command line makes no sense; 69 no server answered; 127 COMMAND could not be started.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct lock_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case OPTION_TTL:
        arguments->seconds = (int64_t)number_argument(argument, "--ttl, in seconds,", 1,
                                                      TTL_SECONDS_MAX, state);
        return 0;
    case ARGP_KEY_ARG:
        arguments->name = argument;
        if (state->next < state->argc && strcmp(state->argv[state->next], "--") == 0)
            state->next++;
        else if (state->next < state->argc && state->argv[state->next][0] == '-')
            argp_error(state, "options come before the name: '%s'", state->argv[state->next]);
        if (state->next < state->argc)
            arguments->program = &state->argv[state->next];
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "the name of the lock is missing");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

/* EXIT_OK with the answer, or an exit status after a sentence. */
static int take_lock(const struct lock_arguments *arguments, const struct lock_session *session,
                     V3lockpb__LockResponse **ret_response)
{
    V3lockpb__LockRequest request = V3LOCKPB__LOCK_REQUEST__INIT;
    struct client *client;
    enum grpc_status code;
    int status = lock_session_connect(&arguments->settings, &client);

    if (status != EXIT_OK)
        return status;
    request.name.data = (uint8_t *)(uintptr_t)arguments->name;
    request.name.len = strlen(arguments->name);
    request.lease = session->lease;
    do
        code = client_lock(client, &request, ret_response);
    while (code != GRPC_OK && lock_session_again(code));
    if (code != GRPC_OK)
        status = client_failure(client, code);
    client_free(client);
    return status;
}

/* False: there is no memory. */
static bool set_environment(const V3lockpb__LockResponse *response)
{
    char *key = strndup((const char *)response->key.data, response->key.len);
    char revision[24];
    bool set;

    snprintf(revision, sizeof(revision), "%" PRId64, response->header->revision);
    set = key != NULL && setenv("ETCD_LOCK_KEY", key, 1) == 0 &&
          setenv("ETCD_LOCK_REV", revision, 1) == 0;
    free(key);
    return set;
}

static int run(const struct lock_arguments *arguments, struct lock_session *session,
               const V3lockpb__LockResponse *response)
{
    int error = set_environment(response) ? 0 : ENOMEM;
    int outcome;
    pid_t pid;

    if (error == 0)
        error = user_program_start(arguments->program, environ, &session->old_signals, &pid);
    if (error != 0) {
        fprintf(stderr, "decree lock: cannot run '%s': %s\n", arguments->program[0],
                strerror(error));
        return NOT_STARTED;
    }
    atomic_store(&session->program, pid);
    while (waitpid(pid, &outcome, 0) < 0)
        if (errno != EINTR)
            return EXIT_FAILED;
    return WIFEXITED(outcome) ? WEXITSTATUS(outcome) : SIGNALLED + WTERMSIG(outcome);
}

int cmd_lock(int argc, char **argv)
{
    static const struct argp argp = {
        options, parse_option, "NAME [COMMAND [ARG...]]", doc, client_options_alone, NULL, NULL};
    static struct lock_arguments arguments = {.seconds = TTL_SECONDS};
    static struct lock_session session;
    V3lockpb__LockResponse *response;
    int status;

    client_parse_in_order(&argp, "decree lock", argc, argv, &arguments);
    status = lock_session_begin(&session, &arguments.settings, "decree lock", arguments.seconds);
    if (status != EXIT_OK)
        return status;
    status = take_lock(&arguments, &session, &response);
    if (status == EXIT_OK && arguments.program != NULL)
        lock_session_end(&session, run(&arguments, &session, response));
    if (status == EXIT_OK)
        status = lock_session_print(&session, response->key.data, response->key.len);
    if (status != EXIT_OK)
        lock_session_end(&session, status);
    lock_session_rest(&session);
}
