/* SPDX-License-Identifier: MIT */
/* journal_writer.c -- the journal thread: batches, syncs, fetches, retries.
 *
 *     sleep until there is work
 *       take all that is queued                 (if somebody waits for it, or it has waited for
 *       long) write it, sync it, tell the owner       (failed: tell, wait a little longer each
 *       time, again) read back for one fetch
 *     nothing for a moment: write and sync what nobody waits for, then seal
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "journal_thread_inside.h"
#include "thread_util.h"

#define RETRY_FIRST_NS UINT64_C(10000000)
#define RETRY_MAX_NS UINT64_C(1000000000)
#define ORDER_AGAIN_NS UINT64_C(1000000000)

/* What the next turn is to do. */
struct turn {
    bool take, sync, seal, fetch, stop;
    struct fetch_order order;
};

static void wake_owner(struct journal_thread *thread)
{
    thread->options.wake(thread->options.wake_context);
}

/* Trouble */

static void publish_trouble(struct journal_thread *thread, const struct store_error *error)
{
    pthread_mutex_lock(&thread->mutex);
    thread->trouble = *error;
    thread->trouble_changed = true;
    pthread_mutex_unlock(&thread->mutex);
    wake_owner(thread);
}

static void trouble_begins(struct journal_thread *thread, const struct store_error *error)
{
    if (thread->in_trouble)
        return;
    thread->in_trouble = true;
    log_error(thread->options.logger, "journal_stuck", "errno=%d reason=\"%s\"",
              error->system_errno, error->text);
    publish_trouble(thread, error);
}

static void trouble_ends(struct journal_thread *thread)
{
    struct store_error none = {.text = "the journal writes again"};

    if (!thread->in_trouble)
        return;
    thread->in_trouble = false;
    log_warn(thread->options.logger, "journal_unstuck", "lsn=%" PRIu64,
             disk_journal_written_lsn(thread->disk));
    publish_trouble(thread, &none);
}

/* A sync failed. The process should not outlive this. */
static void die(struct journal_thread *thread, const struct store_error *error)
{
    thread->dead = true;
    log_error(thread->options.logger, "journal_sync_failed", "errno=%d reason=\"%s\"",
              error->system_errno, error->text);
    if (thread->options.fatal == NULL) {
        fprintf(stderr, "decree: %s; what was written is in doubt, the process ends\n",
                error->text);
        _exit(EX_IOERR);
    }
    thread->options.fatal(thread->options.fatal_context, error->text);
    thread->in_trouble = true;
    publish_trouble(thread, error);
}

/* Waits before the next try. False: the journal is closing. */
static bool pause_before_retry(struct journal_thread *thread, uint64_t *delay_ns)
{
    uint64_t deadline = thread_now_ns() + *delay_ns;
    bool stopping;

    *delay_ns = *delay_ns * 2 < RETRY_MAX_NS ? *delay_ns * 2 : RETRY_MAX_NS;
    pthread_mutex_lock(&thread->mutex);
    while (!thread->stopping && thread_wait(&thread->work, &thread->mutex, deadline))
        continue;
    stopping = thread->stopping;
    pthread_mutex_unlock(&thread->mutex);
    return !stopping;
}

/* Segments ahead */

static void collect_segment(struct journal_thread *thread, bool wait)
{
    struct store_error error;
    int result;

    if (!thread->ordered || !segment_maker_collect(&thread->maker, wait, &result, &error))
        return;
    thread->ordered = false;
    disk_journal_order_done(thread->disk, result == 0);
    if (result == 0)
        return;
    thread->order_again_ns = thread_now_ns() + ORDER_AGAIN_NS;
    log_warn(thread->options.logger, "segment_not_made", "errno=%d reason=\"%s\"",
             error.system_errno, error.text);
}

