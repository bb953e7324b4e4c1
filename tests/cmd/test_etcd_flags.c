/* SPDX-License-Identifier: MIT */
/* test_etcd_flags.c -- etcd's flags: their values, their variables, and what becomes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "etcd_config_file.h"
#include "etcd_urls.h"
#include "go_values.h"
#include "serve_settings.h"

#define LONG_HOST \
    "abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz."

extern char **environ;

static char *no_variables[] = {NULL};

static struct serve_arguments arguments;
static struct serve_settings settings;
static char sentence[SENTENCE_BYTES];

static int begin(void **state)
{
    (void)state;
    environ = no_variables;
    arguments = (struct serve_arguments){0};
    return 0;
}

static void give(enum etcd_flag flag, const char *value)
{
    if (etcd_flags_set(&arguments.etcd, flag, value, sentence) != 0)
        fail_msg("%s", sentence);
}

static void read_all(void)
{
    if (serve_settings_read(&settings, &arguments, sentence) != 0)
        fail_msg("%s", sentence);
}

static void assert_says(const char *words)
{
    if (strstr(sentence, words) == NULL)
        fail_msg("'%s' does not say '%s'", sentence, words);
}

static void assert_refused(const char *words)
{
    assert_int_equal(serve_settings_read(&settings, &arguments, sentence), DECREE_INVALID);
    assert_says(words);
    begin(NULL);
}

/* ---- values ---- */

static void times_are_as_in_go(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {{"0", 0},
                {"5m", INT64_C(300000000000)},
                {"1h30m", INT64_C(5400000000000)},
                {"1.5h", INT64_C(5400000000000)},
                {".5s", 500000000},
                {"1.s", 1000000000},
                {"-1s", -1000000000},
                {"+2us", 2000},
                {"3\302\265s4ns", 3004},
                {"100ms", 100000000},
                {"0.1000000000000000000000001s", 100000000}};
    static const char *const bad[] = {"",
                                      "-",
                                      "5",
                                      "h",
                                      "5d",
                                      ".s",
                                      "1h30",
                                      "1e3s",
                                      " 1s",
                                      "9999999h",
                                      "m5",
                                      "99999999999999999999s",
                                      "2562047h2562047h"};
    int64_t ns;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(go_duration_parse(good[i].text, &ns));
        assert_int_equal(ns, good[i].ns);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (go_duration_parse(bad[i], &ns))
            fail_msg("'%s' is no time", bad[i]);
}

static void numbers_and_switches_are_as_in_go(void **state)
{
    int64_t number;
    bool is_on;

    (void)state;
    assert_true(go_number_parse("0x10", &number));
    assert_int_equal(number, 16);
    assert_true(go_number_parse("-5", &number));
    assert_int_equal(number, -5);
    assert_false(go_number_parse("", &number));
    assert_false(go_number_parse("5 ", &number));
    assert_false(go_number_parse("--5", &number));
    assert_false(go_number_parse("99999999999999999999", &number));
    assert_true(go_bool_parse("T", &is_on) && is_on);
    assert_true(go_bool_parse("0", &is_on) && !is_on);
    assert_false(go_bool_parse("yes", &is_on));
}

static void kinds_are_checked_and_the_flag_or_variable_is_named(void **state)
{
    static char variable[] = "ETCD_GRPC_KEEPALIVE_INTERVAL=often";
    char *variables[] = {variable, NULL};

    (void)state;
    assert_int_equal(etcd_flags_set(&arguments.etcd, ETCD_FLAG_SNAPSHOT_COUNT, "many", sentence),
                     DECREE_INVALID);
    assert_string_equal(sentence, "--snapshot-count must be a number, not 'many'");
    assert_int_equal(etcd_flags_set(&arguments.etcd, ETCD_FLAG_PRE_VOTE, "perhaps", sentence),
                     DECREE_INVALID);
    assert_says("--pre-vote must be true or false");
    environ = variables;
    assert_int_equal(etcd_flags_set_from_environment(&arguments.etcd, sentence), DECREE_INVALID);
    assert_says("ETCD_GRPC_KEEPALIVE_INTERVAL must be a time");
    environ = no_variables;
}

