/* SPDX-License-Identifier: MIT */
/* journal_thread.c -- the owner's side of the journal thread: queueing, delivering, start and
 * stop. */
#include "journal_thread.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal_thread_inside.h"
#include "thread_util.h"

#define HELD_FIRST_CAPACITY 1024u
#define MS_NS UINT64_C(1000000)

/* The owner's values */

static void held_grow(struct journal_thread *thread)
{
    uint64_t capacity = thread->held_capacity ? 2 * thread->held_capacity : HELD_FIRST_CAPACITY;
    struct held_value *held = malloc(capacity * sizeof(*held));

    if (held == NULL)
        abort(); /* nothing can be promised without keeping the values */
    for (uint64_t i = thread->held_first; i != thread->held_end; i++)
        held[i & (capacity - 1)] = thread->held[i & (thread->held_capacity - 1)];
    free(thread->held);
    thread->held = held;
    thread->held_capacity = capacity;
}

static void held_add(struct journal_thread *thread, decree_lsn lsn, struct decree_value *value)
{
    if (value == NULL)
        return;
    if (thread->held_end - thread->held_first == thread->held_capacity)
        held_grow(thread);
    thread->held[thread->held_end++ & (thread->held_capacity - 1)] = (struct held_value){
        .lsn = lsn, .value = decree_value_ref(value)};
}

static void held_release(struct journal_thread *thread, decree_lsn up_to)
{
    while (thread->held_first != thread->held_end) {
        struct held_value *held = &thread->held[thread->held_first & (thread->held_capacity - 1)];

        if (held->lsn > up_to)
            break;
        thread->held_first++;
        decree_value_unref(held->value);
    }
}

/* The port */

/* The copies get the journal's numbers. */
static void record_list_add(struct record_list *list, const struct decree_record *records,
                            uint32_t count, decree_lsn first_lsn)
{
    uint32_t needed = list->count + count;

    assert(needed >= count);
    if (needed > list->capacity) {
        uint32_t capacity = needed > 2 * list->capacity ? needed : 2 * list->capacity;
        struct decree_record *larger = realloc(list->records, capacity * sizeof(*larger));

        if (larger == NULL)
            abort(); /* append() never fails */
        list->records = larger;
        list->capacity = capacity;
    }
    memcpy(list->records + list->count, records, count * sizeof(*records));
    for (uint32_t i = 0; i < count; i++)
        list->records[list->count + i].lsn = first_lsn + i;
    list->count = needed;
}

static void port_append(struct journal *journal, const struct decree_record *records,
                        uint32_t count, decree_lsn sync_lsn)
{
    struct journal_thread *thread = (struct journal_thread *)journal;
    decree_lsn first_lsn = thread->appended + 1;
    bool wake;

    for (uint32_t i = 0; i < count; i++)
        held_add(thread, ++thread->appended, records[i].pvalue.command.value);
    assert(sync_lsn <= thread->appended);
    if (count == 0 && sync_lsn <= thread->delivered)
        return;
    pthread_mutex_lock(&thread->mutex);
    if (thread->queued.count == 0)
        thread->queued_since_ns = thread_now_ns();
    if (count > 0)
        record_list_add(&thread->queued, records, count, first_lsn);
    /* To wake the thread is dear, and it looks for itself when it is awake, or soon will be. */
    wake = thread->asleep_until_ns != 0 &&
           (sync_lsn > thread->sync_wanted ||
            thread->asleep_until_ns > thread->queued_since_ns + IDLE_NS);
    if (sync_lsn > thread->sync_wanted)
        thread->sync_wanted = sync_lsn;
    pthread_mutex_unlock(&thread->mutex);
    if (wake)
        pthread_cond_signal(&thread->work);
}

static void port_fetch(struct journal *journal, const struct decree_fetch *fetch)
{
    struct journal_thread *thread = (struct journal_thread *)journal;

    assert(fetch->first > 0);
    pthread_mutex_lock(&thread->mutex);
    if (thread->fetch_count < FETCHES_MAX)
        thread->fetches[thread->fetch_count++] = (struct fetch_order){.fetch = *fetch,
                                                                      .after = thread->appended};
    pthread_mutex_unlock(&thread->mutex);
    pthread_cond_signal(&thread->work);
}

static void answer_free(struct fetch_answer *answer)
{
    for (uint32_t i = 0; i < answer->count; i++)
        decree_value_unref(answer->pvalues[i].command.value);
    free(answer);
}

static void thread_free(struct journal_thread *thread)
{
    pthread_cond_destroy(&thread->work);
    pthread_mutex_destroy(&thread->mutex);
    while (thread->answers != NULL) {
        struct fetch_answer *answer = thread->answers;

        thread->answers = answer->next;
        answer_free(answer);
    }
    held_release(thread, UINT64_MAX);
    free(thread->held);
    free(thread->queued.records);
    free(thread->writing.records);
    free(thread->fetch_buffer);
    free(thread);
}

