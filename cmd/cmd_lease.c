/* SPDX-License-Identifier: MIT */
/* cmd_lease.c -- decree lease grant, revoke, timetolive, list, keep-alive. */
#include <argp.h>
#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <uv.h>

#include "client_lease.h"
#include "client_options.h"
#include "commands.h"
#include "lease_print.h"

#define TTL_SECONDS_MAX 9000000000 /* of etcd */
#define RENEWAL_MS_MAX 5000u
#define AGAIN_MS 200u

enum { OPTION_KEYS = 0x300, OPTION_ONCE };

struct lease_arguments;

struct verb {
    const char *word, *argument; /* argument: what it is about, for the sentence; NULL: none */
    int (*run)(const struct lease_arguments *arguments, struct client *client);
};

struct lease_arguments {
    struct client_settings settings;
    const struct verb *verb;
    int64_t lease, seconds;
    bool has_argument, keys, once;
};

static const struct argp_option options[] = {
    {"keys", OPTION_KEYS, 0, 0, "timetolive: also the keys that hang on the lease", 1},
    {"once", OPTION_ONCE, 0, 0, "keep-alive: renew it once, and not until Ctrl-C", 1},
    {0},
};

static const char doc[] =
    "A lease is a time to live that keys hang on: when nobody renews it in time, it ends, and they are deleted. TTL is in "
    "seconds; an ID is hexadecimal, as grant prints it.\v"
    "Examples:\n"
    "  decree lease grant 60\n"
    "  decree put worker/7 here --lease 0123456789abcdef\n"
    "  decree lease keep-alive 0123456789abcdef         until Ctrl-C\n"
    "  decree lease timetolive 0123456789abcdef --keys\n"
    "  decree lease list --json\n"
    "  decree lease revoke 0123456789abcdef             its keys are deleted now\n\n"
    "Exit status: 0 done; keep-alive was ended by Ctrl-C; 1 refused, as when there is no such lease, or the lease that was "
    "kept alive is gone; 64 the command line makes no sense; 69 no server answered.";

/* ---- one by one ---- */

static int grant(const struct lease_arguments *arguments, struct client *client)
{
    Etcdserverpb__LeaseGrantRequest request = ETCDSERVERPB__LEASE_GRANT_REQUEST__INIT;
    Etcdserverpb__LeaseGrantResponse *response;
    enum grpc_status code;

    request.ttl = arguments->seconds;
    code = client_grant(client, &request, &response);
    if (code != GRPC_OK)
        return client_failure(client, code);
    lease_print_grant(arguments->settings.format, response);
    etcdserverpb__lease_grant_response__free_unpacked(response, NULL);
    return output_finish();
}

static int end_lease(const struct lease_arguments *arguments, struct client *client)
{
    Etcdserverpb__LeaseRevokeRequest request = ETCDSERVERPB__LEASE_REVOKE_REQUEST__INIT;
    Etcdserverpb__LeaseRevokeResponse *response;
    enum grpc_status code;

    request.id = arguments->lease;
    code = client_revoke(client, &request, &response);
    if (code != GRPC_OK)
        return client_failure(client, code);
    lease_print_revoke(arguments->settings.format, arguments->lease, response);
    etcdserverpb__lease_revoke_response__free_unpacked(response, NULL);
    return output_finish();
}

static int time_to_live(const struct lease_arguments *arguments, struct client *client)
{
    Etcdserverpb__LeaseTimeToLiveRequest request = ETCDSERVERPB__LEASE_TIME_TO_LIVE_REQUEST__INIT;
    Etcdserverpb__LeaseTimeToLiveResponse *response;
    enum grpc_status code;

    request.id = arguments->lease;
    request.keys = arguments->keys;
    code = client_time_to_live(client, &request, &response);
    if (code != GRPC_OK)
        return client_failure(client, code);
    lease_print_time_to_live(arguments->settings.format, arguments->keys, response);
    etcdserverpb__lease_time_to_live_response__free_unpacked(response, NULL);
    return output_finish();
}

static int list(const struct lease_arguments *arguments, struct client *client)
{
    Etcdserverpb__LeaseLeasesResponse *response;
    enum grpc_status code = client_leases(client, &response);

    if (code != GRPC_OK)
        return client_failure(client, code);
    lease_print_list(arguments->settings.format, response);
    etcdserverpb__lease_leases_response__free_unpacked(response, NULL);
    return output_finish();
}

/* ---- keeping alive ---- */

static void on_signal(int number)
{
    _Exit(number == SIGINT || number == SIGTERM ? EXIT_OK : EXIT_FAILED);
}

static void rest(uint64_t ms)
{
    const struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                                   .tv_nsec = (long)(ms % 1000) * 1000000L};

    nanosleep(&pause, NULL);
}

