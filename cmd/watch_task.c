/* SPDX-License-Identifier: MIT */
/* watch_task.c -- see watch_task.h.
 *
 * The command that is run for an event finds it in its environment, quoted as etcdctl does:
 * ETCD_WATCH_REVISION (of the answer), ETCD_WATCH_EVENT_TYPE ("PUT" or "DELETE"), ETCD_WATCH_KEY,
 * ETCD_WATCH_VALUE.
 */
#include "watch_task.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "client_watch.h"
#include "commands.h"
#include "go_quote.h"
#include "output.h"
#include "user_program.h"

#define VARIABLES 4u

extern char **environ;

struct work {
    const struct watch_task *task;
    struct client *client;
    int status; /* of what was printed and run */
};

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

/* ---- printing ---- */

static const char *type_of(const Mvccpb__Event *event)
{
    return event->type == MVCCPB__EVENT__EVENT_TYPE__DELETE ? "DELETE" : "PUT";
}

static void print_events(const Etcdserverpb__WatchResponse *response)
{
    if (response->n_events == 0 && !response->canceled)
        printf("progress notify: %" PRId64 "\n", response->header->revision);
    for (size_t i = 0; i < response->n_events; i++) {
        puts(type_of(response->events[i]));
        output_pair(response->events[i]->prev_kv);
        output_pair(response->events[i]->kv);
    }
}

static int print(const struct watch_task *task, const Etcdserverpb__WatchResponse *response)
{
    if (!output_watch(task->settings.format, response))
        print_events(response);
    return output_finish();
}

/* ---- the command ---- */

/* "NAME=" and the bytes in quotes; NULL: no memory. */
static char *variable(const char *name, const void *data, size_t size)
{
    char *quoted = go_quote(data, size), *text = NULL;

    if (quoted != NULL && asprintf(&text, "%s=%s", name, quoted) < 0)
        text = NULL;
    free(quoted);
    return text;
}

static bool set_variables(const Mvccpb__Event *event, int64_t revision, char *variables[VARIABLES])
{
    const char *type = type_of(event);

    if (asprintf(&variables[0], "ETCD_WATCH_REVISION=%" PRId64, revision) < 0)
        variables[0] = NULL;
    variables[1] = variable("ETCD_WATCH_EVENT_TYPE", type, strlen(type));
    variables[2] = variable("ETCD_WATCH_KEY", event->kv->key.data, event->kv->key.len);
    variables[3] = variable("ETCD_WATCH_VALUE", event->kv->value.data, event->kv->value.len);
    for (size_t i = 0; i < VARIABLES; i++)
        if (variables[i] == NULL)
            return false;
    return true;
}

static bool is_ours(const char *variable)
{
    return strncmp(variable, "ETCD_WATCH_", strlen("ETCD_WATCH_")) == 0;
}

/* Our environment without what an outer watch has put there, and the event's. */
static int spawn(char **program, char *variables[VARIABLES], pid_t *ret_pid)
{
    size_t count = 0, used = 0;
    char **environment;
    int error;

    while (environ[count] != NULL)
        count++;
    environment = calloc(count + VARIABLES + 1, sizeof(*environment));
    if (environment == NULL)
        return ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (!is_ours(environ[i]))
            environment[used++] = environ[i];
    memcpy(environment + used, variables, VARIABLES * sizeof(*variables));
    error = user_program_start(program, environment, NULL, ret_pid);
    free(environment);
    return error;
}

static int wait_for(pid_t pid, const char *program)
{
    int outcome;

    while (waitpid(pid, &outcome, 0) < 0)
        if (errno != EINTR)
            return EXIT_FAILED;
    if (WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0)
        return EXIT_OK;
    if (WIFEXITED(outcome))
        fprintf(stderr, "decree watch: '%s' ended with %d\n", program, WEXITSTATUS(outcome));
    else
        fprintf(stderr, "decree watch: '%s' was ended by signal %d\n", program, WTERMSIG(outcome));
    return EXIT_FAILED;
}

static int run(char **program, const Mvccpb__Event *event, int64_t revision)
{
    char *variables[VARIABLES] = {NULL};
    int error = set_variables(event, revision, variables) ? 0 : ENOMEM;
    pid_t pid;

    if (error == 0)
        error = spawn(program, variables, &pid);
    for (size_t i = 0; i < VARIABLES; i++)
        free(variables[i]);
    if (error == 0)
        return wait_for(pid, program[0]);
    fprintf(stderr, "decree watch: cannot run '%s': %s\n", program[0], strerror(error));
    return EXIT_FAILED;
}

/* ---- the watch ---- */

static bool on_response(void *context, const Etcdserverpb__WatchResponse *response)
{
    struct work *work = context;
    int64_t revision = response->header != NULL ? response->header->revision : 0;

    if (response->header == NULL)
        return response->n_events == 0;
    pthread_mutex_lock(&output);
    work->status = print(work->task, response);
    for (size_t i = 0; i < response->n_events && work->task->program != NULL; i++)
        if (work->status == EXIT_OK)
            work->status = run(work->task->program, response->events[i], revision);
    pthread_mutex_unlock(&output);
    return work->status == EXIT_OK;
}

static void on_moved(void *context)
{
    const struct work *work = context;

    fprintf(stderr, "decree watch: %s: %s; the watch goes on at the next server\n",
            client_endpoint(work->client), client_error_text(work->client));
}

static int watch(struct work *work)
{
    const struct watch_task *task = work->task;
    const struct client_watch_sink sink = {.context = work, .take = on_response, .moved = on_moved};
    Etcdserverpb__WatchCreateRequest request = ETCDSERVERPB__WATCH_CREATE_REQUEST__INIT;
    Etcdserverpb__WatchCreateRequest__FilterType filters[2];
    enum grpc_status code;
    void *memory;

    if (!range_of(&task->range, &request.key, &request.range_end, &memory)) {
        fprintf(stderr, "decree watch: out of memory\n");
        return EXIT_FAILED;
    }
    request.start_revision = task->revision;
    request.prev_kv = task->prev_kv;
    request.progress_notify = task->progress_notify;
    request.filters = filters;
    if (task->no_put)
        filters[request.n_filters++] = ETCDSERVERPB__WATCH_CREATE_REQUEST__FILTER_TYPE__NOPUT;
    if (task->no_delete)
        filters[request.n_filters++] = ETCDSERVERPB__WATCH_CREATE_REQUEST__FILTER_TYPE__NODELETE;
    code = client_watch(work->client, &request, &sink);
    free(memory);
    assert(code != GRPC_OK);
    if (work->status != EXIT_OK)
        return work->status;
    return client_failure(work->client, code);
}

int watch_task_run(const struct watch_task *task)
{
    struct work work = {.task = task};
    int status = client_connect(&task->settings, &work.client);

    if (status != EXIT_OK)
        return status;
    status = watch(&work);
    client_free(work.client);
    return status;
}
