/* SPDX-License-Identifier: MIT */
/* serve_settings.c -- see serve_settings.h.
 *
 * Where an option of decree and a flag of etcd say the same, one of them is enough, and both are an error;
 * but a variable of etcd gives way to either.
 */
#include "serve_settings.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "etcd_urls.h"
#include "go_values.h"

#define LISTEN_DEFAULT "127.0.0.1:2379"
#define PEERS_DEFAULT "127.0.0.1:2380"
#define NAME_DEFAULT "n1"
#define DATA_DEFAULT "decree.data"
#define TOKEN_DEFAULT "decree"
#define ETCD_LISTEN_DEFAULT "http://localhost:2379"
#define ETCD_PEERS_DEFAULT "http://localhost:2380"
#define ETCD_NAME_DEFAULT "default"
#define ETCD_TOKEN_DEFAULT "etcd-cluster"
#define MS_MAX 3600000
#define REQUEST_BYTES_MAX (32 << 20)
#define TXN_OPS_MOST 10000
#define STREAMS_MOST 262144
#define PROGRESS_MS_MIN 100
#define MS_NS INT64_C(1000000)
#define HOUR_MS INT64_C(3600000)
#define PATH_BYTES 4096u

struct reading {
    const struct serve_arguments *arguments;
    const struct etcd_flags *etcd;
    struct serve_settings *settings;
    struct serve_options *options;
    char *sentence;
    char label[ETCD_FLAG_LABEL_BYTES];
};

static const char *label_of(struct reading *reading, enum etcd_flag flag)
{
    return etcd_flags_label(reading->etcd, flag, reading->label);
}

/* The flag's value is to be used: it was given, and the option of decree for the same was not. */
static bool uses(const struct reading *reading, enum etcd_flag flag, bool own_given)
{
    return etcd_flags_given(reading->etcd, flag) &&
           !(own_given && reading->etcd->from_variable[flag]);
}

static int not_both(struct reading *reading, const char *own, bool own_given, enum etcd_flag flag)
{
    if (own_given && uses(reading, flag, own_given))
        return sentence_fail(reading->sentence, DECREE_INVALID,
                             "%s and --%s say the same; give one of them", own,
                             etcd_flag_rows[flag].name);
    return 0;
}

static int check_conflicts(struct reading *reading)
{
    const struct serve_arguments *arguments = reading->arguments;
    const struct {
        const char *own;
        bool given;
        enum etcd_flag flag;
    } pairs[] = {{"--cluster", arguments->cluster != NULL, ETCD_FLAG_INITIAL_CLUSTER},
                 {"--listen", arguments->listen != NULL, ETCD_FLAG_LISTEN_CLIENT_URLS},
                 {"--data", arguments->data != NULL, ETCD_FLAG_DATA_DIR},
                 {"--cluster-token", arguments->token != NULL, ETCD_FLAG_INITIAL_CLUSTER_TOKEN},
                 {"--heartbeat-ms", arguments->heartbeat_ms != 0, ETCD_FLAG_HEARTBEAT_INTERVAL},
                 {"--election-ms", arguments->election_ms != 0, ETCD_FLAG_ELECTION_TIMEOUT}};
    int error = 0;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]) && error == 0; i++)
        error = not_both(reading, pairs[i].own, pairs[i].given, pairs[i].flag);
    return error;
}

/* The option of decree, else the flag, else the default. */
static const char *choose(const struct reading *reading, const char *own, enum etcd_flag flag,
                          const char *otherwise)
{
    if (own != NULL)
        return own;
    return etcd_flags_given(reading->etcd, flag) ? reading->etcd->values[flag] : otherwise;
}

/* A number between least and most; *ret_number stays if it was not given. */
static int read_number(struct reading *reading, enum etcd_flag flag, int64_t least, int64_t most,
                       int64_t *ret_number)
{
    int64_t number;

    if (!etcd_flags_given(reading->etcd, flag))
        return 0;
    number = etcd_flags_number(reading->etcd, flag);
    if (number < least || number > most)
        return sentence_fail(reading->sentence, DECREE_INVALID,
                             "%s must be a number from %lld to %lld, not '%.100s'",
                             label_of(reading, flag), (long long)least, (long long)most,
                             reading->etcd->values[flag]);
    *ret_number = number;
    return 0;
}

