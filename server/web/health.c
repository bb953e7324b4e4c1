/* SPDX-License-Identifier: MIT */
/* health.c -- see health.h. A request names the checks that it wants; they are made one after
 * another, and the outcome of each is a line.
 *
 *     serializable_read   this member reads its own store
 *     linearizable_read   this member reads what the cluster has decided
 *     data_corruption     no alarm says that the members' stores differ
 *     non_learner         this member has a vote
 *
 * /health, before its one check, fails while an alarm rings, unless it has exclude=NOSPACE or
 * exclude=CORRUPT.
 */
#include "health.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protobuf_json.h"
#include "web.h"

#define TEXT "text/plain; charset=utf-8"

enum check { SERIALIZABLE_READ = 1, LINEARIZABLE_READ, DATA_CORRUPTION, NON_LEARNER };

static const char *const CHECK_NAMES[] = {
    [SERIALIZABLE_READ] = "serializable_read",
    [LINEARIZABLE_READ] = "linearizable_read",
    [DATA_CORRUPTION] = "data_corruption",
    [NON_LEARNER] = "non_learner",
};

#define CHECKS_MAX 4

/* One request. */
struct examination {
    struct web *web;
    struct http1_call *call;
    enum check checks[CHECKS_MAX + 1]; /* ends with 0 */
    unsigned at;                       /* of them */
    bool as_json;                      /* /health */
    bool verbose, failed;
    char lines[1024];
};

/* Whether the query has the name, and, unless value is NULL, with this value. */
static bool query_has(const char *query, const char *name, const char *value)
{
    size_t name_size = strlen(name);

    for (const char *at = query; *at != '\0';) {
        size_t size = strcspn(at, "&");

        if (size >= name_size && memcmp(at, name, name_size) == 0) {
            const char *rest = at + name_size;
            size_t rest_size = size - name_size;

            if (value == NULL && (rest_size == 0 || *rest == '='))
                return true;
            if (value != NULL && rest_size == strlen(value) + 1 && *rest == '=' &&
                memcmp(rest + 1, value, rest_size - 1) == 0)
                return true;
        }
        at += size;
        at += *at == '&' ? 1 : 0;
    }
    return false;
}

static void add_line(struct examination *examination, const char *format, const char *name,
                     const char *reason)
{
    size_t used = strlen(examination->lines);

    snprintf(examination->lines + used, sizeof(examination->lines) - used, format, name, reason);
}

/* ---- the end ---- */

static void answer_json(struct examination *examination)
{
    struct byte_buffer json = {0};
    const char *head = examination->failed ? "{\"health\":\"false\",\"reason\":"
                                           : "{\"health\":\"true\",\"reason\":";

    if (examination->failed)
        examination->web->health_failures++;
    else
        examination->web->health_successes++;
    byte_buffer_append(&json, head, strlen(head));
    protobuf_json_write_string(&json, examination->lines);
    byte_buffer_append(&json, "}", 1);
    if (json.failed)
        http1_fail(examination->call, 503, "out of memory");
    else
        http1_answer(examination->call, examination->failed ? 503 : 200, "application/json",
                     json.data, json.size);
    byte_buffer_release(&json);
}

static void answer_text(struct examination *examination)
{
    bool show = examination->verbose || examination->failed;

    if (!examination->failed)
        add_line(examination, "%s%s", "ok\n", "");
    http1_add_header(examination->call, "X-Content-Type-Options: nosniff\r\n");
    http1_answer(examination->call, examination->failed ? 503 : 200, TEXT,
                 show ? examination->lines : "ok\n", show ? strlen(examination->lines) : 3);
}

static void finish(struct examination *examination)
{
    if (examination->as_json)
        answer_json(examination);
    else
        answer_text(examination);
    free(examination);
}

/* ---- checks ---- */

static void note(struct examination *examination, const char *reason)
{
    const char *name = CHECK_NAMES[examination->checks[examination->at++]];

    if (reason != NULL)
        examination->failed = true;
    if (examination->as_json) {
        if (reason != NULL)
            add_line(examination, "%s%s", "RANGE ERROR:", reason);
    } else if (reason != NULL) {
        add_line(examination, "[-]%s failed: %s\n", name, reason);
    } else {
        add_line(examination, "[+]%s ok%s\n", name, "");
    }
}

static void go_on(struct examination *examination);

static void on_read(void *context, enum grpc_status status, const char *text,
                    const uint8_t *message, size_t size)
{
    struct examination *examination = context;

    (void)message;
    (void)size;
    if (!http1_resume(examination->call)) {
        free(examination);
        return;
    }
    note(examination, status == GRPC_OK ? NULL : text);
    go_on(examination);
}

