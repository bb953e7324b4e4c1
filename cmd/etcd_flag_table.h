/* SPDX-License-Identifier: MIT */
/* etcd_flag_table.h -- all flags of etcd 3.4 to 3.7, and what `decree serve` makes of them.
 *
 * X(id, name, kind of value, use, what stands for the value in --help, help, or why it has no effect or is refused)
 *
 *     SERVES     does what it does in etcd
 *     NEEDLESS   accepted, with a line in the log that says why it has no effect
 *     REFUSED    an error, unless its value is one that asks for nothing: empty, false, off or *
 *
 * Each is also a variable of the environment: --data-dir is ETCD_DATA_DIR. What has no word for its value is
 * not listed by --help.
 */
#ifndef DECREE_CMD_ETCD_FLAG_TABLE_H
#define DECREE_CMD_ETCD_FLAG_TABLE_H

/* clang-format off */
#define ETCD_FLAG_TABLE(X) \
    X(NAME, "name", TEXT, SERVES, "NAME", "This member's name in the cluster") \
    X(DATA_DIR, "data-dir", TEXT, SERVES, "DIR", "As --data") \
    X(LISTEN_CLIENT_URLS, "listen-client-urls", TEXT, SERVES, "URL,...", "Where clients connect, as --listen") \
    X(LISTEN_CLIENT_HTTP_URLS, "listen-client-http-urls", TEXT, SERVES, "URL,...", \
      "More of these; all of them speak both gRPC and HTTP") \
    X(ADVERTISE_CLIENT_URLS, "advertise-client-urls", TEXT, SERVES, "URL,...", \
      "What clients are told of these (where it listens)") \
    X(LISTEN_PEER_URLS, "listen-peer-urls", TEXT, SERVES, "URL", \
      "Where the other members come, if that is not where they are told to; one") \
    X(INITIAL_ADVERTISE_PEER_URLS, "initial-advertise-peer-urls", TEXT, SERVES, "URL", \
      "This member's URL in --initial-cluster; one") \
    X(INITIAL_CLUSTER, "initial-cluster", TEXT, SERVES, "NAME=URL,...", \
      "As --cluster, in any order; every member has one URL") \
    X(INITIAL_CLUSTER_STATE, "initial-cluster-state", TEXT, SERVES, "STATE", \
      "new, or existing for a member that has data") \
    X(INITIAL_CLUSTER_TOKEN, "initial-cluster-token", TEXT, SERVES, "WORD", "As --cluster-token") \
    X(HEARTBEAT_INTERVAL, "heartbeat-interval", NUMBER, SERVES, "MS", "As --heartbeat-ms") \
    X(ELECTION_TIMEOUT, "election-timeout", NUMBER, SERVES, "MS", "As --election-ms") \
    X(QUOTA_BACKEND_BYTES, "quota-backend-bytes", NUMBER, SERVES, "N", "What the store may hold") \
    X(AUTO_COMPACTION_MODE, "auto-compaction-mode", TEXT, SERVES, "MODE", "periodic or revision (periodic)") \
    X(AUTO_COMPACTION_RETENTION, "auto-compaction-retention", TEXT, SERVES, "N", \
      "How much of the past to keep: hours, or a time such as 30m; in the mode revision, so many revisions (0: all)") \
    X(MAX_REQUEST_BYTES, "max-request-bytes", NUMBER, SERVES, "N", \
      "The largest change that a client may ask for, up to 32 MiB (1572864)") \
    X(MAX_TXN_OPS, "max-txn-ops", NUMBER, SERVES, "N", "The most operations of a txn, up to 10000 (128)") \
    X(MAX_CONCURRENT_STREAMS, "max-concurrent-streams", NUMBER, SERVES, "N", \
      "The most calls that a client may have open (8192)") \
    X(WATCH_PROGRESS_NOTIFY_INTERVAL, "watch-progress-notify-interval", TIME, SERVES, "TIME", \
      "How often a watch that wants it is told that nothing is new, 100ms at least (10m)") \
    X(EXPERIMENTAL_WATCH_PROGRESS_NOTIFY_INTERVAL, "experimental-watch-progress-notify-interval", TIME, SERVES, NULL, \
      "The same, by its older name") \
    X(LOG_LEVEL, "log-level", TEXT, SERVES, "LEVEL", "How much it tells") \
    X(LOG_FORMAT, "log-format", TEXT, SERVES, "FORMAT", "text or json; etcd's console is text") \
    X(DEBUG, "debug", SWITCH, SERVES, NULL, "As --log-level debug") \
    X(CONFIG_FILE, "config-file", TEXT, SERVES, "FILE", \
      "Read the flags of etcd from here, as YAML; all others of etcd, and the variables, then have no effect") \
    X(FORCE_NEW_CLUSTER, "force-new-cluster", SWITCH, REFUSED, NULL, "members can not be taken out of a cluster yet") \
    X(UNSAFE_NO_FSYNC, "unsafe-no-fsync", SWITCH, REFUSED, NULL, "decree acknowledges only what is on disk") \
    X(DISCOVERY, "discovery", TEXT, REFUSED, NULL, "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_TOKEN, "discovery-token", TEXT, REFUSED, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_ENDPOINTS, "discovery-endpoints", TEXT, REFUSED, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_SRV, "discovery-srv", TEXT, REFUSED, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_SRV_NAME, "discovery-srv-name", TEXT, REFUSED, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_PROXY, "discovery-proxy", TEXT, REFUSED, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_CERT, "discovery-cert", TEXT, REFUSED, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_KEY, "discovery-key", TEXT, REFUSED, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_CACERT, "discovery-cacert", TEXT, REFUSED, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_USER, "discovery-user", TEXT, REFUSED, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_PASSWORD, "discovery-password", TEXT, REFUSED, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(EXPERIMENTAL_ENABLE_V2V3, "experimental-enable-v2v3", TEXT, REFUSED, NULL, "the v2 API is not served") \
    X(AUTH_TOKEN, "auth-token", TEXT, NEEDLESS, NULL, "there is no authentication yet") \
    X(BCRYPT_COST, "bcrypt-cost", NUMBER, NEEDLESS, NULL, "there is no authentication yet") \
    X(AUTH_TOKEN_TTL, "auth-token-ttl", NUMBER, NEEDLESS, NULL, "there is no authentication yet") \
    X(CERT_FILE, "cert-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(KEY_FILE, "key-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(CLIENT_CERT_AUTH, "client-cert-auth", SWITCH, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(CLIENT_CERT_FILE, "client-cert-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(CLIENT_KEY_FILE, "client-key-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(CLIENT_CRL_FILE, "client-crl-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(CLIENT_CERT_ALLOWED_HOSTNAME, "client-cert-allowed-hostname", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(TRUSTED_CA_FILE, "trusted-ca-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(AUTO_TLS, "auto-tls", SWITCH, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(CA_FILE, "ca-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(PEER_CA_FILE, "peer-ca-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(PEER_CERT_FILE, "peer-cert-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(PEER_KEY_FILE, "peer-key-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(PEER_CLIENT_CERT_AUTH, "peer-client-cert-auth", SWITCH, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(PEER_CLIENT_CERT_FILE, "peer-client-cert-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(PEER_CLIENT_KEY_FILE, "peer-client-key-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(PEER_TRUSTED_CA_FILE, "peer-trusted-ca-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(PEER_CERT_ALLOWED_CN, "peer-cert-allowed-cn", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(PEER_CERT_ALLOWED_HOSTNAME, "peer-cert-allowed-hostname", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(PEER_AUTO_TLS, "peer-auto-tls", SWITCH, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(PEER_CRL_FILE, "peer-crl-file", TEXT, REFUSED, NULL, \
      "there is no TLS yet, and nothing is to travel in clear text that was meant not to") \
    X(SELF_SIGNED_CERT_VALIDITY, "self-signed-cert-validity", NUMBER, NEEDLESS, NULL, \
      "it is about TLS, which there is not yet") \
    X(CIPHER_SUITES, "cipher-suites", TEXT, NEEDLESS, NULL, "it is about TLS, which there is not yet") \
    X(TLS_MIN_VERSION, "tls-min-version", TEXT, NEEDLESS, NULL, "it is about TLS, which there is not yet") \
    X(TLS_MAX_VERSION, "tls-max-version", TEXT, NEEDLESS, NULL, "it is about TLS, which there is not yet") \
    X(PEER_SKIP_CLIENT_SAN_VERIFICATION, "peer-skip-client-san-verification", SWITCH, NEEDLESS, NULL, \
      "it is about TLS, which there is not yet") \
    X(EXPERIMENTAL_PEER_SKIP_CLIENT_SAN_VERIFICATION, "experimental-peer-skip-client-san-verification", SWITCH, NEEDLESS, NULL, \
      "it is about TLS, which there is not yet") \
    X(CORS, "cors", TEXT, SERVES, "ORIGIN,...", "Pages of these origins may use the JSON API (*: all)") \
    X(HOST_WHITELIST, "host-whitelist", TEXT, SERVES, "HOST,...", \
      "Names of this host that clients of the JSON API may use (*: all)") \
    X(LISTEN_METRICS_URLS, "listen-metrics-urls", TEXT, SERVES, "URL,...", "Where metrics and health can be had beside") \
    X(WAL_DIR, "wal-dir", TEXT, NEEDLESS, NULL, "all that is on disk is a journal, in --data-dir") \
    X(SNAPSHOT_COUNT, "snapshot-count", NUMBER, NEEDLESS, NULL, "the journal is not cut yet") \
    X(SNAPSHOT_CATCHUP_ENTRIES, "snapshot-catchup-entries", NUMBER, NEEDLESS, NULL, \
      "the journal is not cut yet") \
    X(EXPERIMENTAL_SNAPSHOT_CATCHUP_ENTRIES, "experimental-snapshot-catchup-entries", NUMBER, NEEDLESS, NULL, \
      "the journal is not cut yet") \
    X(MAX_SNAPSHOTS, "max-snapshots", NUMBER, NEEDLESS, NULL, "the journal is not cut yet") \
    X(MAX_WALS, "max-wals", NUMBER, NEEDLESS, NULL, "the journal is not cut yet") \
    X(INITIAL_ELECTION_TICK_ADVANCE, "initial-election-tick-advance", SWITCH, NEEDLESS, NULL, "there are no ticks") \
    X(BACKEND_BATCH_INTERVAL, "backend-batch-interval", TIME, NEEDLESS, NULL, "there is no bbolt beneath") \
    X(BACKEND_BATCH_LIMIT, "backend-batch-limit", NUMBER, NEEDLESS, NULL, "there is no bbolt beneath") \
    X(BACKEND_BBOLT_FREELIST_TYPE, "backend-bbolt-freelist-type", TEXT, NEEDLESS, NULL, "there is no bbolt beneath") \
    X(EXPERIMENTAL_BACKEND_BBOLT_FREELIST_TYPE, "experimental-backend-bbolt-freelist-type", TEXT, NEEDLESS, NULL, \
      "there is no bbolt beneath") \
    X(BOOTSTRAP_DEFRAG_THRESHOLD_MEGABYTES, "bootstrap-defrag-threshold-megabytes", NUMBER, NEEDLESS, NULL, \
      "there is no bbolt beneath") \
    X(EXPERIMENTAL_BOOTSTRAP_DEFRAG_THRESHOLD_MEGABYTES, "experimental-bootstrap-defrag-threshold-megabytes", NUMBER, NEEDLESS, NULL, \
      "there is no bbolt beneath") \
    X(EXPERIMENTAL_STOP_GRPC_SERVICE_ON_DEFRAG, "experimental-stop-grpc-service-on-defrag", SWITCH, NEEDLESS, NULL, \
      "there is no bbolt beneath") \
    X(EXPERIMENTAL_TXN_MODE_WRITE_WITH_SHARED_BUFFER, "experimental-txn-mode-write-with-shared-buffer", SWITCH, NEEDLESS, NULL, \
      "there is no bbolt beneath") \
    X(COMPACTION_BATCH_LIMIT, "compaction-batch-limit", NUMBER, NEEDLESS, NULL, "compaction goes on between requests") \
    X(EXPERIMENTAL_COMPACTION_BATCH_LIMIT, "experimental-compaction-batch-limit", NUMBER, NEEDLESS, NULL, \
      "compaction goes on between requests") \
    X(COMPACTION_SLEEP_INTERVAL, "compaction-sleep-interval", TIME, NEEDLESS, NULL, \
      "compaction goes on between requests") \
    X(EXPERIMENTAL_COMPACTION_SLEEP_INTERVAL, "experimental-compaction-sleep-interval", TIME, NEEDLESS, NULL, \
      "compaction goes on between requests") \
    X(MEMORY_MLOCK, "memory-mlock", SWITCH, NEEDLESS, NULL, "memory is not locked") \
    X(EXPERIMENTAL_MEMORY_MLOCK, "experimental-memory-mlock", SWITCH, NEEDLESS, NULL, "memory is not locked") \
    X(GRPC_KEEPALIVE_MIN_TIME, "grpc-keepalive-min-time", TIME, NEEDLESS, NULL, \
      "clients may ping as they like, and TCP finds those that are gone") \
    X(GRPC_KEEPALIVE_INTERVAL, "grpc-keepalive-interval", TIME, NEEDLESS, NULL, \
      "clients may ping as they like, and TCP finds those that are gone") \
    X(GRPC_KEEPALIVE_TIMEOUT, "grpc-keepalive-timeout", TIME, NEEDLESS, NULL, \
      "clients may ping as they like, and TCP finds those that are gone") \
    X(ENABLE_GRPC_GATEWAY, "enable-grpc-gateway", SWITCH, NEEDLESS, NULL, "the gateway is always there") \
    X(SOCKET_REUSE_PORT, "socket-reuse-port", SWITCH, NEEDLESS, NULL, "sockets are opened as is usual") \
    X(SOCKET_REUSE_ADDRESS, "socket-reuse-address", SWITCH, NEEDLESS, NULL, "sockets are opened as is usual") \
    X(RAFT_READ_TIMEOUT, "raft-read-timeout", TIME, NEEDLESS, NULL, "members talk in a protocol of their own") \
    X(RAFT_WRITE_TIMEOUT, "raft-write-timeout", TIME, NEEDLESS, NULL, "members talk in a protocol of their own") \
    X(FEATURE_GATES, "feature-gates", TEXT, NEEDLESS, NULL, "there are no such features") \
    X(DISCOVERY_DIAL_TIMEOUT, "discovery-dial-timeout", TIME, NEEDLESS, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_REQUEST_TIMEOUT, "discovery-request-timeout", TIME, NEEDLESS, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_KEEPALIVE_TIME, "discovery-keepalive-time", TIME, NEEDLESS, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_KEEPALIVE_TIMEOUT, "discovery-keepalive-timeout", TIME, NEEDLESS, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_INSECURE_TRANSPORT, "discovery-insecure-transport", SWITCH, NEEDLESS, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_INSECURE_SKIP_TLS_VERIFY, "discovery-insecure-skip-tls-verify", SWITCH, NEEDLESS, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(DISCOVERY_FALLBACK, "discovery-fallback", TEXT, NEEDLESS, NULL, \
      "members are named by --initial-cluster, and are not discovered") \
    X(STRICT_RECONFIG_CHECK, "strict-reconfig-check", SWITCH, NEEDLESS, NULL, "the members do not change yet") \
    X(MAX_LEARNERS, "max-learners", NUMBER, NEEDLESS, NULL, "the members do not change yet") \
    X(PRE_VOTE, "pre-vote", SWITCH, NEEDLESS, NULL, "a member that returns never disturbs the leader") \
    X(ENABLE_V2, "enable-v2", SWITCH, NEEDLESS, NULL, "the v2 API is not served") \
    X(V2_DEPRECATION, "v2-deprecation", TEXT, NEEDLESS, NULL, "the v2 API is not served") \
    X(ENABLE_PPROF, "enable-pprof", SWITCH, NEEDLESS, NULL, "there is nothing of Go to profile") \
    X(METRICS, "metrics", TEXT, NEEDLESS, NULL, "all metrics are served") \
    X(LOGGER, "logger", TEXT, NEEDLESS, NULL, "one logger, which writes lines to standard error") \
    X(LOG_PACKAGE_LEVELS, "log-package-levels", TEXT, NEEDLESS, NULL, \
      "one logger, which writes lines to standard error") \
    X(LOG_ROTATION_CONFIG_JSON, "log-rotation-config-json", TEXT, NEEDLESS, NULL, \
      "one logger, which writes lines to standard error") \
    X(LOG_OUTPUTS, "log-outputs", TEXT, NEEDLESS, NULL, "the log goes to standard error") \
    X(LOG_OUTPUT, "log-output", TEXT, NEEDLESS, NULL, "the log goes to standard error") \
    X(ENABLE_LOG_ROTATION, "enable-log-rotation", SWITCH, NEEDLESS, NULL, "the log goes to standard error") \
    X(WARNING_APPLY_DURATION, "warning-apply-duration", TIME, NEEDLESS, NULL, \
      "slow requests are not logged one by one") \
    X(EXPERIMENTAL_WARNING_APPLY_DURATION, "experimental-warning-apply-duration", TIME, NEEDLESS, NULL, \
      "slow requests are not logged one by one") \
    X(WARNING_UNARY_REQUEST_DURATION, "warning-unary-request-duration", TIME, NEEDLESS, NULL, \
      "slow requests are not logged one by one") \
    X(EXPERIMENTAL_WARNING_UNARY_REQUEST_DURATION, "experimental-warning-unary-request-duration", TIME, NEEDLESS, NULL, \
      "slow requests are not logged one by one") \
    X(ENABLE_DISTRIBUTED_TRACING, "enable-distributed-tracing", SWITCH, NEEDLESS, NULL, "requests are not traced") \
    X(DISTRIBUTED_TRACING_ADDRESS, "distributed-tracing-address", TEXT, NEEDLESS, NULL, "requests are not traced") \
    X(DISTRIBUTED_TRACING_SERVICE_NAME, "distributed-tracing-service-name", TEXT, NEEDLESS, NULL, \
      "requests are not traced") \
    X(DISTRIBUTED_TRACING_INSTANCE_ID, "distributed-tracing-instance-id", TEXT, NEEDLESS, NULL, \
      "requests are not traced") \
    X(DISTRIBUTED_TRACING_SAMPLING_RATE, "distributed-tracing-sampling-rate", NUMBER, NEEDLESS, NULL, \
      "requests are not traced") \
    X(CORRUPT_CHECK_TIME, "corrupt-check-time", TIME, NEEDLESS, NULL, "`decree hash` compares members") \
    X(COMPACT_HASH_CHECK_TIME, "compact-hash-check-time", TIME, NEEDLESS, NULL, "`decree hash` compares members") \
    X(DOWNGRADE_CHECK_TIME, "downgrade-check-time", TIME, NEEDLESS, NULL, "there are no downgrades") \
    X(EXPERIMENTAL_ENABLE_DISTRIBUTED_TRACING, "experimental-enable-distributed-tracing", SWITCH, NEEDLESS, NULL, \
      "requests are not traced") \
    X(EXPERIMENTAL_DISTRIBUTED_TRACING_ADDRESS, "experimental-distributed-tracing-address", TEXT, NEEDLESS, NULL, \
      "requests are not traced") \
    X(EXPERIMENTAL_DISTRIBUTED_TRACING_SERVICE_NAME, "experimental-distributed-tracing-service-name", TEXT, NEEDLESS, NULL, \
      "requests are not traced") \
    X(EXPERIMENTAL_DISTRIBUTED_TRACING_INSTANCE_ID, "experimental-distributed-tracing-instance-id", TEXT, NEEDLESS, NULL, \
      "requests are not traced") \
    X(EXPERIMENTAL_DISTRIBUTED_TRACING_SAMPLING_RATE, "experimental-distributed-tracing-sampling-rate", NUMBER, NEEDLESS, NULL, \
      "requests are not traced") \
    X(EXPERIMENTAL_CORRUPT_CHECK_TIME, "experimental-corrupt-check-time", TIME, NEEDLESS, NULL, \
      "`decree hash` compares members") \
    X(EXPERIMENTAL_COMPACT_HASH_CHECK_TIME, "experimental-compact-hash-check-time", TIME, NEEDLESS, NULL, \
      "`decree hash` compares members") \
    X(EXPERIMENTAL_DOWNGRADE_CHECK_TIME, "experimental-downgrade-check-time", TIME, NEEDLESS, NULL, \
      "there are no downgrades") \
    X(EXPERIMENTAL_COMPACT_HASH_CHECK_ENABLED, "experimental-compact-hash-check-enabled", SWITCH, NEEDLESS, NULL, \
      "`decree hash` compares members") \
    X(EXPERIMENTAL_INITIAL_CORRUPT_CHECK, "experimental-initial-corrupt-check", SWITCH, NEEDLESS, NULL, \
      "the journal is checked at every start") \
    X(EXPERIMENTAL_ENABLE_LEASE_CHECKPOINT, "experimental-enable-lease-checkpoint", SWITCH, NEEDLESS, NULL, \
      "what is left of leases is always kept") \
    X(EXPERIMENTAL_ENABLE_LEASE_CHECKPOINT_PERSIST, "experimental-enable-lease-checkpoint-persist", SWITCH, NEEDLESS, NULL, \
      "what is left of leases is always kept") \
    X(NEXT_CLUSTER_VERSION_COMPATIBLE, "next-cluster-version-compatible", SWITCH, NEEDLESS, NULL, \
      "there are no downgrades") \
    X(PROXY, "proxy", TEXT, REFUSED, NULL, "there is no proxy of the v2 API") \
    X(PROXY_FAILURE_WAIT, "proxy-failure-wait", NUMBER, NEEDLESS, NULL, "there is no proxy of the v2 API") \
    X(PROXY_REFRESH_INTERVAL, "proxy-refresh-interval", NUMBER, NEEDLESS, NULL, "there is no proxy of the v2 API") \
    X(PROXY_DIAL_TIMEOUT, "proxy-dial-timeout", NUMBER, NEEDLESS, NULL, "there is no proxy of the v2 API") \
    X(PROXY_WRITE_TIMEOUT, "proxy-write-timeout", NUMBER, NEEDLESS, NULL, "there is no proxy of the v2 API") \
    X(PROXY_READ_TIMEOUT, "proxy-read-timeout", NUMBER, NEEDLESS, NULL, "there is no proxy of the v2 API")
/* clang-format on */

#endif
