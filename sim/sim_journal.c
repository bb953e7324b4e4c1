/* SPDX-License-Identifier: MIT */
/* sim_journal.c -- a queue, a write, a wait, a sync. */
#include "sim_journal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"

#define JOURNAL_RETRY_NS (20 * SIM_MILLISECOND)
#define JOURNAL_IDLE_NS (20 * SIM_MILLISECOND) /* then what nobody waits for is written too */
#define JOURNAL_FETCH_PVALUES 64u
#define JOURNAL_FETCH_WAIT_NS (5 * SIM_MILLISECOND)

static void journal_start(struct sim_journal *journal);

static struct sim_journal *journal_of(struct journal *port)
{
    return (struct sim_journal *)port;
}

static void journal_drop(struct sim_journal *journal, size_t count)
{
    assert(count <= journal->count);
    for (size_t i = 0; i < count; i++)
        decree_value_unref(journal->queue[i].pvalue.command.value);
    journal->count -= count;
    memmove(journal->queue, journal->queue + count, journal->count * sizeof(*journal->queue));
}

static void journal_push(struct sim_journal *journal, const struct decree_record *record)
{
    if (journal->count == journal->capacity) {
        journal->capacity = journal->capacity == 0 ? 64 : 2 * journal->capacity;
        journal->queue = realloc(journal->queue, journal->capacity * sizeof(*journal->queue));
        assert(journal->queue != NULL);
    }
    decree_value_ref(record->pvalue.command.value);
    journal->queue[journal->count] = *record;
    journal->queue[journal->count++].lsn = ++journal->appended_lsn;
}

static void journal_report(struct sim_journal *journal, decree_lsn lsn)
{
    if (journal->frozen) {
        journal->owed_lsn = lsn;
        return;
    }
    journal->owner.synced(journal->owner.context);
    journal->sink->persisted(journal->sink->context, lsn);
    journal->owner.notify(journal->owner.context);
}

static void journal_trouble(struct sim_journal *journal, int system_errno, const char *what)
{
    bool trouble = system_errno != 0;

    if (trouble == journal->troubled)
        return;
    journal->troubled = trouble;
    journal->sink->trouble(journal->sink->context, system_errno, what);
}

static void journal_on_sync(void *context, uint64_t life, void *memory)
{
    struct sim_journal *journal = context;
    struct store_error error = {0};

    (void)memory;
    if (life != journal->life)
        return;
    if (journal->stalled_until_ns > journal->world->now_ns) {
        world_at(journal->world, journal->stalled_until_ns, journal_on_sync, journal, life, NULL);
        return;
    }
    if (disk_journal_sync(journal->journal, &error) != 0) {
        journal->owner.fatal(journal->owner.context, error.text);
        return;
    }
    journal->busy = false;
    journal_report(journal, disk_journal_synced_lsn(journal->journal));
    journal_start(journal);
    if (!journal->busy && prng_below(&journal->prng, 4) == 0)
        disk_journal_seal(journal->journal);
}

static void journal_on_start(void *context, uint64_t life, void *memory)
{
    struct sim_journal *journal = context;

    (void)memory;
    if (life != journal->life || journal->world->now_ns != journal->start_at_ns)
        return;
    journal->start_at_ns = UINT64_MAX;
    journal_start(journal);
}

/* While writes fail the disk is left alone until the next try. */
static void journal_ask_start(struct sim_journal *journal, uint64_t at_ns)
{
    if (at_ns >= journal->start_at_ns)
        return;
    journal->start_at_ns = at_ns;
    world_at(journal->world, at_ns, journal_on_start, journal, journal->life, NULL);
}

/* Writes the next batch unless one is under way. */
static void journal_start(struct sim_journal *journal)
{
    struct store_error error = {0};
    uint32_t written = 0;
    uint64_t sync_ns;

    if (journal->busy || journal->count == 0)
        return;
    if (disk_journal_write(journal->journal, journal->queue, (uint32_t)journal->count, &written,
                           &error) != 0) {
        if (error.fatal) {
            journal->owner.fatal(journal->owner.context, error.text);
            return;
        }
        journal_trouble(journal, error.system_errno, error.text);
        journal_ask_start(journal, journal->world->now_ns + JOURNAL_RETRY_NS);
        return;
    }
    journal_trouble(journal, 0, "");
    journal_drop(journal, written);
    journal->busy = true;
    sync_ns = draw_between(&journal->prng, journal->sync_time_ns / 2,
                           journal->sync_time_ns * 3 / 2);
    world_at(journal->world, journal->world->now_ns + sync_ns, journal_on_sync, journal,
             journal->life, NULL);
}

