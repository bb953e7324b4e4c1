/* SPDX-License-Identifier: MIT */
/* master_play.c -- what each line of a script does; see master.h. */
#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "master_inside.h"

#define SECOND_MS 1000u
#define POINT_MS 2000u /* for what is on its way to a process to bring it to its point */

/* ---- who runs ---- */

static bool is_up(const struct master *master, uint32_t id)
{
    return master->children[id] != NULL && master->children[id]->state == CHILD_UP;
}

static uint32_t up_count(const struct master *master)
{
    uint32_t count = 0;

    for (uint32_t id = 0; id < master->count; id++)
        count += is_up(master, id);
    return count;
}

static bool is_majority_up(const struct master *master)
{
    return up_count(master) > master->count / 2;
}

/* The process of that number, if it was ever started. */
static struct child *find(struct master *master, int id)
{
    struct child *child;

    assert(id >= 0);
    assert(id < (int)DECREE_MEMBERS_MAX);
    child = master->children[id];
    if (child == NULL)
        master_fail(master, "process %d was never started; write: %d start N PORT", id, id);
    return child;
}

/* ---- what the processes say and do ---- */

static void on_ack(struct master *master, char *rest)
{
    const char *name = strsep(&rest, " ");
    uint64_t slot = rest == NULL ? 0 : strtoull(rest, NULL, 10);

    for (struct sent *sent = master->messages; sent != NULL; sent = sent->next)
        if (strcmp(sent->name, name) == 0)
            sent->acked = true;
    if (slot > master->slot)
        master->slot = slot;
}

void master_on_said(void *context, struct child *child, char *text)
{
    struct master *master = context;
    char *rest = text;
    const char *word = strsep(&rest, " ");

    if (rest == NULL)
        return;
    if (strcmp(word, "ack") == 0) {
        on_ack(master, rest);
    } else if (strcmp(word, "chatLog") == 0) {
        free(master->log);
        master->log = strdup(rest);
    } else if (strcmp(word, "pong") == 0) {
        master->pong = true;
    } else if (strcmp(word, "error") == 0) {
        snprintf(master->complaint, sizeof(master->complaint), "process %u says: %.1000s",
                 child->id, rest);
    }
}

void master_on_gone(void *context, struct child *child)
{
    struct master *master = context;
    char last[512];

    if (child->told || child->port == 0)
        return; /* who waits for it says what there is to say */
    if (child->armed && child->exit_signal == SIGKILL) {
        master_note(master, "process %u has crashed, as line %u said", child->id, child->ordered);
        return;
    }
    child_last_words(master->folder, child->id, last, sizeof(last));
    if (child->exit_signal != 0)
        master_note(master, "process %u has ended by signal %d, and nobody told it to%s%s",
                    child->id, child->exit_signal, last[0] == '\0' ? "" : ": ", last);
    else
        master_note(master, "process %u has ended with status %d%s%s", child->id,
                    (int)child->exit_status, last[0] == '\0' ? "" : ": ", last);
}

/* ---- questions to wait for ---- */

static bool has_settled(struct master *master, void *context)
{
    const struct child *child = context;

    (void)master;
    return child->state != CHILD_STARTING;
}

static bool is_gone(struct master *master, void *context)
{
    const struct child *child = context;

    (void)master;
    return child->state == CHILD_GONE;
}

static bool has_answered(struct master *master, void *context)
{
    return master->pong || is_gone(master, context);
}

static bool has_log(struct master *master, void *context)
{
    return master->log != NULL || is_gone(master, context);
}

static bool crash_or_ack(struct master *master, void *context)
{
    const struct sent *sent = context;

    return sent->acked || sent->child->state == CHILD_GONE || !is_majority_up(master);
}

/* ---- waitForAck ---- */

static void give(struct sent *sent, struct child *child)
{
    char line[RUN_PATH_BYTES];
    size_t size = strlen(sent->name) + strlen(sent->text) + 8;
    char *long_line = size < sizeof(line) ? line : malloc(size);

    sent->child = child;
    if (long_line == NULL)
        return;
    size = (size_t)snprintf(long_line, size, "msg %s %s", sent->name, sent->text);
    child_say(child, long_line, size);
    if (long_line != line)
        free(long_line);
}