static void what_can_not_be_had_is_an_error_unless_it_asks_for_nothing(void **state)
{
    (void)state;
    give(ETCD_FLAG_CERT_FILE, "");
    give(ETCD_FLAG_CLIENT_CERT_AUTH, "false");
    give(ETCD_FLAG_PROXY, "off");
    give(ETCD_FLAG_HOST_WHITELIST, "*");
    read_all();
    assert_int_equal(etcd_flags_set(&arguments.etcd, ETCD_FLAG_PEER_KEY_FILE, "k.pem", sentence),
                     DECREE_INVALID);
    assert_says("--peer-key-file can not be had: there is no TLS yet");
    assert_int_equal(etcd_flags_set(&arguments.etcd, ETCD_FLAG_UNSAFE_NO_FSYNC, NULL, sentence),
                     DECREE_INVALID);
}

static void a_flag_wins_over_its_variable_and_an_empty_variable_is_none(void **state)
{
    static char name[] = "ETCD_NAME=b", data[] = "ETCD_DATA_DIR=/data",
                token[] = "ETCD_INITIAL_CLUSTER_TOKEN=";
    char *variables[] = {name, data, token, NULL};

    (void)state;
    give(ETCD_FLAG_NAME, "a");
    environ = variables;
    assert_int_equal(etcd_flags_set_from_environment(&arguments.etcd, sentence), 0);
    environ = no_variables;
    read_all();
    assert_string_equal(settings.options.cluster.members[0].name, "a");
    assert_string_equal(settings.options.data_dir, "/data");
    assert_string_equal(settings.options.cluster_token, "decree");
}

static void an_option_of_decree_wins_over_a_variable_but_not_over_a_flag(void **state)
{
    static char data[] = "ETCD_DATA_DIR=/data";
    char *variables[] = {data, NULL};

    (void)state;
    arguments.data = "/own";
    environ = variables;
    assert_int_equal(etcd_flags_set_from_environment(&arguments.etcd, sentence), 0);
    environ = no_variables;
    read_all();
    assert_string_equal(settings.options.data_dir, "/own");
    begin(NULL);
    arguments.data = "/own";
    give(ETCD_FLAG_DATA_DIR, "/data");
    assert_refused("--data and --data-dir say the same");
}

/* ---- defaults ---- */

static void decree_and_etcd_have_defaults_of_their_own(void **state)
{
    (void)state;
    read_all();
    assert_string_equal(settings.options.data_dir, "decree.data");
    assert_string_equal(settings.options.cluster_token, "decree");
    assert_string_equal(settings.options.clients.list[0].host, "127.0.0.1");
    assert_string_equal(settings.options.cluster.members[0].name, "n1");
    arguments.as_etcd = true;
    read_all();
    assert_string_equal(settings.options.data_dir, "default.etcd");
    assert_string_equal(settings.options.cluster_token, "etcd-cluster");
    assert_string_equal(settings.options.clients.list[0].host, "localhost");
    assert_int_equal(settings.options.clients.list[0].port, 2379);
    assert_string_equal(settings.options.cluster.members[0].host, "localhost");
    assert_int_equal(settings.options.cluster.members[0].port, 2380);
    assert_int_equal(settings.options.compaction.mode, AUTO_COMPACTION_OFF);
    assert_null(settings.options.client_urls);
}

/* ---- where ---- */

static void urls_are_a_list(void **state)
{
    (void)state;
    give(ETCD_FLAG_LISTEN_CLIENT_URLS,
         "http://10.0.0.1:2379, http://[::1]:2379/,http://localhost:4001,"
         "http://10.0.0.1:2379");
    give(ETCD_FLAG_ADVERTISE_CLIENT_URLS, "http://a.example:2379,http://[fe80::1]:1");
    give(ETCD_FLAG_LISTEN_PEER_URLS, "http://0.0.0.0:2380");
    read_all();
    assert_int_equal(settings.options.clients.count, 3);
    assert_string_equal(settings.options.clients.list[1].host, "::1");
    assert_int_equal(settings.options.clients.list[2].port, 4001);
    assert_string_equal(settings.options.client_urls, "http://a.example:2379,http://[fe80::1]:1");
    assert_string_equal(settings.options.peers.list[0].host, "0.0.0.0");
}

