/* SPDX-License-Identifier: MIT */
/* process_lines.c -- what a process does with the lines of its master; process_server.h has them.
 *
 *     line --> msg --> engine ------------------------------> apply --> ack
 *                 \--> held: until this process leads, or dies on the way there
 *          --> get chatLog --> an ask, looked at after each turn
 *
 * A log without SLOT is asked of the leader, if one is known: so it has everything that was
 * acknowledged. If the leader does not answer, the log is shown as it is here.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "process_inside.h"

#define WORDS_MAX (DECREE_MEMBERS_MAX + 2u)
#define REPLY_BYTES 1024u
#define TICK_MS 10u
#define READ_PATIENCE_MS 1000u
#define LEADER_PATIENCE_MS 300u
#define CAMPAIGN_AGAIN_MS 200u

static const char help_text[] =
    "msg ID TEXT | get chatLog [SLOT] | crash | crashAfterP1b | crashAfterP2b | crashP1a [IDS] | "
    "crashP2a [IDS] | crashDecision [IDS] | ping | help";

/* ---- sessions and answers ---- */

static struct session *session_ref(struct session *session)
{
    session->references++;
    return session;
}

static void session_unref(struct session *session)
{
    assert(session->references > 0);
    session->references--;
    if (session->references == 0)
        free(session);
    else if (session->references == 1 && session->ended && session->connection != NULL)
        line_finish(session->connection); /* it has all its answers */
}

static void reply_bytes(struct session *session, const char *word, const char *bytes, size_t size)
{
    if (session->connection == NULL)
        return;
    line_printf(session->connection, "%zu-%s ", strlen(word) + 1 + size, word);
    line_write(session->connection, bytes, size);
}

__attribute__((format(printf, 3, 4))) static void reply(struct session *session, const char *word,
                                                        const char *format, ...)
{
    char text[REPLY_BYTES];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert(size >= 0);
    if ((size_t)size >= sizeof(text))
        size = (int)sizeof(text) - 1;
    reply_bytes(session, word, text, (size_t)size);
}

/* ---- waiting ---- */

static void on_tick(uv_timer_t *tick)
{
    process_look(tick->data);
}

static void keep_looking(struct process *process)
{
    if (!uv_is_active((uv_handle_t *)&process->tick))
        uv_timer_start(&process->tick, on_tick, TICK_MS, TICK_MS);
    (void)host_engine(process->host); /* a turn comes before the next look */
}

/* Opens a ballot; who fails to win tries again after a while, not at the same time as others. */
static void campaign(struct process *process)
{
    uint64_t now_ms = uv_now(&process->loop);
    struct engine *engine = host_engine(process->host);
    uint8_t jitter = 0;

    if (now_ms < process->campaign_at_ms || engine == NULL ||
        !host_latest_status(process->host)->quorum_connected)
        return;
    (void)uv_random(NULL, NULL, &jitter, sizeof(jitter), 0, NULL);
    process->campaign_at_ms = now_ms + CAMPAIGN_AGAIN_MS + jitter;
    engine_campaign(engine);
}

/* ---- messages ---- */

static void message_free(struct message *message)
{
    session_unref(message->session);
    free(message);
}

static void on_decided(void *argument, int error, decree_slot slot, void *result)
{
    struct message *message = argument;

    (void)slot;
    assert(error != 0 || result != NULL);
    if (error == 0) /* else the process is ending */
        reply(message->session, "ack", "%s %llu", message->id,
              (unsigned long long)*(const decree_slot *)result);
    message_free(message);
}

static void propose(struct process *process, struct message *message)
{
    struct request *request = request_new(false, message->size, on_decided, message);
    int error = DECREE_NOMEM;

    if (request != NULL) {
        memcpy(request->bytes, message->text, message->size);
        error = host_submit(process->host, request);
    }
    if (error == 0)
        return;
    if (request != NULL)
        request_drop(request);
    reply(message->session, "error", "message %s: %s", message->id, decree_error_text(error));
    message_free(message);
}

static bool is_armed(const struct process *process, enum failpoint point)
{
    return failpoints_armed(process->failpoints, point, NULL) != FAILPOINT_NEVER;
}

static bool in_phase_1(const struct process *process)
{
    return is_armed(process, FAILPOINT_P1A) || is_armed(process, FAILPOINT_P1B);
}

/* Whether a point is armed that is reached by leading, or by trying to. */
static bool must_lead(const struct process *process)
{
    return in_phase_1(process) || is_armed(process, FAILPOINT_P2A) ||
           is_armed(process, FAILPOINT_DECISION);
}