/* ---- who ---- */

static const char *given_name(const struct reading *reading)
{
    return choose(reading, NULL, ETCD_FLAG_NAME,
                  reading->arguments->as_etcd ? ETCD_NAME_DEFAULT : NULL);
}

static const char *list_label(struct reading *reading)
{
    return reading->arguments->cluster != NULL ||
                   !etcd_flags_given(reading->etcd, ETCD_FLAG_INITIAL_CLUSTER)
               ? "--cluster"
               : label_of(reading, ETCD_FLAG_INITIAL_CLUSTER);
}

static int check_name(struct reading *reading)
{
    const char *name = given_name(reading);

    if (name == NULL || cluster_name_is_valid(name))
        return 0;
    return sentence_fail(
        reading->sentence, DECREE_INVALID,
        "%s: '%.100s' is no name of a member: up to %u letters, digits, '-', '_' or '.'",
        label_of(reading, ETCD_FLAG_NAME), name, CLUSTER_NAME_BYTES - 1);
}

/* A cluster of this member alone, where nothing else was said. */
static int read_alone(struct reading *reading)
{
    const char *name = given_name(reading) == NULL ? NAME_DEFAULT : given_name(reading);
    const char *url = choose(reading, NULL, ETCD_FLAG_INITIAL_ADVERTISE_PEER_URLS,
                             reading->arguments->as_etcd ? ETCD_PEERS_DEFAULT
                                                         : "http://" PEERS_DEFAULT);
    char alone[512];

    snprintf(alone, sizeof(alone), "%.64s=%.400s", name, url);
    return etcd_cluster_parse(label_of(reading, ETCD_FLAG_INITIAL_ADVERTISE_PEER_URLS), alone,
                              &reading->options->cluster, reading->sentence);
}

static int read_cluster(struct reading *reading)
{
    const char *own = reading->arguments->cluster;

    if (own != NULL)
        return cluster_spec_parse(&reading->options->cluster, own, false, reading->sentence);
    if (!etcd_flags_given(reading->etcd, ETCD_FLAG_INITIAL_CLUSTER))
        return read_alone(reading);
    return etcd_cluster_parse(label_of(reading, ETCD_FLAG_INITIAL_CLUSTER),
                              reading->etcd->values[ETCD_FLAG_INITIAL_CLUSTER],
                              &reading->options->cluster, reading->sentence);
}

static int find_self(struct reading *reading)
{
    struct serve_options *options = reading->options;
    const char *name = given_name(reading);
    char label[ETCD_FLAG_LABEL_BYTES];

    if (name == NULL && options->cluster.count == 1)
        name = options->cluster.members[0].name;
    options->self = cluster_spec_find(&options->cluster, name == NULL ? NAME_DEFAULT : name);
    if (options->self != 0)
        return 0;
    if (name == NULL)
        return sentence_fail(reading->sentence, DECREE_INVALID,
                             "say with --name which member of the cluster this is");
    return sentence_fail(
        reading->sentence, DECREE_INVALID, "'%.64s', the %s of this member, is not in %s", name,
        etcd_flags_label(reading->etcd, ETCD_FLAG_NAME, label), list_label(reading));
}

/* Adds the URLs that a flag of etcd has, if it is given. */
static int read_urls(struct reading *reading, enum etcd_flag flag,
                     struct serve_addresses *addresses)
{
    if (!etcd_flags_given(reading->etcd, flag))
        return 0;
    return etcd_urls_parse(label_of(reading, flag), reading->etcd->values[flag], addresses,
                           reading->sentence);
}