static void a_url_that_decree_can_not_serve_is_an_error(void **state)
{
    static const struct {
        const char *url, *words;
    } bad[] = {{"https://a:1", "TLS"},
               {"unix://a:1", "socket in the file system"},
               {"unixs://a:1", "socket in the file system"},
               {"a:1", "is no URL"},
               {"", "is no URL"},
               {"http://", "no ':'"},
               {"http://a", "no ':'"},
               {"http://:2379", "no valid host"},
               {"http://a:1/path", "has a path"},
               {"http://a:65536", "no valid port"},
               {"http://a:1,", "is no URL"},
               {"http://::1:2379", "more than one ':'"},
               {"http://" LONG_HOST LONG_HOST LONG_HOST LONG_HOST LONG_HOST ":1", "longer than"}};
    struct serve_addresses addresses;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        addresses.count = 0;
        assert_int_equal(etcd_urls_parse("--flag", bad[i].url, &addresses, sentence),
                         DECREE_INVALID);
        assert_says("--flag: ");
        assert_says(bad[i].words);
    }
    give(ETCD_FLAG_LISTEN_PEER_URLS, "http://a:1,http://b:1");
    assert_refused("listens for members on one");
    give(ETCD_FLAG_LISTEN_CLIENT_URLS,
         "http://a:1,http://a:2,http://a:3,http://a:4,http://a:5,http://a:6,"
         "http://a:7,http://a:8,http://a:9");
    assert_refused("more than 8 addresses");
}

/* ---- who ---- */

static void members_are_ordered_by_their_names(void **state)
{
    struct cluster_spec one, other;

    (void)state;
    assert_int_equal(
        etcd_cluster_parse("x", "b=http://h:2,a-1=http://h:3,a=http://h:1", &one, sentence), 0);
    assert_int_equal(
        etcd_cluster_parse("x", "a=http://h:1, a-1=http://h:3 ,b=http://h:2/", &other, sentence),
        0);
    assert_int_equal(one.count, 3);
    assert_memory_equal(&one, &other, sizeof(one));
    assert_int_equal(cluster_spec_find(&one, "b"), 3);
}

static void a_cluster_that_makes_no_sense_is_an_error(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {{"a=http://h:1,a=http://h:2", "a has two URLs"},
               {"a=http://h:1,b=http://h:1", "the same address"},
               {"a", "there is no '='"},
               {"a=h:1", "is no URL"},
               {"a=https://h:1", "TLS"},
               {"a b=http://h:1", "valid name"},
               {"=http://h:1", "valid name"}};
    struct cluster_spec cluster;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(etcd_cluster_parse("--initial-cluster", bad[i].text, &cluster, sentence),
                         DECREE_INVALID);
        assert_says("--initial-cluster: ");
        assert_says(bad[i].words);
    }
    give(ETCD_FLAG_INITIAL_CLUSTER, "a=http://h:1,b=http://h:2");
    give(ETCD_FLAG_NAME, "c");
    assert_refused("'c', the --name of this member, is not in --initial-cluster");
    give(ETCD_FLAG_INITIAL_CLUSTER, "a=http://h:1,b=http://h:2");
    assert_refused("say with --name");
}

static void a_bad_name_is_told_as_it_was_given(void **state)
{
    static char variable[] = "ETCD_NAME=n 1";
    static char other[] = "ETCD_NAME=c", list[] = "ETCD_INITIAL_CLUSTER=a=http://h:1,b=http://h:2";
    char *bad[] = {variable, NULL}, *unknown[] = {other, list, NULL};

    (void)state;
    give(ETCD_FLAG_NAME, LONG_HOST);
    assert_refused("--name: 'abcdefghijklm");
    environ = bad;
    assert_int_equal(etcd_flags_set_from_environment(&arguments.etcd, sentence), 0);
    assert_refused("ETCD_NAME: 'n 1' is no name of a member: up to 63 letters, digits");
    environ = unknown;
    assert_int_equal(etcd_flags_set_from_environment(&arguments.etcd, sentence), 0);
    assert_refused("'c', the ETCD_NAME of this member, is not in ETCD_INITIAL_CLUSTER");
}