static void order_segment(struct journal_thread *thread)
{
    struct segment_order order;

    collect_segment(thread, false);
    if (thread->ordered || thread->dead)
        return;
    if (thread->order_again_ns != 0 && thread_now_ns() < thread->order_again_ns)
        return;
    if (disk_journal_order_segment(thread->disk, &order)) {
        segment_maker_give(&thread->maker, &order);
        thread->ordered = true;
    }
}

/* Writing */

/* Writes one frame's worth. 0 or IO. */
static int write_some(struct journal_thread *thread, struct store_error *error)
{
    const struct decree_record *records = thread->writing.records + thread->writing_done;
    uint32_t count = thread->writing.count - thread->writing_done, written;
    int result;

    assert(count > 0);
    if (thread->ordered && disk_journal_needs_segment(thread->disk, records, count))
        collect_segment(thread, true);
    result = disk_journal_write(thread->disk, records, count, &written, error);
    if (result != 0)
        return result;
    thread->writing_done += written;
    return 0;
}

/* Writes all that was taken, however long it takes; when closing, tries once more and gives up.
 * False: nothing is to be written any more. */
static bool write_all(struct journal_thread *thread)
{
    uint64_t delay_ns = RETRY_FIRST_NS;
    struct store_error error;
    bool last_try = false;

    while (thread->writing_done < thread->writing.count) {
        if (write_some(thread, &error) == 0) {
            trouble_ends(thread);
            delay_ns = RETRY_FIRST_NS;
            continue;
        }
        if (error.fatal) {
            die(thread, &error);
            return false;
        }
        trouble_begins(thread, &error);
        if (last_try) {
            thread->dead = true;
            return false;
        }
        last_try = !pause_before_retry(thread, &delay_ns);
    }
    thread->writing.count = 0;
    thread->writing_done = 0;
    return true;
}

/* Under the mutex. */
static void count_batch(struct journal_thread *thread, uint64_t sync_began_ns,
                        uint64_t batch_began_ns, uint64_t records)
{
    struct journal_metrics *metrics = &thread->metrics;
    uint64_t now_ns = thread->synced_at_ns;

    assert(now_ns >= sync_began_ns);
    histogram_add(&metrics->sync_ns, now_ns - sync_began_ns);
    histogram_add(&metrics->batch_ns,
                  now_ns - (batch_began_ns != 0 ? batch_began_ns : sync_began_ns));
    histogram_add(&metrics->batch_records, records);
}

static void sync_all(struct journal_thread *thread)
{
    decree_lsn before = disk_journal_synced_lsn(thread->disk);
    uint64_t began_ns = thread_now_ns(), batch_began_ns = thread->batch_began_ns;
    struct store_error error;
    decree_lsn synced;

    thread->batch_began_ns = 0;
    if (disk_journal_sync(thread->disk, &error) != 0) {
        die(thread, &error);
        return;
    }
    synced = disk_journal_synced_lsn(thread->disk);
    thread->synced_at_ns = thread_now_ns();
    thread->unsealed = true;
    pthread_mutex_lock(&thread->mutex);
    assert(synced >= thread->persisted);
    thread->persisted = synced;
    if (synced > before)
        count_batch(thread, began_ns, batch_began_ns, synced - before);
    pthread_mutex_unlock(&thread->mutex);
    wake_owner(thread);
}

/* Reading back */

static void answer_fetch(struct journal_thread *thread, const struct decree_fetch *fetch)
{
    struct store_error error;
    struct fetch_answer *answer;
    uint32_t count;

    if (disk_journal_fetch(thread->disk, fetch->first, fetch->last, thread->fetch_buffer,
                           FETCH_SLOTS_MAX, &count, &error) != 0) {
        log_error(thread->options.logger, "journal_fetch_failed", "slot=%" PRIu64 " reason=\"%s\"",
                  fetch->first, error.text);
        return;
    }
    if (count == 0)
        return;
    answer = malloc(sizeof(*answer) + count * sizeof(*answer->pvalues));
    if (answer == NULL) {
        while (count > 0)
            decree_value_unref(thread->fetch_buffer[--count].command.value);
        return;
    }
    answer->next = NULL;
    answer->to = fetch->to;
    answer->count = count;
    memcpy(answer->pvalues, thread->fetch_buffer, count * sizeof(*answer->pvalues));
    pthread_mutex_lock(&thread->mutex);
    *thread->answers_end = answer;
    thread->answers_end = &answer->next;
    pthread_mutex_unlock(&thread->mutex);
    wake_owner(thread);
}