static void port_close(struct journal *journal)
{
    struct journal_thread *thread = (struct journal_thread *)journal;
    int result;

    pthread_mutex_lock(&thread->mutex);
    assert(!thread->stopping);
    thread->stopping = true;
    pthread_mutex_unlock(&thread->mutex);
    pthread_cond_signal(&thread->work);
    result = pthread_join(thread->thread, NULL);
    assert(result == 0);
    (void)result;
    disk_journal_close(thread->disk);
    thread_free(thread);
}

static const struct journal_ops journal_thread_ops = {
    .append = port_append,
    .fetch = port_fetch,
    .close = port_close,
};

struct journal *journal_thread_port(struct journal_thread *thread)
{
    return &thread->port;
}

void journal_thread_poll(struct journal_thread *thread)
{
    const struct journal_sink *sink = &thread->options.sink;
    struct fetch_answer *answers;
    struct store_error trouble;
    bool trouble_changed;
    decree_lsn persisted;

    pthread_mutex_lock(&thread->mutex);
    persisted = thread->persisted;
    answers = thread->answers;
    thread->answers = NULL;
    thread->answers_end = &thread->answers;
    trouble_changed = thread->trouble_changed;
    if (trouble_changed)
        trouble = thread->trouble;
    thread->trouble_changed = false;
    pthread_mutex_unlock(&thread->mutex);

    if (persisted > thread->delivered) {
        thread->delivered = persisted;
        held_release(thread, persisted);
        sink->persisted(sink->context, persisted);
    }
    while (answers != NULL) {
        struct fetch_answer *answer = answers;

        answers = answer->next;
        sink->fetched(sink->context, answer->to, answer->pvalues, answer->count);
        answer_free(answer);
    }
    if (trouble_changed && sink->trouble != NULL)
        sink->trouble(sink->context, trouble.system_errno, trouble.text);
}

void journal_thread_metrics(struct journal_thread *thread, struct journal_metrics *ret_metrics)
{
    pthread_mutex_lock(&thread->mutex);
    *ret_metrics = thread->metrics;
    pthread_mutex_unlock(&thread->mutex);
}

/* Bounds as etcd has them for its disk, and powers of two for counts. */
static void init_metrics(struct journal_metrics *metrics)
{
    histogram_init(&metrics->sync_ns, MS_NS, 2, 14);
    histogram_init(&metrics->batch_ns, MS_NS, 2, 14);
    histogram_init(&metrics->batch_records, 1, 2, 14);
}

static void log_recovery(const struct logger *logger, const struct disk_journal *disk)
{
    uint64_t dropped = disk_journal_dropped_bytes(disk);

    if (dropped > 0)
        log_warn(logger, "journal_tail_dropped",
                 "lsn=%" PRIu64 " bytes=%" PRIu64 " reason=\"the last write was cut off\"",
                 disk_journal_written_lsn(disk), dropped);
    log_info(logger, "journal_open", "lsn=%" PRIu64, disk_journal_written_lsn(disk));
}

int journal_thread_start(struct journal_thread **ret_thread, struct disk_journal *disk,
                         const struct journal_thread_options *options)
{
    struct journal_thread *thread = calloc(1, sizeof(*thread));

    assert(options->wake != NULL);
    assert(options->sink.persisted != NULL);
    assert(options->sink.fetched != NULL);
    if (thread == NULL)
        return DECREE_NOMEM;
    thread->port.ops = &journal_thread_ops;
    thread->options = *options;
    thread->disk = disk;
    thread->appended = disk_journal_written_lsn(disk);
    thread->persisted = disk_journal_synced_lsn(disk);
    thread->delivered = thread->persisted;
    assert(thread->appended == thread->persisted);
    thread->answers_end = &thread->answers;
    init_metrics(&thread->metrics);
    pthread_mutex_init(&thread->mutex, NULL);
    thread_condition_init(&thread->work);
    thread->fetch_buffer = malloc(FETCH_SLOTS_MAX * sizeof(*thread->fetch_buffer));
    if (thread->fetch_buffer == NULL) {
        thread_free(thread);
        return DECREE_NOMEM;
    }
    log_recovery(options->logger, disk);
    if (segment_maker_start(&thread->maker) != 0) {
        thread_free(thread);
        return DECREE_IO;
    }
    if (thread_start(&thread->thread, "decree-journal", journal_writer_run, thread) != 0) {
        segment_maker_stop(&thread->maker);
        thread_free(thread);
        return DECREE_IO;
    }
    *ret_thread = thread;
    return 0;
}