static void what_is_advertised_otherwise_is_noticed(void **state)
{
    (void)state;
    give(ETCD_FLAG_NAME, "b");
    give(ETCD_FLAG_INITIAL_CLUSTER, "a=http://h:1,b=http://h:2");
    give(ETCD_FLAG_INITIAL_ADVERTISE_PEER_URLS, "http://h:2");
    read_all();
    assert_false(settings.advertised_otherwise);
    assert_int_equal(settings.options.self, 2);
    give(ETCD_FLAG_INITIAL_ADVERTISE_PEER_URLS, "http://h:3");
    read_all();
    assert_true(settings.advertised_otherwise);
    give(ETCD_FLAG_INITIAL_ADVERTISE_PEER_URLS, "http://h:2,http://h:3");
    assert_refused("a member of decree has one");
}

static void a_member_without_data_joins_nothing_yet(void **state)
{
    (void)state;
    give(ETCD_FLAG_DATA_DIR, "/nonexistent");
    give(ETCD_FLAG_INITIAL_CLUSTER_STATE, "existing");
    assert_refused("there are no data in /nonexistent");
    give(ETCD_FLAG_INITIAL_CLUSTER_STATE, "old");
    assert_refused("must be new or existing");
}

/* ---- how ---- */

static void limits_and_times_are_taken_in(void **state)
{
    (void)state;
    give(ETCD_FLAG_HEARTBEAT_INTERVAL, "50");
    give(ETCD_FLAG_ELECTION_TIMEOUT, "500");
    give(ETCD_FLAG_QUOTA_BACKEND_BYTES, "-1");
    give(ETCD_FLAG_MAX_REQUEST_BYTES, "10485760");
    give(ETCD_FLAG_MAX_TXN_OPS, "256");
    give(ETCD_FLAG_MAX_CONCURRENT_STREAMS, "4294967295");
    give(ETCD_FLAG_EXPERIMENTAL_WATCH_PROGRESS_NOTIFY_INTERVAL, "5s");
    give(ETCD_FLAG_LOG_LEVEL, "panic");
    give(ETCD_FLAG_LOG_FORMAT, "console");
    read_all();
    assert_int_equal(settings.options.heartbeat_ms, 50);
    assert_int_equal(settings.options.election_ms, 500);
    assert_int_equal(settings.options.quota_bytes, -1);
    assert_int_equal(settings.options.request_bytes_max, 10485760);
    assert_int_equal(settings.options.txn_ops_max, 256);
    assert_int_equal(settings.options.connection_streams_max, 262144);
    assert_int_equal(settings.options.watch_progress_ms, 5000);
    assert_int_equal(settings.level, DECREE_LOG_ERROR);
    assert_int_equal(settings.format, LOG_FORMAT_TEXT);
    give(ETCD_FLAG_WATCH_PROGRESS_NOTIFY_INTERVAL, "1ns");
    give(ETCD_FLAG_DEBUG, NULL);
    read_all();
    assert_int_equal(settings.options.watch_progress_ms, 100);
    assert_int_equal(settings.level, DECREE_LOG_DEBUG);
}

static void limits_out_of_bounds_are_errors(void **state)
{
    static const struct {
        enum etcd_flag flag;
        const char *value;
    } bad[] = {{ETCD_FLAG_HEARTBEAT_INTERVAL, "0"},
               {ETCD_FLAG_ELECTION_TIMEOUT, "-5"},
               {ETCD_FLAG_MAX_REQUEST_BYTES, "33554433"},
               {ETCD_FLAG_MAX_TXN_OPS, "0"},
               {ETCD_FLAG_MAX_TXN_OPS, "10001"},
               {ETCD_FLAG_MAX_CONCURRENT_STREAMS, "4294967296"}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        give(bad[i].flag, bad[i].value);
        assert_refused("must be a number from");
    }
    give(ETCD_FLAG_LOG_LEVEL, "loud");
    assert_refused("must be debug");
    give(ETCD_FLAG_LOG_FORMAT, "xml");
    assert_refused("must be text or json");
}