static void journal_append(struct journal *port, const struct decree_record *records,
                           uint32_t count, decree_lsn sync_lsn)
{
    struct sim_journal *journal = journal_of(port);
    uint64_t wait_ns = journal->troubled ? JOURNAL_RETRY_NS : sync_lsn != 0 ? 0 : JOURNAL_IDLE_NS;

    for (uint32_t i = 0; i < count; i++)
        journal_push(journal, &records[i]);
    journal_ask_start(journal, journal->world->now_ns + wait_ns);
}

struct fetch_order {
    struct decree_fetch fetch;
    decree_lsn
        after; /* what was queued before the order has to be written first: slots may be in there */
};

static void journal_on_fetch(void *context, uint64_t life, void *memory);

static void journal_order(struct sim_journal *journal, const struct fetch_order *order,
                          uint64_t wait_ns)
{
    struct fetch_order *copy = malloc(sizeof(*copy));

    assert(copy != NULL);
    *copy = *order;
    world_at(journal->world, journal->world->now_ns + wait_ns, journal_on_fetch, journal,
             journal->life, copy);
}

static void journal_on_fetch(void *context, uint64_t life, void *memory)
{
    struct sim_journal *journal = context;
    const struct fetch_order *order = memory;
    struct decree_pvalue pvalues[JOURNAL_FETCH_PVALUES];
    struct store_error error = {0};
    uint32_t count = 0;

    if (life != journal->life || journal->frozen)
        return;
    if (disk_journal_written_lsn(journal->journal) < order->after) {
        journal_order(journal, order, JOURNAL_FETCH_WAIT_NS);
        return;
    }
    if (disk_journal_fetch(journal->journal, order->fetch.first, order->fetch.last, pvalues,
                           JOURNAL_FETCH_PVALUES, &count, &error) != 0)
        return;
    journal->sink->fetched(journal->sink->context, order->fetch.to, pvalues, count);
    for (uint32_t i = 0; i < count; i++)
        decree_value_unref(pvalues[i].command.value);
    journal->owner.notify(journal->owner.context);
}

static void journal_fetch(struct journal *port, const struct decree_fetch *fetch)
{
    struct sim_journal *journal = journal_of(port);
    struct fetch_order order = {.fetch = *fetch, .after = journal->appended_lsn};

    if (prng_below(&journal->prng, 20) != 0) /* else it is forgotten, as the port allows */
        journal_order(journal, &order, draw_between(&journal->prng, 0, SIM_MILLISECOND));
}

/* The engine's owner ends a life with sim_journal_kill(). */
static void journal_close(struct journal *port)
{
    sim_journal_kill(journal_of(port));
}

static const struct journal_ops journal_ops = {
    .append = journal_append, .fetch = journal_fetch, .close = journal_close};

void sim_journal_init(struct sim_journal *journal, struct world *world, struct disk *disk,
                      uint64_t seed, uint64_t sync_time_ns, const struct sim_journal_owner *owner)
{
    assert(world != NULL);
    assert(disk != NULL);
    *journal = (struct sim_journal){.port = {&journal_ops},
                                    .world = world,
                                    .disk = disk,
                                    .owner = *owner,
                                    .sync_time_ns = sync_time_ns};
    prng_init(&journal->prng, seed);
}

void sim_journal_release(struct sim_journal *journal)
{
    sim_journal_kill(journal);
    free(journal->queue);
    journal->queue = NULL;
}

int sim_journal_open(struct sim_journal *journal, const struct disk_journal_options *options,
                     const struct journal_sink *sink, disk_journal_restore *restore, void *context,
                     struct store_error *ret_error)
{
    int error;

    assert(journal->journal == NULL);
    journal->life++;
    journal->start_at_ns = UINT64_MAX;
    journal->sink = sink;
    error = disk_journal_open(&journal->journal, options, ret_error);
    if (error == 0)
        error = disk_journal_recover(journal->journal, restore, context, ret_error);
    if (error != 0)
        sim_journal_kill(journal);
    else
        journal->appended_lsn = disk_journal_written_lsn(journal->journal);
    return error;
}

void sim_journal_kill(struct sim_journal *journal)
{
    if (journal->life % 2 == 0)
        return;
    journal->life++;
    disk_stop(journal->disk);
    disk_journal_close(journal->journal);
    journal->journal = NULL;
    journal_drop(journal, journal->count);
    journal->busy = journal->frozen = journal->troubled = false;
    journal->owed_lsn = 0;
}

void sim_journal_stall(struct sim_journal *journal, uint64_t until_ns)
{
    if (until_ns > journal->stalled_until_ns || until_ns == 0)
        journal->stalled_until_ns = until_ns;
}

void sim_journal_freeze(struct sim_journal *journal)
{
    journal->frozen = true;
}

void sim_journal_thaw(struct sim_journal *journal)
{
    decree_lsn lsn = journal->owed_lsn;

    journal->frozen = false;
    journal->owed_lsn = 0;
    if (lsn != 0)
        journal_report(journal, lsn);
}