/* The loop */

/* Under the mutex: is there work, and until when may it wait? */
static uint64_t plan_turn(struct journal_thread *thread, uint64_t now_ns, struct turn *ret_turn)
{
    decree_lsn written = disk_journal_written_lsn(thread->disk);
    decree_lsn synced = disk_journal_synced_lsn(thread->disk);
    uint64_t lazy_at_ns = UINT64_MAX, seal_at_ns = UINT64_MAX;
    struct turn turn = {.stop = thread->stopping};

    if (thread->dead) {
        *ret_turn = turn;
        return UINT64_MAX;
    }
    if (thread->queued.count > 0)
        lazy_at_ns = thread->queued_since_ns + IDLE_NS;
    else if (written > synced)
        lazy_at_ns = thread->synced_at_ns + IDLE_NS;
    else if (thread->unsealed)
        seal_at_ns = thread->synced_at_ns + IDLE_NS;
    turn.sync = thread->sync_wanted > synced || now_ns >= lazy_at_ns ||
                (turn.stop && lazy_at_ns != UINT64_MAX);
    turn.take = turn.sync && thread->queued.count > 0;
    turn.seal = now_ns >= seal_at_ns;
    if (thread->fetch_count > 0) {
        turn.fetch = true;
        turn.order = thread->fetches[0];
        turn.take = turn.take || turn.order.after > written;
    }
    *ret_turn = turn;
    return lazy_at_ns < seal_at_ns ? lazy_at_ns : seal_at_ns;
}

/* Under the mutex: waits until there is something to do. */
static void next_turn(struct journal_thread *thread, struct turn *ret_turn)
{
    for (;;) {
        uint64_t wait_until_ns = plan_turn(thread, thread_now_ns(), ret_turn);

        if (ret_turn->take || ret_turn->sync || ret_turn->seal || ret_turn->fetch || ret_turn->stop)
            break;
        thread->asleep_until_ns = wait_until_ns;
        thread_wait(&thread->work, &thread->mutex, wait_until_ns);
        thread->asleep_until_ns = 0;
    }
    if (ret_turn->take) {
        struct record_list empty = thread->writing;

        assert(empty.count == 0);
        thread->writing = thread->queued;
        thread->queued = empty;
    }
    if (ret_turn->fetch)
        memmove(thread->fetches, thread->fetches + 1,
                --thread->fetch_count * sizeof(thread->fetches[0]));
}

static void do_turn(struct journal_thread *thread, const struct turn *turn)
{
    if (turn->take && thread->batch_began_ns == 0)
        thread->batch_began_ns = thread_now_ns();
    if (turn->take && !write_all(thread))
        return;
    if (turn->sync)
        sync_all(thread);
    if (turn->fetch && !thread->dead)
        answer_fetch(thread, &turn->order.fetch);
    if (turn->seal) {
        disk_journal_seal(thread->disk);
        thread->unsealed = false;
    }
    order_segment(thread);
}

void *journal_writer_run(void *argument)
{
    struct journal_thread *thread = argument;
    struct turn turn;

    thread->synced_at_ns = thread_now_ns();
    order_segment(thread);
    do {
        pthread_mutex_lock(&thread->mutex);
        next_turn(thread, &turn);
        pthread_mutex_unlock(&thread->mutex);
        do_turn(thread, &turn);
    } while (!turn.stop);
    segment_maker_stop(&thread->maker);
    return NULL;
}