/* Whom to give a message whose process is gone: the one named, the same started again, anybody. */
static struct child *heir(struct master *master, const struct sent *sent, int preferred)
{
    if (preferred >= 0 && (uint32_t)preferred < master->count && is_up(master, (uint32_t)preferred))
        return master->children[preferred];
    if (is_up(master, sent->child->id))
        return master->children[sent->child->id];
    for (uint32_t id = 0; id < master->count; id++)
        if (is_up(master, id) && !master->children[id]->armed)
            return master->children[id];
    for (uint32_t id = 0; id < master->count; id++)
        if (is_up(master, id))
            return master->children[id];
    return NULL;
}

struct waiting {
    struct sent *sent;
    int preferred;
};

/* Acknowledged, or never to be as things are. */
static bool ack_or_hopeless(struct master *master, void *context)
{
    const struct waiting *waiting = context;
    struct sent *sent = waiting->sent;
    struct child *child;

    if (sent->acked || !is_majority_up(master))
        return true;
    if (sent->child->state != CHILD_GONE ||
        (child = heir(master, sent, waiting->preferred)) == NULL)
        return false;
    master_note(master, "process %u is gone; message %s is given to process %u", sent->child->id,
                sent->name, child->id);
    give(sent, child);
    return false;
}

static bool wait_for_ack(struct master *master, struct sent *sent, int preferred)
{
    struct waiting waiting = {sent, preferred};

    if (!master_wait(master, ack_or_hopeless, &waiting))
        return master_fail(
            master, "no ack for message %s (%.40s) within %" PRIu64 " s; %u of %u processes run",
            sent->name, sent->text, master->options->patience_ms / SECOND_MS, up_count(master),
            master->count);
    if (sent->acked) {
        sent->put_off = 0;
        return true;
    }
    if (sent->put_off == 0)
        master_note(master, "only %u of %u processes run: message %s is waited for when more do",
                    up_count(master), master->count, sent->name);
    if (sent->put_off == 0)
        sent->put_off = master->line;
    return true;
}

static bool wait_for_what_was_put_off(struct master *master)
{
    for (struct sent *sent = master->messages; sent != NULL; sent = sent->next)
        if (sent->put_off != 0 && is_majority_up(master) && !wait_for_ack(master, sent, -1))
            return false;
    return true;
}

void master_conclude(struct master *master)
{
    for (struct sent *sent = master->messages; sent != NULL; sent = sent->next) {
        if (sent->put_off == 0 || sent->acked)
            continue;
        master->line = sent->put_off;
        master_fail(master,
                    "no ack for message %s (%.40s): to the end, fewer than a majority of the %u "
                    "processes ran",
                    sent->name, sent->text, master->count);
    }
}

/* ---- the lines ---- */

static bool keep_child(struct master *master, struct child *child)
{
    if (master->all_count == master->all_room) {
        size_t room = 2 * master->all_room + 16;
        struct child **grown = realloc(master->all, room * sizeof(struct child *));

        if (grown == NULL)
            abort();
        master->all = grown;
        master->all_room = room;
    }
    master->all[master->all_count++] = child;
    master->children[child->id] = child;
    return true;
}

/* A crash that was ordered and does not come, though it is to start again, comes now. What leads it
 * to its point may be on its way: the others need not have waited for that one. */
static bool make_way(struct master *master, struct child *child)
{
    if (child->state == CHILD_GONE)
        return true;
    if (!child->armed)
        return master_fail(master, "process %u runs already, on port %u", child->id,
                           (unsigned)child->port);
    if (master_wait_ms(master, POINT_MS, is_gone, child))
        return true;
    master_note(master, "process %u has not come to the point that line %u names; it crashes now",
                child->id, child->ordered);
    child->told = true;
    child_signal(child, SIGKILL);
    return master_wait(master, is_gone, child) ||
           master_fail(master, "process %u does not end", child->id);
}

static bool play_start(struct master *master, const struct script_line *line)
{
    struct child_observer observer = {master, master_on_said, master_on_gone};
    struct child *child = master->children[line->id];
    char sentence[SENTENCE_BYTES], last[512];

    if (master->count != 0 && master->count != line->count)
        return master_fail(master, "there are %u processes, as the first start said, not %u",
                           master->count, line->count);
    if (child != NULL && !make_way(master, child))
        return false;
    if (run_folder_open(&(struct run_folder){0}, master->folder, line->count, sentence) != 0)
        return master_fail(master, "%s", sentence);
    child = child_start(&master->loop, master->folder, (uint32_t)line->id, line->count, line->port,
                        &observer, sentence);
    if (child == NULL)
        return master_fail(master, "%s", sentence);
    master->count = line->count;
    keep_child(master, child);
    if (!master_wait(master, has_settled, child) || child->state != CHILD_UP) {
        child_last_words(master->folder, child->id, last, sizeof(last));
        return master_fail(master, "process %d did not start: %s", line->id,
                           last[0] == '\0' ? "it said nothing" : last);
    }
    if (line->port != 0 && child->port != line->port)
        master_note(master, "port %u is taken; process %d listens on %u", (unsigned)line->port,
                    line->id, (unsigned)child->port);
    return wait_for_what_was_put_off(master);
}

