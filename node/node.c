/* SPDX-License-Identifier: MIT */
/* node.c -- the public face of a node: a host on a thread with a loop of its own.
 *
 *     caller's thread                 loop thread
 *     decree_node_open:  start  --->  host_open
 *              wait      <----------  opened, or why not
 *                                     uv_run ...
 *     decree_node_close: stop   --->  host_close, uv_run returns
 *              join      <----------  ends
 */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "logger_stderr.h"

#define CLUSTER_OF_ONE "n1"

struct decree_node {
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t stop;
    uv_sem_t opened;
    struct host *host;
    struct host_options options; /* pointers in it: while opening */
    int error;
    char sentence[SENTENCE_BYTES];
    struct logger_stderr stderr_logger;
    struct logger user_logger;
    void (*log)(void *context, enum decree_log_level level, const char *line);
    void *log_context;
};

/* ---- the log ---- */

static void log_to_user(void *context, enum decree_log_level level, const char *event,
                        const char *details)
{
    struct decree_node *node = context;
    char line[LOG_LINE_BYTES];

    snprintf(line, sizeof(line), "%s%s%s", event, details[0] == '\0' ? "" : " ", details);
    node->log(node->log_context, level, line);
}

static const struct logger *init_logger(struct decree_node *node,
                                        const struct decree_node_options *options)
{
    enum decree_log_level level = options->log_level == 0 ? DECREE_LOG_WARN : options->log_level;

    if (options->log == NULL) {
        logger_stderr_init(&node->stderr_logger, level, LOG_FORMAT_TEXT);
        return &node->stderr_logger.logger;
    }
    node->log = options->log;
    node->log_context = options->log_context;
    node->user_logger = (struct logger){.context = node, .level = level, .write = log_to_user};
    return &node->user_logger;
}

/* ---- the loop thread ---- */

static void host_closed(void *context)
{
    struct decree_node *node = context;

    node->host = NULL;
    uv_close((uv_handle_t *)&node->stop, NULL);
}

static void on_stop(uv_async_t *stop)
{
    struct decree_node *node = stop->data;

    host_close(node->host, host_closed, node);
}

static void block_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static void run(void *argument)
{
    struct decree_node *node = argument;

    block_signals();
    node->error = host_open(&node->host, &node->loop, &node->options, node->sentence);
    if (node->error != 0) {
        uv_close((uv_handle_t *)&node->stop, NULL);
        uv_run(&node->loop, UV_RUN_DEFAULT);
        uv_sem_post(&node->opened);
        return;
    }
    uv_sem_post(&node->opened);
    uv_run(&node->loop, UV_RUN_DEFAULT);
}

/* ---- open and close ---- */

static int read_options(struct decree_node *node, const struct decree_node_options *options)
{
    struct host_options *host = &node->options;
    const char *cluster = options->cluster == NULL ? CLUSTER_OF_ONE : options->cluster;
    bool names_only = options->hub != NULL || options->transport != NULL ||
                      strchr(cluster, ',') == NULL;

    if (cluster_spec_parse(&host->cluster, cluster, names_only, node->sentence) != 0)
        return DECREE_INVALID;
    host->self = options->name == NULL ? 1 : cluster_spec_find(&host->cluster, options->name);
    if (host->self == 0) {
        snprintf(node->sentence, sizeof(node->sentence),
                 "the name '%.64s' is not in the cluster '%.512s'", options->name, cluster);
        return DECREE_INVALID;
    }
    if (options->log_level < 0 || options->log_level > DECREE_LOG_ERROR) {
        snprintf(node->sentence, sizeof(node->sentence), "there is no log level %d",
                 (int)options->log_level);
        return DECREE_INVALID;
    }
    host->cluster_token = options->cluster_token;
    host->data_dir = options->data_dir;
    host->network = options->network == NULL ? PEER_NETWORK_TCP
                                             : peer_network_find(options->network);
    if (host->network == 0) {
        snprintf(node->sentence, sizeof(node->sentence),
                 "there is no network '%.64s'; it must be " PEER_NETWORK_NAMES, options->network);
        return DECREE_INVALID;
    }
    host->hub = options->hub;
    host->transport = options->transport;
    host->machine = options->machine;
    host->prepare_quorum = options->prepare_quorum;
    host->vote_quorum = options->vote_quorum;
    host->heartbeat_ms = options->heartbeat_ms;
    host->election_ms = options->election_ms;
    host->value_bytes_max = options->value_bytes_max;
    host->without_registers = options->without_registers;
    host->register_versions = options->register_versions;
    host->logger = init_logger(node, options);
    return 0;
}