static void on_msg(struct process *process, struct session *session, const char *id,
                   const char *text)
{
    size_t size = strlen(text);
    struct message *message;
    decree_slot slot = chat_log_find(process->log, text, size);

    if (strlen(id) >= MESSAGE_ID_BYTES) {
        reply(session, "error", "the id of a message has less than %u letters", MESSAGE_ID_BYTES);
        return;
    }
    if (slot != 0 && !must_lead(process)) {
        reply(session, "ack", "%s %llu", id, (unsigned long long)slot);
        return;
    }
    message = malloc(sizeof(*message) + size);
    if (message == NULL) {
        reply(session, "error", "message %s: no memory", id);
        return;
    }
    *message = (struct message){.session = session_ref(session), .size = (uint32_t)size};
    memcpy(message->id, id, strlen(id) + 1);
    memcpy(message->text, text, size);
    if (!must_lead(process)) {
        propose(process, message);
        return;
    }
    if (process->options->count == 1)
        failpoints_crash(
            process->failpoints); /* who is alone sends nothing, so the point is here */
    *process->held_end = message;
    process->held_end = &message->next;
    keep_looking(process);
}

static struct message *take_held(struct process *process)
{
    struct message *message = process->held;

    if (message == NULL)
        return NULL;
    process->held = message->next;
    if (process->held == NULL)
        process->held_end = &process->held;
    message->next = NULL;
    return message;
}

static void look_at_held(struct process *process)
{
    struct message *message;

    if (process->held == NULL)
        return;
    if (in_phase_1(process) || !host_latest_status(process->host)->leading) {
        campaign(process);
        return;
    }
    while ((message = take_held(process)) != NULL)
        propose(process, message);
}

/* ---- the log ---- */

static void answer(struct process *process, struct ask *ask)
{
    size_t size = 0;
    char *joined = chat_log_join(process->log, &size);

    assert(!ask->answered);
    ask->answered = true;
    if (joined == NULL)
        reply(ask->session, "error", "get chatLog: no memory");
    else
        reply_bytes(ask->session, "chatLog", joined, size);
    free(joined);
}

static void ask_free(struct ask *ask)
{
    session_unref(ask->session);
    free(ask);
}

static void on_read(void *argument, int error, decree_slot slot, void *result)
{
    struct ask *ask = argument;

    (void)slot;
    (void)result;
    ask->reading = false;
    if (ask->answered)
        ask_free(ask); /* nobody waited any more */
    else if (error == 0)
        ask->iteration = 0;
}

static void read_from_leader(struct process *process, struct ask *ask)
{
    struct request *request = request_new(true, 0, on_read, ask);

    if (request == NULL)
        return;
    ask->reading = host_submit(process->host, request) == 0;
    if (!ask->reading)
        request_drop(request);
}

static void on_get(struct process *process, struct session *session, decree_slot slot)
{
    const struct decree_status *status = host_latest_status(process->host);
    struct ask *ask = malloc(sizeof(*ask));

    if (ask == NULL) {
        reply(session, "error", "get chatLog: no memory");
        return;
    }
    *ask = (struct ask){.next = process->asks,
                        .session = session_ref(session),
                        .slot = slot,
                        .iteration = process->iteration,
                        .since_ms = uv_now(&process->loop)};
    process->asks = ask;
    if (slot == 0 && status->leader != 0)
        read_from_leader(process, ask);
    keep_looking(process);
}

static bool is_ripe(struct process *process, const struct ask *ask)
{
    const struct decree_status *status = host_latest_status(process->host);
    uint64_t waited_ms = uv_now(&process->loop) - ask->since_ms;

    if (ask->iteration >= process->iteration || status->decided < ask->slot) {
        if (status->leader == 0 && waited_ms >= LEADER_PATIENCE_MS && status->decided < ask->slot)
            campaign(process); /* nobody who knows that slot is there to tell */
        return false;
    }
    return !ask->reading || waited_ms >= READ_PATIENCE_MS;
}

static void look_at_asks(struct process *process)
{
    struct ask **at = &process->asks;

    while (*at != NULL) {
        struct ask *ask = *at;

        if (ask->session->connection != NULL && !is_ripe(process, ask)) {
            at = &ask->next;
            continue;
        }
        *at = ask->next;
        answer(process, ask);
        if (!ask->reading)
            ask_free(ask);
    }
}

void process_look(struct process *process)
{
    if (process->host == NULL || process->stopping)
        return;
    look_at_held(process);
    look_at_asks(process);
    if (process->held == NULL && process->asks == NULL)
        uv_timer_stop(&process->tick);
}

void process_forget(struct process *process)
{
    struct message *message;
    struct ask *ask;

    while ((message = take_held(process)) != NULL)
        message_free(message);
    while ((ask = process->asks) != NULL) {
        process->asks = ask->next;
        ask_free(ask);
    }
}

/* ---- crashes ---- */

static bool parse_number(const char *text, uint64_t most, uint64_t *ret_number)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);

    *ret_number = number;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && strlen(text) < 20 && number <= most;
}

static void arm_sending(struct process *process, struct session *session, enum failpoint point,
                        char **ids, size_t count)
{
    uint32_t receivers = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t id;

        if (!parse_number(ids[i], process->options->count - 1, &id)) {
            reply(session, "error", "a process has a number from 0 to %u, not '%.40s'",
                  process->options->count - 1, ids[i]);
            return;
        }
        receivers |= 1u << id;
    }
    failpoints_arm(process->failpoints, point, count == 0 ? FAILPOINT_BEFORE : FAILPOINT_AFTER,
                   receivers);
}

