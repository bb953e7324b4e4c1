/* SPDX-License-Identifier: MIT */
/* check_register.c -- see check_register.h. */
#include "check_register.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void register_history_init(struct register_history *history, struct verdict *verdict, uint64_t key,
                           bool numbered)
{
    *history = (struct register_history){.verdict = verdict, .key = key, .numbered = numbered};
}

void register_history_release(struct register_history *history)
{
    free(history->versions);
}

static struct register_moments *moments_of(struct register_history *history, uint64_t version)
{
    size_t room = history->room == 0 ? 64 : history->room;

    while (room <= version)
        room *= 2;
    if (room > history->room) {
        history->versions = realloc(history->versions, room * sizeof(*history->versions));
        assert(history->versions != NULL);
        memset(history->versions + history->room, 0,
               (room - history->room) * sizeof(*history->versions));
        history->room = room;
    }
    return &history->versions[version];
}

static void not_before(struct register_moments *moments, uint64_t moment)
{
    if (moment > moments->after)
        moments->after = moment;
}

static void not_after(struct register_moments *moments, uint64_t moment)
{
    if (moments->before == 0 || moment < moments->before)
        moments->before = moment;
}

void register_history_saw(struct register_history *history, uint64_t now_ns, uint64_t called,
                          uint64_t returned, uint64_t version, uint64_t token, bool latest)
{
    struct register_moments *moments = moments_of(history, version);

    assert(token != 0);
    if (moments->token != 0 && moments->token != token)
        verdict_fail(history->verdict, "register-agreement", now_ns,
                     "key %" PRIu64 " version %" PRIu64 " holds %" PRIu64
                     ", and was seen as %" PRIu64 "; expected one value, ever",
                     history->key, version, moments->token, token);
    if (version < history->forgotten && called > history->forgotten_at)
        verdict_fail(history->verdict, "register-forget", now_ns,
                     "key %" PRIu64 " version %" PRIu64 " was seen after all below %" PRIu64
                     " were forgotten",
                     history->key, version, history->forgotten);
    moments->token = token;
    not_after(moments, returned);
    if (version > history->highest)
        history->highest = version;
    if (latest && !history->numbered)
        not_before(moments_of(history, version + 1), called);
}

void register_history_missed(struct register_history *history, uint64_t called, uint64_t version)
{
    not_before(moments_of(history, version == 0 ? 1 : version), called);
}

void register_history_compacted(struct register_history *history, uint64_t now_ns, uint64_t version)
{
    if (version >= history->may_forget)
        verdict_fail(history->verdict, "register-forget", now_ns,
                     "key %" PRIu64 " version %" PRIu64 " is compacted; expected that of %" PRIu64
                     " and later ones at most",
                     history->key, version, history->may_forget);
}

uint64_t register_history_forgets(struct register_history *history, uint64_t version)
{
    if (version > history->may_forget)
        history->may_forget = version;
    return version < history->highest ? version : history->highest;
}

void register_history_forgot(struct register_history *history, uint64_t returned, uint64_t first)
{
    if (first <= history->forgotten)
        return;
    history->forgotten = first;
    history->forgotten_at = returned;
}

/* Where the value landed, or 0; a second place is one too many. */
static uint64_t find_token(const struct register_history *history, uint64_t now_ns, uint64_t token)
{
    uint64_t found = 0;

    for (uint64_t version = 1; version < history->room; version++) {
        if (history->versions[version].token != token)
            continue;
        if (found != 0)
            verdict_fail(history->verdict, "register-exactly-once", now_ns,
                         "key %" PRIu64 ": one set landed in versions %" PRIu64 " and %" PRIu64,
                         history->key, found, version);
        found = version;
    }
    return found;
}

void register_history_set(struct register_history *history, uint64_t now_ns, uint64_t called,
                          uint64_t returned, uint64_t token, bool refused)
{
    uint64_t version = find_token(history, now_ns, token);

    if (version == 0)
        return;
    if (refused)
        verdict_fail(history->verdict, "register-exactly-once", now_ns,
                     "key %" PRIu64 ": a set that was refused landed in version %" PRIu64,
                     history->key, version);
    not_before(&history->versions[version], called);
    if (returned != 0)
        not_after(&history->versions[version], returned);
}

static void check_order(const struct register_history *history, uint64_t now_ns, uint64_t version,
                        uint64_t after, uint64_t before)
{
    if (before != 0 && after > before)
        verdict_fail(history->verdict, "register-linearizability", now_ns,
                     "key %" PRIu64 " version %" PRIu64 " was there before moment %" PRIu64
                     ", and was missing, or not yet set, at %" PRIu64,
                     history->key, version, before, after);
}

/* Versions seen are in a row, but for those that may be gone before anybody looked. */
static void check_holes(const struct register_history *history, uint64_t now_ns)
{
    for (uint64_t version = history->may_forget > 1 ? history->may_forget : 1;
         version <= history->highest; version++)
        if (history->versions[version].token == 0)
            verdict_fail(history->verdict, "register-holes", now_ns,
                         "key %" PRIu64 " has version %" PRIu64 " and nothing in %" PRIu64,
                         history->key, history->highest, version);
}

void register_history_check(const struct register_history *history, uint64_t now_ns)
{
    uint64_t *before = calloc(history->room + 1, sizeof(*before));
    uint64_t after = 0;

    assert(before != NULL);
    for (uint64_t version = history->room; version-- > 1;) {
        uint64_t own = history->versions[version].before;
        uint64_t later = history->numbered ? 0 : before[version + 1];

        before[version] = own == 0 || (later != 0 && later < own) ? later : own;
    }
    for (uint64_t version = 1; version < history->room; version++) {
        const struct register_moments *moments = &history->versions[version];

        after = history->numbered || moments->after > after ? moments->after : after;
        check_order(history, now_ns, version, after, before[version]);
    }
    if (!history->numbered)
        check_holes(history, now_ns);
    free(before);
}