static struct sent *note_sent(struct master *master, const struct script_line *line,
                              struct child *child)
{
    size_t size = strlen(line->name) + 1;
    struct sent *sent = malloc(sizeof(*sent) + size);

    if (sent == NULL)
        abort();
    *sent = (struct sent){.next = master->messages, .child = child, .text = strdup(line->text)};
    if (sent->text == NULL)
        abort();
    memcpy(sent->name, line->name, size);
    master->messages = sent;
    return sent;
}

static bool play_msg(struct master *master, const struct script_line *line)
{
    struct child *child = find(master, line->id);
    struct sent *sent;

    if (child == NULL)
        return false;
    sent = note_sent(master, line, child);
    if (child->state == CHILD_GONE) {
        master_note(master, "process %d is gone: the message is lost, unless it is waited for",
                    line->id);
        return true;
    }
    give(sent, child);
    if (child->armed) /* if it does not come to its point, that is no failure */
        (void)master_wait(master, crash_or_ack, sent);
    return !master->interrupted;
}

static bool play_wait(struct master *master, const struct script_line *line)
{
    struct sent *sent = master->messages;

    while (sent != NULL && strcmp(sent->name, line->name) != 0)
        sent = sent->next;
    if (sent == NULL)
        return master_fail(master, "no message has the name %s", line->name);
    return wait_for_ack(master, sent, line->id);
}

static bool play_get(struct master *master, const struct script_line *line)
{
    struct child *child = find(master, line->id);
    char text[64] = "get chatLog";

    if (child == NULL)
        return false;
    if (master->slot > 0)
        snprintf(text, sizeof(text), "get chatLog %" PRIu64, master->slot);
    free(master->log);
    master->log = NULL;
    if (child->state == CHILD_UP)
        child_say(child, text, strlen(text));
    if (!master_wait(master, has_log, child))
        return master_fail(
            master, "process %d does not show its log within %" PRIu64 " s; %u of %u processes run",
            line->id, master->options->patience_ms / SECOND_MS, up_count(master), master->count);
    if (master->log == NULL)
        return master_fail(master, "process %d is gone and shows no log; start it again first",
                           line->id);
    printf("%s\n", master->log);
    return true;
}

static bool play_crash(struct master *master, const struct script_line *line)
{
    struct child *child = find(master, line->id);

    if (child == NULL)
        return false;
    if (child->state == CHILD_GONE) {
        master_note(master, "process %d is gone already", line->id);
        return true;
    }
    child->armed = child->told = true;
    child->ordered = master->line;
    child_say(child, "crash", 5);
    return master_wait(master, is_gone, child) ||
           master_fail(master, "process %d does not crash", line->id);
}

static bool play_arm(struct master *master, const struct script_line *line)
{
    struct child *child = find(master, line->id);

    if (child == NULL)
        return false;
    if (child->state == CHILD_GONE) {
        master_note(master, "process %d is gone already", line->id);
        return true;
    }
    master->pong = false;
    master->complaint[0] = '\0';
    child->armed = true;
    child->ordered = master->line;
    child_say(child, line->text, strlen(line->text));
    child_say(child, "ping", 4);
    if (!master_wait(master, has_answered, child))
        return master_fail(master, "process %d does not answer", line->id);
    return master->complaint[0] == '\0' || master_fail(master, "%s", master->complaint);
}

bool master_play(struct master *master, const struct script_line *line)
{
    assert(line->id < (int)DECREE_MEMBERS_MAX);
    switch (line->verb) {
    case SCRIPT_NOTHING:
    case SCRIPT_EXIT:
        return true;
    case SCRIPT_START:
        return play_start(master, line);
    case SCRIPT_MSG:
        return play_msg(master, line);
    case SCRIPT_WAIT:
        return play_wait(master, line);
    case SCRIPT_GET:
        return play_get(master, line);
    case SCRIPT_CRASH:
        return play_crash(master, line);
    case SCRIPT_ARM:
        return play_arm(master, line);
    }
    return false;
}