/* The members find each other by --initial-cluster; what is advertised should be the same. */
static int read_advertised_peers(struct reading *reading)
{
    const enum etcd_flag flag = ETCD_FLAG_INITIAL_ADVERTISE_PEER_URLS;
    const struct cluster_member *self;
    struct serve_addresses advertised = {0};
    int error = read_urls(reading, flag, &advertised);

    if (error != 0 || advertised.count == 0)
        return error;
    if (advertised.count > 1)
        return sentence_fail(reading->sentence, DECREE_INVALID,
                             "%s has %zu URLs; a member of decree has one", label_of(reading, flag),
                             advertised.count);
    self = &reading->options->cluster.members[reading->options->self - 1];
    reading->settings->advertised_otherwise = advertised.list[0].port != self->port ||
                                              strcmp(advertised.list[0].host, self->host) != 0;
    return 0;
}

static int read_peers(struct reading *reading)
{
    const enum etcd_flag flag = ETCD_FLAG_LISTEN_PEER_URLS;
    struct serve_addresses *peers = &reading->options->peers;
    int error = read_urls(reading, flag, peers);

    if (error == 0 && peers->count > 1)
        error = sentence_fail(
            reading->sentence, DECREE_INVALID,
            "%s has %zu URLs; decree listens for members on one, such as http://0.0.0.0:2380",
            label_of(reading, flag), peers->count);
    return error;
}

/* ---- where ---- */

static int read_clients(struct reading *reading)
{
    struct serve_addresses *clients = &reading->options->clients;
    const enum etcd_flag flag = ETCD_FLAG_LISTEN_CLIENT_URLS,
                         more = ETCD_FLAG_LISTEN_CLIENT_HTTP_URLS;
    const char *own = reading->arguments->listen;
    int error;

    if (own == NULL && (reading->arguments->as_etcd || etcd_flags_given(reading->etcd, flag)))
        error = etcd_urls_parse(label_of(reading, flag),
                                choose(reading, NULL, flag, ETCD_LISTEN_DEFAULT), clients,
                                reading->sentence);
    else
        error = addresses_parse(own == NULL ? LISTEN_DEFAULT : own, clients, reading->sentence);
    return error == 0 ? read_urls(reading, more, clients) : error;
}

static int read_metrics(struct reading *reading)
{
    return read_urls(reading, ETCD_FLAG_LISTEN_METRICS_URLS, &reading->options->metrics);
}

static int read_advertised_clients(struct reading *reading)
{
    struct serve_addresses advertised = {0};
    int error = read_urls(reading, ETCD_FLAG_ADVERTISE_CLIENT_URLS, &advertised);

    if (error != 0 || advertised.count == 0)
        return error;
    etcd_urls_print(reading->settings->client_urls, SETTINGS_URLS_BYTES, &advertised);
    reading->options->client_urls = reading->settings->client_urls;
    return 0;
}

static void read_data(struct reading *reading)
{
    const char *data = choose(reading, reading->arguments->data, ETCD_FLAG_DATA_DIR, NULL);
    char *by_name = reading->settings->data_dir;

    if (data == NULL && reading->arguments->as_etcd) {
        snprintf(by_name, sizeof(reading->settings->data_dir), "%s.etcd",
                 cluster_spec_name(&reading->options->cluster, reading->options->self));
        data = by_name;
    }
    reading->options->data_dir = data == NULL ? DATA_DEFAULT : data;
}

/* A member that has data starts whatever this says, as in etcd. */
static int read_state(struct reading *reading)
{
    const enum etcd_flag flag = ETCD_FLAG_INITIAL_CLUSTER_STATE;
    const char *state = choose(reading, NULL, flag, "new");
    char path[PATH_BYTES];

    if (strcmp(state, "new") == 0)
        return 0;
    if (strcmp(state, "existing") != 0)
        return sentence_fail(reading->sentence, DECREE_INVALID,
                             "%s must be new or existing, not '%.100s'", label_of(reading, flag),
                             state);
    snprintf(path, sizeof(path), "%s/identity", reading->options->data_dir);
    if (access(path, F_OK) == 0)
        return 0;
    return sentence_fail(
        reading->sentence, DECREE_INVALID,
        "%s is existing, but there are no data in %.500s: members can not be added to a cluster yet; "
        "those of a new one say new",
        label_of(reading, flag), reading->options->data_dir);
}

