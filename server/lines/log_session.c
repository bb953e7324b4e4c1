/* SPDX-License-Identifier: MIT */
/* log_session.c -- the requests of one connection, and their answers in order.
 *
 *     first -> [PROP ready] -> [GET] -> [PROP under way] -> [WAIT] -> last
 *                  |
 *                  v  the answers that are due
 *
 * Proposals and reads go to the engine when they come; whatever else is asked is looked at when
 * its turn to be answered comes, so a GET behind a PROP shows the item.
 */
#include <assert.h>
#include <inttypes.h>

#include "log_service_inside.h"

/* ---- requests ---- */

static void free_request(struct log_request *request)
{
    decree_value_unref(request->command);
    free(request);
}

/* Room for a sentence, with its end; NULL: no memory, and the connection goes. */
static struct log_request *new_request(struct log_session *session, enum log_verb verb,
                                       size_t sentence_bytes)
{
    struct log_request *request = calloc(1, sizeof(*request) + sentence_bytes);

    if (request == NULL) {
        line_drop(session->connection);
        return NULL;
    }
    request->service = session->service;
    request->session = session;
    request->verb = verb;
    return request;
}

static void append(struct log_session *session, struct log_request *request)
{
    *session->last = request;
    session->last = &request->next;
    session->request_count++;
    if (session->request_count >= LOG_REQUESTS_MAX && !session->crowded) {
        session->crowded = true;
        line_pause(session->connection);
    }
}

static void remove_first(struct log_session *session)
{
    struct log_request *request = session->first;

    session->first = request->next;
    if (session->first == NULL)
        session->last = &session->first;
    session->request_count--;
    free_request(request);
    if (session->crowded && session->request_count <= LOG_REQUESTS_MAX / 2) {
        session->crowded = false;
        line_resume(session->connection);
    }
}

/* ---- the engine ---- */

/* The answers are written after the turn, for all completions of it together. */
static void touch(struct log_session *session)
{
    if (list_alone(&session->touched_link))
        list_append(&session->service->touched, &session->touched_link);
}

static void on_done(void *argument, int error, decree_slot slot, void *result)
{
    struct log_request *request = argument;
    const struct ordered_log_result *entered = result;

    assert(error != 0 || slot > 0 || result == NULL);
    assert(request->service->under_way > 0);
    request->service->under_way--;
    request->service->room = true;
    request->ready = true;
    request->error = error;
    if (error == 0 && entered != NULL) {
        request->error = entered->error;
        request->index = entered->index;
    }
    decree_value_unref(request->command); /* it is in the log now, or of no use */
    request->command = NULL;
    if (request->session != NULL)
        touch(request->session);
    else
        free_request(request);
}

/* Gives the request to the engine; false: there is no room. */
static bool hand_to_engine(struct log_request *request)
{
    struct log_backend *backend = request->service->backend;
    int error = request->verb == LOG_SYNC
                    ? log_backend_read(backend, on_done, request)
                    : log_backend_propose(backend, request->command, on_done, request);

    assert(error == 0 || error == DECREE_FULL);
    if (error == 0)
        request->service->under_way++;
    return error == 0;
}

static void begin(struct log_session *session, struct log_request *request)
{
    struct log_service *service = session->service;

    append(session, request);
    if (list_alone(&service->stalled) && hand_to_engine(request))
        return;
    assert(session->newest == NULL); /* the connection was paused then */
    session->newest = request;
    list_append(&service->stalled, &session->stalled_link);
    line_pause(session->connection);
    log_service_note_stalled(service);
}

bool log_session_retry(struct log_session *session)
{
    assert(session->newest != NULL);
    if (!hand_to_engine(session->newest))
        return false;
    session->newest = NULL;
    list_remove(&session->stalled_link);
    line_resume(session->connection);
    return true;
}

/* ---- answers ---- */

static void write_engine_error(struct line_connection *connection,
                               const struct log_request *request)
{
    struct log_complaint complaint = {0};

    if (request->error == DECREE_CONFLICT)
        log_complain(&complaint, LOG_ERROR_CONFLICT,
                     "request %" PRIu64 " of this member is item %" PRIu64
                     " already, with another value",
                     request->request_id, request->index);
    else
        log_complain(&complaint, LOG_ERROR_LOST,
                     "the outcome is not known here; ask again with the same request id");
    log_write_complaint(connection, &complaint);
}