static void compaction_is_by_hours_by_times_or_by_revisions(void **state)
{
    static const struct {
        const char *mode, *retention;
        enum auto_compaction_mode is;
        uint64_t period_ms;
        int64_t revisions;
    } good[] = {{NULL, "1", AUTO_COMPACTION_PERIODIC, 3600000, 0},
                {"periodic", "30m", AUTO_COMPACTION_PERIODIC, 1800000, 0},
                {"periodic", "1ns", AUTO_COMPACTION_PERIODIC, 1, 0},
                {"periodic", "0", AUTO_COMPACTION_OFF, 0, 0},
                {"periodic", "0s", AUTO_COMPACTION_OFF, 0, 0},
                {"revision", "1000", AUTO_COMPACTION_REVISION, 0, 1000},
                {"revision", "0", AUTO_COMPACTION_OFF, 0, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        begin(NULL);
        if (good[i].mode != NULL)
            give(ETCD_FLAG_AUTO_COMPACTION_MODE, good[i].mode);
        give(ETCD_FLAG_AUTO_COMPACTION_RETENTION, good[i].retention);
        read_all();
        assert_int_equal(settings.options.compaction.mode, good[i].is);
        if (good[i].is == AUTO_COMPACTION_PERIODIC)
            assert_int_equal(settings.options.compaction.period_ms, good[i].period_ms);
        if (good[i].is == AUTO_COMPACTION_REVISION)
            assert_int_equal(settings.options.compaction.revisions, good[i].revisions);
    }
    begin(NULL);
    give(ETCD_FLAG_AUTO_COMPACTION_MODE, "sometimes");
    assert_refused("must be periodic or revision");
    give(ETCD_FLAG_AUTO_COMPACTION_RETENTION, "often");
    assert_refused("must be a number of hours or a time");
    give(ETCD_FLAG_AUTO_COMPACTION_RETENTION, "-1h");
    assert_refused("out of bounds");
    give(ETCD_FLAG_AUTO_COMPACTION_RETENTION, "9000000000");
    assert_refused("out of bounds");
    give(ETCD_FLAG_AUTO_COMPACTION_MODE, "revision");
    give(ETCD_FLAG_AUTO_COMPACTION_RETENTION, "5m");
    assert_refused("must be a number of revisions");
}

/* ---- the file ---- */

static int parse_file(const char *text)
{
    static char copy[1024];

    assert_true(strlen(text) < sizeof(copy));
    memcpy(copy, text, strlen(text) + 1);
    return etcd_config_file_parse(&arguments.etcd, "etcd.yml", copy, sentence);
}

static void a_file_has_the_flags(void **state)
{
    (void)state;
    give(ETCD_FLAG_MAX_TXN_OPS, "5");
    if (parse_file("# This is the configuration file.\r\n"
                   "---\n"
                   "name: 'n1' # quoted\n"
                   "data-dir: \"/var/lib/a b\"\n"
                   "initial-cluster: n1=http://h:1,n2=http://h:2#3\n"
                   "initial-cluster-token: it''s\n"
                   "initial-cluster-state: 'new'\n"
                   "wal-dir:\n"
                   "log-outputs: [ stderr ]\n"
                   "cors: '*'\n"
                   "discovery: ~\n"
                   "watch-progress-notify-interval: 5000000000\n"
                   "auto-compaction-retention: \"1\"\n"
                   "enable-pprof: true\n"
                   "client-transport-security:\n"
                   "  # Path to the client server TLS cert file.\n"
                   "  cert-file:\n"
                   "  client-cert-auth: false\n"
                   "log-level: debug") != 0)
        fail_msg("%s", sentence);
    assert_string_equal(arguments.etcd.values[ETCD_FLAG_NAME], "n1");
    assert_string_equal(arguments.etcd.values[ETCD_FLAG_DATA_DIR], "/var/lib/a b");
    assert_string_equal(arguments.etcd.values[ETCD_FLAG_INITIAL_CLUSTER],
                        "n1=http://h:1,n2=http://h:2#3");
    assert_string_equal(arguments.etcd.values[ETCD_FLAG_INITIAL_CLUSTER_TOKEN], "it''s");
    assert_string_equal(arguments.etcd.values[ETCD_FLAG_CORS], "*");
    assert_string_equal(arguments.etcd.values[ETCD_FLAG_LOG_OUTPUTS], "stderr");
    assert_string_equal(arguments.etcd.values[ETCD_FLAG_LOG_LEVEL], "debug");
    assert_int_equal(etcd_flags_time_ns(&arguments.etcd, ETCD_FLAG_WATCH_PROGRESS_NOTIFY_INTERVAL),
                     INT64_C(5000000000));
    assert_null(arguments.etcd.values[ETCD_FLAG_MAX_TXN_OPS]);
    assert_null(arguments.etcd.values[ETCD_FLAG_DISCOVERY]);
    assert_int_equal(parse_file("name: 'it''s'"), 0);
    assert_string_equal(arguments.etcd.values[ETCD_FLAG_NAME], "it's");
    assert_int_equal(parse_file(""), 0);
}

static void what_is_wrong_in_a_file_is_told_with_its_line(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"name: a\nnames: b\n", "line 2: 'names' is no flag of etcd"},
        {"name a", "line 1: there is no 'flag: value'"},
        {"name:a", "there is no 'flag: value'"},
        {"name: 'a", "the value of 'name' is not understood"},
        {"name: 'a' b", "is not understood"},
        {"name: \"a\\n\"", "is not understood"},
        {"name: |\n  a", "there is no"},
        {"name: {a: b}", "is not understood"},
        {"log-outputs: [a", "is not understood"},
        {"log-outputs:\n  - stderr", "write a list in one line"},
        {"max-txn-ops: many", "must be a number"},
        {"config-file: b.yml", "can not name another"},
        {"force-new-cluster: true", "can not be had"},
        {"client-transport-security:\n  cert-file: a.pem", "line 2: 'cert-file' can not be had"},
        {"peer-transport-security:\n  auto-tls: true", "'auto-tls' can not be had"}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parse_file(bad[i].text) != DECREE_INVALID)
            fail_msg("'%s' was taken", bad[i].text);
        assert_says("etcd.yml, line ");
        assert_says(bad[i].words);
    }
    assert_int_equal(etcd_config_file_read(&arguments.etcd, "/nonexistent/etcd.yml", sentence),
                     DECREE_IO);
    assert_says("cannot read /nonexistent/etcd.yml: No such file");
    assert_int_equal(etcd_config_file_read(&arguments.etcd, "/dev/zero", sentence), DECREE_IO);
    assert_says("it is no configuration file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(times_are_as_in_go, begin),
        cmocka_unit_test_setup(numbers_and_switches_are_as_in_go, begin),
        cmocka_unit_test_setup(kinds_are_checked_and_the_flag_or_variable_is_named, begin),
        cmocka_unit_test_setup(what_can_not_be_had_is_an_error_unless_it_asks_for_nothing, begin),
        cmocka_unit_test_setup(a_flag_wins_over_its_variable_and_an_empty_variable_is_none, begin),
        cmocka_unit_test_setup(an_option_of_decree_wins_over_a_variable_but_not_over_a_flag, begin),
        cmocka_unit_test_setup(decree_and_etcd_have_defaults_of_their_own, begin),
        cmocka_unit_test_setup(urls_are_a_list, begin),
        cmocka_unit_test_setup(a_url_that_decree_can_not_serve_is_an_error, begin),
        cmocka_unit_test_setup(members_are_ordered_by_their_names, begin),
        cmocka_unit_test_setup(a_cluster_that_makes_no_sense_is_an_error, begin),
        cmocka_unit_test_setup(a_bad_name_is_told_as_it_was_given, begin),
        cmocka_unit_test_setup(what_is_advertised_otherwise_is_noticed, begin),
        cmocka_unit_test_setup(a_member_without_data_joins_nothing_yet, begin),
        cmocka_unit_test_setup(limits_and_times_are_taken_in, begin),
        cmocka_unit_test_setup(limits_out_of_bounds_are_errors, begin),
        cmocka_unit_test_setup(compaction_is_by_hours_by_times_or_by_revisions, begin),
        cmocka_unit_test_setup(a_file_has_the_flags, begin),
        cmocka_unit_test_setup(what_is_wrong_in_a_file_is_told_with_its_line, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