static int tell_gone(const struct lease_arguments *arguments)
{
    fprintf(stderr, "decree lease: lease %016" PRIx64 " expired or revoked\n", arguments->lease);
    return EXIT_FAILED;
}

/* One renewal that came: how long it is good for. */
static int on_renewal(const struct lease_arguments *arguments,
                      Etcdserverpb__LeaseKeepAliveResponse *response, uint64_t *ret_ms)
{
    int status = EXIT_OK;

    *ret_ms = (uint64_t)(response->ttl > 0 ? response->ttl : 0) * 1000;
    if (response->ttl > 0) {
        lease_print_renewal(arguments->settings.format, response);
        status = output_finish();
    }
    etcdserverpb__lease_keep_alive_response__free_unpacked(response, NULL);
    return *ret_ms == 0 ? tell_gone(arguments) : status;
}

/* While no server answers, the next is asked, as long as the lease may be there; at first, each
 * once. */
static int keep_alive(const struct lease_arguments *arguments, struct client *client)
{
    Etcdserverpb__LeaseKeepAliveResponse *response;
    uint64_t good_ms = 0, until_ms = 0, begun_ms;
    enum grpc_status code;
    size_t failures = 0;

    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    for (;;) {
        begun_ms = uv_hrtime() / 1000000u;
        code = client_renew(client, arguments->lease, RENEWAL_MS_MAX, &response);
        if (code == GRPC_OK) {
            int status = on_renewal(arguments, response, &good_ms);

            if (status != EXIT_OK || arguments->once)
                return status;
            until_ms = begun_ms + good_ms;
            failures = 0;
            rest(good_ms / 3);
        } else if (code != GRPC_UNAVAILABLE && code != GRPC_DEADLINE_EXCEEDED) {
            return client_failure(client, code);
        } else if (until_ms == 0 ? ++failures >= client_endpoint_count(client)
                                 : begun_ms >= until_ms) {
            return client_failure(client, code);
        } else {
            rest(until_ms == 0 ? 0 : AGAIN_MS);
        }
    }
}

/* ---- the command line ---- */

static const struct verb verbs[] = {
    {"grant", "TTL", grant}, {"revoke", "ID", end_lease},      {"timetolive", "ID", time_to_live},
    {"list", NULL, list},    {"keep-alive", "ID", keep_alive},
};

static void parse_verb(struct lease_arguments *arguments, const char *word,
                       struct argp_state *state)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(word, verbs[i].word) == 0)
            arguments->verb = &verbs[i];
    if (arguments->verb == NULL)
        argp_error(state, "say grant, revoke, timetolive, list or keep-alive, not '%s'", word);
}

static void parse_argument(struct lease_arguments *arguments, const char *text,
                           struct argp_state *state)
{
    if (arguments->verb->argument == NULL || arguments->has_argument)
        argp_error(state, "too many arguments: '%s'", text);
    arguments->has_argument = true;
    if (strcmp(arguments->verb->argument, "ID") == 0) {
        if (!lease_id_parse(text, &arguments->lease))
            argp_error(state, "a lease's ID is hexadecimal, up to 16 digits, not '%s'", text);
        return;
    }
    arguments->seconds = (int64_t)number_argument(text, "the TTL, in seconds,", 1, TTL_SECONDS_MAX,
                                                  state);
}

static void check(const struct lease_arguments *arguments, struct argp_state *state)
{
    if (arguments->verb == NULL)
        argp_error(state, "say what: grant, revoke, timetolive, list or keep-alive");
    else if (arguments->verb->argument != NULL && !arguments->has_argument)
        argp_error(state, "%s wants the %s", arguments->verb->word,
                   arguments->verb->argument[0] == 'I' ? "ID of a lease" : "TTL in seconds");
    else if (arguments->keys && arguments->verb->run != time_to_live)
        argp_error(state, "--keys is of timetolive");
    else if (arguments->once && arguments->verb->run != keep_alive)
        argp_error(state, "--once is of keep-alive");
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct lease_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case OPTION_KEYS:
        arguments->keys = true;
        return 0;
    case OPTION_ONCE:
        arguments->once = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            parse_verb(arguments, argument, state);
        else
            parse_argument(arguments, argument, state);
        return 0;
    case ARGP_KEY_END:
        check(arguments, state);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_lease(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse_option,
        "grant TTL\nrevoke ID\ntimetolive ID [--keys]\nlist\nkeep-alive ID "
        "[--once]",
        doc,
        client_options_alone,
        NULL,
        NULL};
    struct lease_arguments arguments = {0};
    struct client *client;
    int status;

    client_parse(&argp, "decree lease", argc, argv, &arguments);
    assert(arguments.verb != NULL);
    status = client_connect(&arguments.settings, &client);
    if (status != EXIT_OK)
        return status;
    status = arguments.verb->run(&arguments, client);
    client_free(client);
    return status;
}