static int init_loop(struct decree_node *node)
{
    if (uv_loop_init(&node->loop) != 0)
        return DECREE_IO;
    if (uv_async_init(&node->loop, &node->stop, on_stop) != 0) {
        uv_loop_close(&node->loop);
        return DECREE_IO;
    }
    node->stop.data = node;
    return 0;
}

/* Starts the thread and waits for its word. */
static int start(struct decree_node *node)
{
    if (uv_sem_init(&node->opened, 0) != 0)
        return DECREE_NOMEM;
    if (uv_thread_create(&node->thread, run, node) != 0) {
        snprintf(node->sentence, sizeof(node->sentence), "cannot start a thread");
        uv_close((uv_handle_t *)&node->stop, NULL);
        uv_run(&node->loop, UV_RUN_DEFAULT);
        node->error = DECREE_IO;
    } else {
        uv_sem_wait(&node->opened);
        if (node->error != 0)
            uv_thread_join(&node->thread);
    }
    uv_sem_destroy(&node->opened);
    if (node->error != 0)
        uv_loop_close(&node->loop);
    return node->error;
}

int decree_node_open(struct decree_node **ret_node, const struct decree_node_options *options,
                     char **ret_error_text)
{
    struct decree_node *node = calloc(1, sizeof(*node));
    int error;

    assert(ret_node != NULL);
    assert(options != NULL);
    if (node == NULL) {
        if (ret_error_text != NULL)
            *ret_error_text = NULL;
        return DECREE_NOMEM;
    }
    error = read_options(node, options);
    if (error == 0)
        error = init_loop(node);
    if (error == 0)
        error = start(node);
    if (error == 0) {
        *ret_node = node;
        return 0;
    }
    if (ret_error_text != NULL)
        *ret_error_text = strdup(node->sentence[0] != '\0' ? node->sentence
                                                           : decree_error_text(error));
    free(node);
    return error;
}

void decree_node_close(struct decree_node *node)
{
    int error;

    if (node == NULL)
        return;
    uv_async_send(&node->stop);
    uv_thread_join(&node->thread);
    error = uv_loop_close(&node->loop);
    assert(error == 0);
    (void)error;
    free(node);
}

/* ---- requests ---- */

static int submit(struct decree_node *node, struct request *request)
{
    int error = request == NULL ? DECREE_NOMEM : host_submit(node->host, request);

    if (error != 0 && request != NULL)
        request_drop(request);
    return error;
}

int decree_node_propose(struct decree_node *node, const void *data, size_t size, decree_done *done,
                        void *argument)
{
    struct request *request;

    assert(data != NULL || size == 0);
    if (size > UINT32_MAX)
        return DECREE_TOO_LARGE;
    request = request_new(false, (uint32_t)size, done, argument);
    if (request != NULL && size > 0)
        memcpy(request->bytes, data, size);
    return submit(node, request);
}

int decree_node_read(struct decree_node *node, decree_done *done, void *argument)
{
    return submit(node, request_new(true, 0, done, argument));
}

decree_node_id decree_node_self(const struct decree_node *node)
{
    assert(node->options.self != 0);
    return node->options.self;
}

int decree_node_register(struct decree_node *node, const struct decree_register_request *request,
                         decree_register_done *done, void *argument)
{
    assert(request != NULL);
    assert(request->key.data != NULL || request->key.size == 0);
    return submit(node, request_new_register(request, done, argument));
}

void decree_node_status(struct decree_node *node, struct decree_status *ret_status)
{
    host_status(node->host, ret_status);
}
