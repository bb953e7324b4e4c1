/* SPDX-License-Identifier: MIT */
/* log.c -- the ring of slots; see log.h for the picture. */
#include "log.h"

#include <assert.h>
#include <string.h>

#include "ballot.h"

static uint32_t value_size(const struct decree_pvalue *pvalue)
{
    return pvalue->command.value == NULL ? 0 : pvalue->command.value->size;
}

static void clear(struct decree_pvalue *pvalue)
{
    decree_value_unref(pvalue->command.value);
    memset(pvalue, 0, sizeof(*pvalue));
}

void log_init(struct log *log, struct decree_pvalue *pvalues, uint32_t capacity)
{
    assert(capacity >= 2);
    assert((capacity & (capacity - 1)) == 0);
    *log = (struct log){
        .pvalues = pvalues, .capacity = capacity, .window = capacity / 2, .first = 1};
}

void log_release(struct log *log)
{
    for (decree_slot slot = log->first; slot <= log->last; slot++)
        clear(log_at(log, slot));
}

struct decree_pvalue *log_at(const struct log *log, decree_slot slot)
{
    assert(slot >= log->first);
    assert(slot < log->first + log->capacity);
    return &log->pvalues[slot & (log->capacity - 1)];
}

bool log_has(const struct log *log, decree_slot slot)
{
    return slot >= log->first && slot <= log->last && !ballot_is_bottom(log_at(log, slot)->ballot);
}

bool log_fits(const struct log *log, decree_slot slot)
{
    decree_slot base = log->recorded < log->delivered ? log->recorded : log->delivered;

    return slot <= base + log->window;
}

static void forget_first(struct log *log)
{
    struct decree_pvalue *oldest = log_at(log, log->first);

    assert(log->first <= log->delivered);
    assert(log->kept_bytes >= value_size(oldest));
    log->kept_bytes -= value_size(oldest);
    clear(oldest);
    log->first++;
}

void log_accept(struct log *log, const struct decree_pvalue *pvalue)
{
    struct decree_pvalue *held;

    assert(log_fits(log, pvalue->slot));
    assert(pvalue->slot > log->decided);
    assert(!ballot_is_bottom(pvalue->ballot));
    while (pvalue->slot >= log->first + log->capacity)
        forget_first(log);
    held = log_at(log, pvalue->slot);
    decree_value_ref(pvalue->command.value);
    decree_value_unref(held->command.value);
    *held = *pvalue;
    if (pvalue->slot > log->last)
        log->last = pvalue->slot;
}

void log_decide(struct log *log)
{
    assert(log_has(log, log->decided + 1));
    log->decided++;
    assert(log->decided <= log->last);
}

const struct decree_pvalue *log_deliver(struct log *log)
{
    const struct decree_pvalue *next;

    assert(log->delivered < log->decided);
    next = log_at(log, ++log->delivered);
    log->kept_bytes += value_size(next);
    return next;
}

void log_trim(struct log *log, uint64_t bytes_max)
{
    while (log->kept_bytes > bytes_max && log->first <= log->delivered &&
           log->first <= log->settled)
        forget_first(log);
}

decree_slot log_run(const struct log *log, decree_slot slot, decree_slot last, uint64_t bytes_max)
{
    decree_slot wrap = slot | (log->capacity - 1);
    decree_slot end = slot - 1;
    uint64_t bytes = 0;

    if (last > wrap)
        last = wrap;
    while (end < last && log_has(log, end + 1)) {
        bytes += value_size(log_at(log, end + 1));
        if (bytes > bytes_max && end >= slot)
            break;
        end++;
    }
    return end;
}
