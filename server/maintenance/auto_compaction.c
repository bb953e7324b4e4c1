/* SPDX-License-Identifier: MIT */
/* auto_compaction.c -- see auto_compaction.h. */
#include "auto_compaction.h"

#include <assert.h>
#include <stdlib.h>

#include <decree/error.h>

#define HOUR_MS (UINT64_C(3600) * 1000)
#define REVISION_INTERVAL_MS (UINT64_C(5) * 60 * 1000)
#define NOTES_PER_PERIOD 10u

static uint64_t an_hour_at_most(uint64_t ms)
{
    return ms < HOUR_MS ? ms : HOUR_MS;
}

uint64_t auto_compaction_interval_ms(const struct auto_compaction *compaction)
{
    uint64_t ms = an_hour_at_most(compaction->options.period_ms) / NOTES_PER_PERIOD;

    if (compaction->options.mode == AUTO_COMPACTION_REVISION)
        return REVISION_INTERVAL_MS;
    return ms > 0 ? ms : 1;
}

/* With one interval after each note, the oldest was taken a period ago at the least. */
static void take_note(struct auto_compaction *compaction, int64_t revision)
{
    size_t at = compaction->note_first + compaction->note_count;

    if (compaction->options.mode != AUTO_COMPACTION_PERIODIC)
        return;
    assert(compaction->note_count <= compaction->notes_max);
    compaction->notes[at % compaction->notes_max] = revision;
    if (compaction->note_count < compaction->notes_max)
        compaction->note_count++;
    else
        compaction->note_first = (compaction->note_first + 1) % compaction->notes_max;
}

int auto_compaction_init(struct auto_compaction *compaction,
                         const struct auto_compaction_options *options, uint64_t now_ms,
                         int64_t revision)
{
    assert(options->mode != AUTO_COMPACTION_OFF);
    *compaction = (struct auto_compaction){
        .options = *options, .done_ms = now_ms, .wait_ms = options->period_ms};
    if (options->mode == AUTO_COMPACTION_REVISION) {
        assert(options->revisions > 0);
        return 0;
    }
    assert(options->period_ms > 0 && options->period_ms <= AUTO_COMPACTION_PERIOD_MS_MAX);
    compaction->notes_max = (size_t)(options->period_ms / auto_compaction_interval_ms(compaction)) +
                            1;
    compaction->notes = calloc(compaction->notes_max, sizeof(*compaction->notes));
    if (compaction->notes == NULL)
        return DECREE_NOMEM;
    take_note(compaction, revision);
    return 0;
}

static int64_t is_due(const struct auto_compaction *compaction, uint64_t now_ms, int64_t revision)
{
    int64_t at;

    if (compaction->options.mode == AUTO_COMPACTION_REVISION)
        at = revision - compaction->options.revisions;
    else if (now_ms - compaction->done_ms >= compaction->wait_ms)
        at = compaction->notes[compaction->note_first];
    else
        at = 0;
    return at > 0 && at != compaction->done ? at : 0;
}

int64_t auto_compaction_tick(struct auto_compaction *compaction, uint64_t now_ms, int64_t revision,
                             bool leads)
{
    int64_t at = leads ? is_due(compaction, now_ms, revision) : 0;

    assert(now_ms >= compaction->done_ms);
    if (at > 0)
        compaction->wait_ms = an_hour_at_most(compaction->options.period_ms);
    take_note(compaction, revision);
    return at;
}

void auto_compaction_done(struct auto_compaction *compaction, uint64_t now_ms, int64_t revision)
{
    assert(revision > 0);
    compaction->done = revision;
    compaction->done_ms = now_ms;
}

void auto_compaction_release(struct auto_compaction *compaction)
{
    free(compaction->notes);
    compaction->notes = NULL;
}