/* False: it could not even be asked. */
static bool read_as_client(struct examination *examination, bool serializable)
{
    /* A RangeRequest: key = "health", limit = 1, serializable = true. */
    static const uint8_t MESSAGE[] = {0x0a, 6, 'h', 'e', 'a', 'l', 't', 'h', 0x18, 1, 0x38, 1};
    struct grpc_local_request request = {
        .path = "/etcdserverpb.KV/Range",
        .message = MESSAGE,
        .size = serializable ? sizeof(MESSAGE) : sizeof(MESSAGE) - 2,
        .done = on_read,
        .context = examination,
    };

    if (grpc_local_call(examination->web->grpc, &request) != 0)
        return false;
    http1_keep(examination->call);
    return true;
}

static const struct kv_alarm *alarms_of(const struct examination *examination, size_t *ret_count)
{
    struct backend *backend = examination->web->backend;

    return kv_alarms(backend->ops->kv(backend), ret_count);
}

static bool is_corrupt(const struct examination *examination)
{
    size_t count;
    const struct kv_alarm *alarms = alarms_of(examination, &count);

    for (size_t i = 0; i < count; i++)
        if (alarms[i].type == ALARM_CORRUPT)
            return true;
    return false;
}

/* Makes the checks that are left, until one has to wait. */
static void go_on(struct examination *examination)
{
    while (examination->checks[examination->at] != 0) {
        switch (examination->checks[examination->at]) {
        case SERIALIZABLE_READ:
        case LINEARIZABLE_READ:
            if (read_as_client(examination,
                               examination->checks[examination->at] == SERIALIZABLE_READ))
                return;
            note(examination, "out of memory");
            break;
        case DATA_CORRUPTION:
            note(examination, is_corrupt(examination) ? "alarm activated: CORRUPT" : NULL);
            break;
        case NON_LEARNER:
            note(examination, NULL);
            break;
        }
    }
    finish(examination);
}

/* ---- requests ---- */

static struct examination *begin(struct http1_call *call)
{
    struct examination *examination = calloc(1, sizeof(*examination));

    if (examination == NULL) {
        http1_fail(call, 503, "out of memory");
        return NULL;
    }
    examination->web = http1_context(call);
    examination->call = call;
    return examination;
}

/* Of the first alarm that is not excluded; NULL: there is none. */
static const char *alarm_reason(const struct examination *examination, const char *query)
{
    size_t count;
    const struct kv_alarm *alarms = alarms_of(examination, &count);

    for (size_t i = 0; i < count; i++) {
        bool no_space = alarms[i].type == ALARM_NOSPACE;

        if (!query_has(query, "exclude", no_space ? "NOSPACE" : "CORRUPT"))
            return no_space ? "ALARM NOSPACE" : "ALARM CORRUPT";
    }
    return NULL;
}

static void finish_failed(struct examination *examination, const char *reason)
{
    examination->failed = true;
    add_line(examination, "%s%s", reason, "");
    finish(examination);
}

void health(struct http1_call *call)
{
    struct examination *examination = begin(call);
    struct backend_status status;
    const char *reason;
    bool serializable;

    if (examination == NULL)
        return;
    reason = alarm_reason(examination, http1_request_of(call)->query);
    serializable = query_has(http1_request_of(call)->query, "serializable", "true");
    examination->as_json = true;
    examination->checks[0] = serializable ? SERIALIZABLE_READ : LINEARIZABLE_READ;
    examination->web->backend->ops->status(examination->web->backend, &status);
    if (reason == NULL && !serializable && status.leader_id == 0)
        reason = "RAFT NO LEADER";
    if (reason != NULL)
        finish_failed(examination, reason);
    else
        go_on(examination);
}

/* The checks that the path and the query leave of all. */
static void examine(struct http1_call *call, const char *path, const enum check *all)
{
    const struct http1_request *request = http1_request_of(call);
    const char *one = request->path[strlen(path)] == '/' ? request->path + strlen(path) + 1 : NULL;
    struct examination *examination = begin(call);
    bool found = one == NULL;
    unsigned count = 0;

    if (examination == NULL)
        return;
    examination->verbose = query_has(request->query, "verbose", NULL);
    for (; *all != 0; all++) {
        if (one != NULL && strcmp(one, CHECK_NAMES[*all]) != 0)
            continue;
        found = true;
        assert(count < CHECKS_MAX);
        if (one != NULL || !query_has(request->query, "exclude", CHECK_NAMES[*all]))
            examination->checks[count++] = *all;
    }
    if (found) {
        go_on(examination);
        return;
    }
    free(examination);
    http1_fail(call, 404, "404 page not found");
}

void livez(struct http1_call *call)
{
    static const enum check CHECKS[] = {SERIALIZABLE_READ, 0};

    examine(call, "/livez", CHECKS);
}

void readyz(struct http1_call *call)
{
    static const enum check CHECKS[] = {DATA_CORRUPTION, SERIALIZABLE_READ, LINEARIZABLE_READ,
                                        NON_LEARNER, 0};

    examine(call, "/readyz", CHECKS);
}