static bool park(struct log_session *session)
{
    if (list_alone(&session->parked_link))
        list_append(&session->service->parked, &session->parked_link);
    return false;
}

/* True: answered. The item is shown as the log has it. */
static bool answer_chosen(struct log_session *session, const struct log_request *request)
{
    const struct ordered_log *items = session->service->backend->items;
    struct log_command item;

    if (request->index > ordered_log_last(items))
        return park(session); /* the node was opened again, and does not know it yet */
    item = ordered_log_item(items, request->index, NULL);
    line_printf(session->connection, "CHOSEN %" PRIu64 " %" PRIu64 " ", request->index,
                request->request_id);
    log_write_values(session->connection, &item);
    return true;
}

static bool answer_engine(struct log_session *session, const struct log_request *request)
{
    if (!request->ready)
        return false;
    if (request->error != 0)
        write_engine_error(session->connection, request);
    else if (request->verb == LOG_SYNC)
        line_printf(session->connection, "SYNCED %" PRIu64 "\n",
                    ordered_log_last(session->service->backend->items));
    else
        return answer_chosen(session, request);
    return true;
}

static void begin_get(struct log_session *session, struct log_request *request)
{
    uint64_t last = ordered_log_last(session->service->backend->items);
    uint64_t there = request->index > last ? 0 : last - request->index + 1;

    if (request->count > there)
        request->count = there;
    request->begun = true;
    line_printf(session->connection, "ITEMS %" PRIu64 " %" PRIu64 "\n", request->count, last);
}

/* As many as the client has room for; the others follow when he has read. */
static bool answer_get(struct log_session *session, struct log_request *request)
{
    const struct ordered_log *items = session->service->backend->items;

    if (!request->begun)
        begin_get(session, request);
    while (request->count > 0) {
        struct log_command item;

        if (request->index > ordered_log_last(items))
            return park(session); /* the node was opened again, and does not know it yet */
        if (line_unread(session->connection) > LOG_UNREAD_BYTES_MAX)
            return false;
        item = ordered_log_item(items, request->index, NULL);
        line_printf(session->connection, "ITEM %" PRIu64 " %" PRIu64 " %s ", request->index,
                    item.request_id,
                    cluster_spec_name(session->service->backend->cluster, item.origin));
        log_write_values(session->connection, &item);
        request->index++;
        request->count--;
    }
    return true;
}

static bool answer_wait(struct log_session *session, const struct log_request *request)
{
    uint64_t last = ordered_log_last(session->service->backend->items);

    if (last < request->index)
        return park(session);
    line_printf(session->connection, "REACHED %" PRIu64 "\n", last);
    return true;
}

static bool answer_status(struct log_session *session)
{
    const struct log_backend *backend = session->service->backend;
    const struct decree_status *status = backend->host == NULL ? NULL
                                                               : host_latest_status(backend->host);
    const char *trouble = backend->host == NULL ? "the journal is being read again"
                                                : host_trouble(backend->host);
    struct ordered_log_stats stats;

    ordered_log_stats(backend->items, &stats);
    line_printf(session->connection,
                "STATUS member=%s leader=%s last=%" PRIu64 " item_bytes=%" PRIu64
                " memory_bytes=%" PRIu64 " repeated=%" PRIu64 " decided_slots=%" PRIu64
                " unknown_commands=%" PRIu64 " under_way=%" PRIu32 " trouble=\"%s\"\n",
                cluster_spec_name(backend->cluster, backend->self),
                status == NULL || status->leader == 0
                    ? "none"
                    : cluster_spec_name(backend->cluster, status->leader),
                stats.last, stats.item_bytes, stats.memory_bytes, stats.repeated,
                status == NULL ? 0 : status->decided, backend->machines->unknown,
                session->service->under_way, trouble == NULL ? "" : trouble);
    return true;
}

static bool answer_mistake(struct log_session *session, const struct log_request *request)
{
    struct log_complaint complaint = {0};

    log_complain(&complaint, request->code, "%s", request->sentence);
    log_write_complaint(session->connection, &complaint);
    return true;
}

