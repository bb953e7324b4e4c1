/* SPDX-License-Identifier: MIT */
/* journal_thread_inside.h -- what journal_thread.c (the owner's side) and journal_writer.c (the
 * thread) share.
 *
 * Three kinds of fields: the owner's, the writer's, and the shared ones, which only the holder of
 * the mutex touches. No system call is made under the mutex.
 */
#ifndef DECREE_STORE_JOURNAL_THREAD_INSIDE_H
#define DECREE_STORE_JOURNAL_THREAD_INSIDE_H

#include <pthread.h>

#include "journal_thread.h"
#include "segment_maker.h"

#define IDLE_NS UINT64_C(20000000) /* what nobody waits for is written after this time */
#define FETCHES_MAX 64u
#define FETCH_SLOTS_MAX 4096u

struct record_list {
    struct decree_record *records;
    uint32_t count, capacity;
};

/* A value to let go of when its lsn is durable. */
struct held_value {
    decree_lsn lsn;
    struct decree_value *value;
};

struct fetch_order {
    struct decree_fetch fetch;
    decree_lsn after; /* not before this was written */
};

struct fetch_answer {
    struct fetch_answer *next;
    decree_node_id to;
    uint32_t count;
    struct decree_pvalue pvalues[];
};

struct journal_thread {
    struct journal port;
    struct journal_thread_options options;
    pthread_t thread;

    /* The owner's. */
    struct held_value *held; /* a ring; its capacity is a power of two */
    uint64_t held_first, held_end, held_capacity;
    decree_lsn appended;
    decree_lsn delivered;

    /* Shared. */
    pthread_mutex_t mutex;
    pthread_cond_t work;
    bool stopping;
    struct record_list queued;
    decree_lsn sync_wanted;
    uint64_t queued_since_ns; /* when the first of queued came */
    uint64_t
        asleep_until_ns; /* what the thread waits for, if nothing is signalled; 0: it is awake */
    struct fetch_order fetches[FETCHES_MAX];
    uint32_t fetch_count;
    decree_lsn persisted;
    struct fetch_answer *answers, **answers_end;
    bool trouble_changed;
    struct store_error trouble; /* code 0: none */
    struct journal_metrics metrics;

    /* The writer's. */
    struct disk_journal *disk;
    struct segment_maker maker;
    bool ordered;               /* the maker has an order */
    uint64_t order_again_ns;    /* after a failure: no order before */
    struct record_list writing; /* taken from queued; not all on disk yet */
    uint32_t writing_done;      /* that many of them are */
    bool in_trouble;
    bool dead; /* a sync failed, or gave up while closing: nothing is written any more */
    bool unsealed;
    uint64_t synced_at_ns;
    uint64_t batch_began_ns; /* when what is to be synced began to be written; 0: nothing is */
    struct decree_pvalue *fetch_buffer;
};

void *journal_writer_run(void *argument);

#endif