/* False: it is no such word. */
static bool on_crash(struct process *process, struct session *session, char **words, size_t count)
{
    static const struct {
        const char *word;
        enum failpoint point;
        bool names;
    } crashes[] = {
        {"crash", FAILPOINT_NONE, false},        {"crashAfterP1b", FAILPOINT_P1B, false},
        {"crashAfterP2b", FAILPOINT_P2B, false}, {"crashP1a", FAILPOINT_P1A, true},
        {"crashP2a", FAILPOINT_P2A, true},       {"crashDecision", FAILPOINT_DECISION, true},
    };

    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
        if (strcasecmp(words[0], crashes[i].word) != 0)
            continue;
        if (!crashes[i].names && count > 1)
            reply(session, "error", "%s stands alone", crashes[i].word);
        else if (crashes[i].point == FAILPOINT_NONE)
            failpoints_crash(process->failpoints);
        else if (crashes[i].names)
            arm_sending(process, session, crashes[i].point, words + 1, count - 1);
        else
            failpoints_arm(process->failpoints, crashes[i].point, FAILPOINT_AFTER,
                           FAILPOINT_TO_ALL);
        return true;
    }
    return false;
}

/* ---- lines ---- */

/* Splits off the next word; NULL: there is none. */
static char *next_word(char **rest)
{
    char *word;

    *rest += strspn(*rest, " \t");
    word = *rest;
    *rest += strcspn(*rest, " \t");
    if (**rest != '\0')
        *(*rest)++ = '\0';
    return word[0] == '\0' ? NULL : word;
}

static bool dispatch_msg(struct process *process, struct session *session, char *rest)
{
    const char *id = next_word(&rest);

    rest += strspn(rest, " \t");
    if (id == NULL || rest[0] == '\0')
        reply(session, "error", "write: msg ID TEXT");
    else
        on_msg(process, session, id, rest);
    return true;
}

static bool dispatch_words(struct process *process, struct session *session, char *rest)
{
    char *words[WORDS_MAX];
    size_t count = 0;
    uint64_t slot = 0;

    while (count < WORDS_MAX && (words[count] = next_word(&rest)) != NULL)
        count++;
    if (count == 0)
        return true;
    if (count >= 2 && strcasecmp(words[0], "get") == 0 && strcasecmp(words[1], "chatLog") == 0) {
        if (count > 3 || (count == 3 && !parse_number(words[2], UINT64_MAX, &slot)))
            reply(session, "error", "write: get chatLog [SLOT]");
        else
            on_get(process, session, slot);
        return true;
    }
    if (count == 1 && strcasecmp(words[0], "ping") == 0)
        reply_bytes(session, "pong", "", 0);
    else if (count == 1 && strcasecmp(words[0], "help") == 0)
        reply_bytes(session, "help", help_text, strlen(help_text));
    else
        return on_crash(process, session, words, count);
    return true;
}

static void on_line(void *context, struct line_connection *connection, const uint8_t *bytes,
                    size_t size)
{
    struct process *process = context;
    struct session *session = line_data(connection);
    char *line = malloc(size + 1);
    char *rest = line;
    bool known;

    if (line == NULL || process->host == NULL) {
        free(line);
        line_drop(connection);
        return;
    }
    memcpy(line, bytes, size);
    line[size] = '\0';
    while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t'))
        line[--size] = '\0';
    if (memchr(line, '\0', size) != NULL)
        known = false;
    else if (strncasecmp(line, "msg ", 4) == 0)
        known = dispatch_msg(process, session, (rest += 4));
    else
        known = dispatch_words(process, session, rest);
    if (!known)
        reply(session, "error", "'%.60s' is none of: %s", line, help_text);
    free(line);
}

static void on_opened(void *context, struct line_connection *connection)
{
    struct session *session = malloc(sizeof(*session));

    if (session == NULL) {
        line_drop(connection);
        return;
    }
    *session = (struct session){.process = context, .connection = connection, .references = 1};
    line_set_data(connection, session);
}

static void on_closed(void *context, struct line_connection *connection)
{
    struct session *session = line_data(connection);

    (void)context;
    if (session == NULL)
        return;
    session->connection = NULL;
    session_unref(session);
}

static void on_too_long(void *context, struct line_connection *connection)
{
    (void)context;
    reply(line_data(connection), "error", "the line is too long");
}

/* A client that sends no more may still wait for answers. */
static void on_ended(void *context, struct line_connection *connection)
{
    struct session *session = line_data(connection);

    (void)context;
    session->ended = true;
    if (session->references == 1)
        line_finish(connection);
}

struct line_handler process_lines(struct process *process)
{
    return (struct line_handler){.context = process,
                                 .opened = on_opened,
                                 .line = on_line,
                                 .too_long = on_too_long,
                                 .ended = on_ended,
                                 .closed = on_closed};
}