static int read_hosts(struct reading *reading)
{
    const struct serve_arguments *arguments = reading->arguments;
    int error = 0;

    if (arguments->failpoints != NULL) {
        reading->options->failpoints_host = reading->settings->failpoints_host;
        error = cluster_address_parse(reading->settings->failpoints_host,
                                      &reading->options->failpoints_port, arguments->failpoints,
                                      true, reading->sentence);
    }
    if (error == 0 && arguments->log != NULL) {
        reading->options->log_host = reading->settings->log_host;
        error = cluster_address_parse(reading->settings->log_host, &reading->options->log_port,
                                      arguments->log, true, reading->sentence);
    }
    return error;
}

/* ---- how ---- */

static int read_times(struct reading *reading)
{
    int64_t heartbeat_ms = reading->arguments->heartbeat_ms;
    int64_t election_ms = reading->arguments->election_ms;
    int error = 0;

    if (heartbeat_ms == 0)
        error = read_number(reading, ETCD_FLAG_HEARTBEAT_INTERVAL, 1, MS_MAX, &heartbeat_ms);
    if (error == 0 && election_ms == 0)
        error = read_number(reading, ETCD_FLAG_ELECTION_TIMEOUT, 1, MS_MAX, &election_ms);
    reading->options->heartbeat_ms = (uint32_t)heartbeat_ms;
    reading->options->election_ms = (uint32_t)election_ms;
    return error;
}

static void read_progress(struct reading *reading)
{
    enum etcd_flag flag = ETCD_FLAG_WATCH_PROGRESS_NOTIFY_INTERVAL;
    int64_t ms;

    if (!etcd_flags_given(reading->etcd, flag))
        flag = ETCD_FLAG_EXPERIMENTAL_WATCH_PROGRESS_NOTIFY_INTERVAL;
    if (!etcd_flags_given(reading->etcd, flag))
        return;
    ms = etcd_flags_time_ns(reading->etcd, flag) / MS_NS;
    if (ms < PROGRESS_MS_MIN)
        ms = PROGRESS_MS_MIN;
    reading->options->watch_progress_ms = ms > INT32_MAX ? INT32_MAX : (uint32_t)ms;
}

static int read_limits(struct reading *reading)
{
    int64_t bytes = 0, ops = 0, streams = 0;
    int error = read_number(reading, ETCD_FLAG_QUOTA_BACKEND_BYTES, INT64_MIN, INT64_MAX,
                            &reading->options->quota_bytes);

    if (error == 0)
        error = read_number(reading, ETCD_FLAG_MAX_REQUEST_BYTES, 1, REQUEST_BYTES_MAX, &bytes);
    if (error == 0)
        error = read_number(reading, ETCD_FLAG_MAX_TXN_OPS, 1, TXN_OPS_MOST, &ops);
    if (error == 0)
        error = read_number(reading, ETCD_FLAG_MAX_CONCURRENT_STREAMS, 1, UINT32_MAX, &streams);
    reading->options->request_bytes_max = (size_t)bytes;
    reading->options->txn_ops_max = (size_t)ops;
    reading->options->connection_streams_max = (uint32_t)(streams > STREAMS_MOST ? STREAMS_MOST
                                                                                 : streams);
    return error;
}

/* A bare number means hours, or revisions; anything else is a time. */
static int read_compaction(struct reading *reading)
{
    const enum etcd_flag flag = ETCD_FLAG_AUTO_COMPACTION_RETENTION;
    const char *mode = choose(reading, NULL, ETCD_FLAG_AUTO_COMPACTION_MODE, "periodic");
    const char *text = choose(reading, NULL, flag, "0");
    struct auto_compaction_options *options = &reading->options->compaction;
    bool by_revision = strcmp(mode, "revision") == 0, is_number;
    int64_t amount;

    if (!by_revision && strcmp(mode, "periodic") != 0)
        return sentence_fail(reading->sentence, DECREE_INVALID,
                             "%s must be periodic or revision, not '%.100s'",
                             label_of(reading, ETCD_FLAG_AUTO_COMPACTION_MODE), mode);
    is_number = go_number_parse(text, &amount);
    if (!is_number && (by_revision || !go_duration_parse(text, &amount)))
        return sentence_fail(reading->sentence, DECREE_INVALID,
                             "%s must be a number%s, not '%.100s'", label_of(reading, flag),
                             by_revision ? " of revisions" : " of hours or a time such as 30m",
                             text);
    if (amount < 0 ||
        (is_number && !by_revision && amount > (int64_t)AUTO_COMPACTION_PERIOD_MS_MAX / HOUR_MS))
        return sentence_fail(reading->sentence, DECREE_INVALID, "%s is out of bounds: '%.100s'",
                             label_of(reading, flag), text);
    if (amount == 0)
        return 0;
    options->mode = by_revision ? AUTO_COMPACTION_REVISION : AUTO_COMPACTION_PERIODIC;
    options->revisions = amount;
    options->period_ms = (uint64_t)(is_number ? amount * HOUR_MS : (amount + MS_NS - 1) / MS_NS);
    return 0;
}