/* False: its time has not come. */
static bool answer(struct log_session *session, struct log_request *request)
{
    switch (request->verb) {
    case LOG_PROP:
    case LOG_MPROP:
    case LOG_SYNC:
        return answer_engine(session, request);
    case LOG_GET:
        return answer_get(session, request);
    case LOG_WAIT:
        return answer_wait(session, request);
    case LOG_STATUS:
        return answer_status(session);
    case LOG_HELP:
        log_write_help(session->connection);
        return true;
    case LOG_QUIT:
        line_printf(session->connection, "BYE\n");
        line_finish(session->connection);
        return true;
    case LOG_VERB_NONE:
        return answer_mistake(session, request);
    }
    return true;
}

void log_session_advance(struct log_session *session)
{
    list_remove(&session->touched_link);
    list_remove(&session->parked_link);
    while (session->first != NULL && answer(session, session->first))
        remove_first(session);
    if (session->first == NULL && session->ended)
        line_finish(session->connection);
}

/* ---- asking ---- */

void log_session_ask(struct log_session *session, const struct log_line *line)
{
    struct log_request *request = new_request(session, line->verb, 0);

    if (request == NULL)
        return;
    request->index = line->index;
    request->count = line->count;
    if (line->verb == LOG_QUIT)
        session->gather.state = GATHER_OVER;
    if (line->verb == LOG_SYNC)
        begin(session, request);
    else
        append(session, request);
    if (session->first == request)
        log_session_advance(session);
}

void log_session_refuse(struct log_session *session, const struct log_complaint *complaint)
{
    size_t bytes = strlen(complaint->sentence) + 1;
    struct log_request *request = new_request(session, LOG_VERB_NONE, bytes);

    assert(complaint->code != LOG_ERROR_NONE);
    if (request == NULL)
        return;
    request->code = complaint->code;
    memcpy(request->sentence, complaint->sentence, bytes);
    append(session, request);
    if (session->first == request)
        log_session_advance(session);
}

void log_session_give_up(struct log_session *session, const struct log_complaint *complaint)
{
    struct log_line quit = {.verb = LOG_QUIT};

    log_session_refuse(session, complaint);
    log_session_ask(session, &quit);
}

void log_session_enter(struct log_session *session, uint64_t request_id,
                       const struct decree_log_value *values, uint32_t value_count)
{
    const struct log_backend *backend = session->service->backend;
    struct log_complaint complaint = {0};
    struct decree_value *command = NULL;
    struct log_request *request;
    int error = log_backend_make(backend, request_id, values, value_count, &command);

    if (error == DECREE_TOO_LARGE)
        log_complain(&complaint, LOG_ERROR_TOO_LARGE,
                     "an item may have %" PRIu32 " bytes, all in all", backend->item_bytes_max);
    else if (error != 0)
        log_complain(&complaint, LOG_ERROR_MEMORY, "out of memory");
    if (error != 0) {
        log_session_refuse(session, &complaint);
        return;
    }
    request = new_request(session, LOG_PROP, 0);
    if (request == NULL) {
        decree_value_unref(command);
        return;
    }
    request->command = command;
    request->request_id = request_id;
    begin(session, request);
}

/* ---- lifetime ---- */

struct log_session *log_session_new(struct log_service *service, struct line_connection *connection)
{
    struct log_session *session = calloc(1, sizeof(*session));

    if (session == NULL)
        return NULL;
    session->service = service;
    session->connection = connection;
    session->last = &session->first;
    session->gather.state = GATHER_NOTHING;
    list_init(&session->link);
    list_init(&session->touched_link);
    list_init(&session->parked_link);
    list_init(&session->stalled_link);
    list_append(&service->sessions, &session->link);
    return session;
}

static bool is_under_way(const struct log_session *session, const struct log_request *request)
{
    bool for_engine = request->verb == LOG_PROP || request->verb == LOG_SYNC;

    assert(request->verb != LOG_MPROP);
    return for_engine && !request->ready && request != session->newest;
}

void log_session_free(struct log_session *session)
{
    for (struct log_request *request = session->first, *next; request != NULL; request = next) {
        next = request->next;
        if (is_under_way(session, request))
            request->session = NULL;
        else
            free_request(request);
    }
    list_remove(&session->link);
    list_remove(&session->touched_link);
    list_remove(&session->parked_link);
    list_remove(&session->stalled_link);
    log_gather_release(session);
    free(session);
}