/* ---- what it tells ---- */

static int read_level(struct reading *reading)
{
    const char *level = choose(reading, NULL, ETCD_FLAG_LOG_LEVEL, "info");
    const enum etcd_flag debug = ETCD_FLAG_DEBUG;

    if (strcmp(level, "panic") == 0 || strcmp(level, "dpanic") == 0 || strcmp(level, "fatal") == 0)
        level = "error"; /* nothing is worse in decree */
    reading->settings->level = log_level_find(level);
    if (reading->settings->level == 0)
        return sentence_fail(reading->sentence, DECREE_INVALID,
                             "%s must be debug, info, warn or error, not '%.100s'",
                             label_of(reading, ETCD_FLAG_LOG_LEVEL), level);
    if (etcd_flags_given(reading->etcd, debug) && etcd_flags_switch(reading->etcd, debug))
        reading->settings->level = DECREE_LOG_DEBUG;
    return 0;
}

static int read_format(struct reading *reading)
{
    const char *format = choose(reading, NULL, ETCD_FLAG_LOG_FORMAT, "text");

    if (strcmp(format, "json") != 0 && strcmp(format, "text") != 0 &&
        strcmp(format, "console") != 0)
        return sentence_fail(reading->sentence, DECREE_INVALID,
                             "%s must be text or json, not '%.100s'",
                             label_of(reading, ETCD_FLAG_LOG_FORMAT), format);
    reading->settings->format = format[0] == 'j' ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    return 0;
}

/* Those that need the ones before. */
static int (*const STEPS[])(struct reading *) = {check_conflicts,
                                                 read_level,
                                                 read_format,
                                                 check_name,
                                                 read_cluster,
                                                 find_self,
                                                 read_clients,
                                                 read_metrics,
                                                 read_peers,
                                                 read_advertised_peers,
                                                 read_advertised_clients,
                                                 read_hosts,
                                                 read_times,
                                                 read_limits,
                                                 read_compaction};

int serve_settings_read(struct serve_settings *ret_settings,
                        const struct serve_arguments *arguments, char *sentence)
{
    struct reading reading = {.arguments = arguments,
                              .etcd = &arguments->etcd,
                              .settings = ret_settings,
                              .options = &ret_settings->options,
                              .sentence = sentence};
    struct serve_options *options = &ret_settings->options;

    *ret_settings = (struct serve_settings){0};
    for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
        int error = STEPS[i](&reading);

        if (error != 0)
            return error;
    }
    read_progress(&reading);
    read_data(&reading);
    options->cluster_token = choose(&reading, arguments->token, ETCD_FLAG_INITIAL_CLUSTER_TOKEN,
                                    arguments->as_etcd ? ETCD_TOKEN_DEFAULT : TOKEN_DEFAULT);
    options->cors = choose(&reading, NULL, ETCD_FLAG_CORS, NULL);
    options->host_whitelist = choose(&reading, NULL, ETCD_FLAG_HOST_WHITELIST, NULL);
    options->network = arguments->network;
    options->prepare_quorum = arguments->prepare_quorum;
    options->vote_quorum = arguments->vote_quorum;
    options->register_versions = arguments->register_versions;
    return read_state(&reading);
}
