/* SPDX-License-Identifier: MIT */
/* auto_compactor.c -- see auto_compactor.h. */
#include "auto_compactor.h"

#include <assert.h>
#include <inttypes.h>

#include "kv_propose.h"

static uint64_t clock_ms(void)
{
    return uv_hrtime() / 1000000;
}

static bool leads(const struct auto_compactor *compactor)
{
    struct backend_status status;

    compactor->backend->ops->status(compactor->backend, &status);
    return status.leader_id == compactor->backend->member_id;
}

static void complain(struct auto_compactor *compactor, const char *reason)
{
    log_warn(compactor->logger, "auto_compaction_failed", "revision=%" PRId64 " reason=\"%s\"",
             compactor->revision, reason);
    compactor->revision = 0;
}

static void on_compacted(void *argument, int error, decree_slot slot, void *result)
{
    struct auto_compactor *compactor = argument;
    const struct kv_result *outcome = result;
    uint64_t now_ms = clock_ms();

    (void)slot;
    assert(compactor->revision > 0);
    if (error != 0) {
        complain(compactor, decree_error_text(error));
        return;
    }
    if (outcome->error != KV_OK && outcome->error != KV_COMPACTED) {
        complain(compactor, "the store refused it");
        return;
    }
    auto_compaction_done(&compactor->compaction, now_ms, compactor->revision);
    log_info(compactor->logger, "auto_compacted", "revision=%" PRId64 " took_ms=%" PRIu64,
             compactor->revision, now_ms - compactor->began_ms);
    compactor->revision = 0;
}

static void compact(struct auto_compactor *compactor, int64_t revision)
{
    const struct command command = {.op = COMMAND_COMPACT, .u.compact = (uint64_t)revision};
    struct decree_value *value = command_value(&command);
    struct backend *backend = compactor->backend;
    int error = DECREE_NOMEM;

    compactor->revision = revision;
    compactor->began_ms = clock_ms();
    if (value != NULL)
        error = backend->ops->propose(backend, value, on_compacted, compactor);
    decree_value_unref(value);
    if (error != 0)
        complain(compactor, decree_error_text(error));
}

static void on_timer(uv_timer_t *timer)
{
    struct auto_compactor *compactor = timer->data;
    struct backend *backend = compactor->backend;
    int64_t revision = auto_compaction_tick(&compactor->compaction, clock_ms(),
                                            kv_revision(backend->ops->kv(backend)),
                                            leads(compactor) && compactor->revision == 0);

    if (revision > 0)
        compact(compactor, revision);
}

int auto_compactor_open(struct auto_compactor *compactor, uv_loop_t *loop, struct backend *backend,
                        const struct auto_compaction_options *options, const struct logger *logger)
{
    uint64_t interval_ms;
    int error;

    if (options->mode == AUTO_COMPACTION_OFF)
        return 0;
    *compactor = (struct auto_compactor){.backend = backend, .logger = logger};
    error = auto_compaction_init(&compactor->compaction, options, clock_ms(),
                                 kv_revision(backend->ops->kv(backend)));
    if (error != 0)
        return error;
    interval_ms = auto_compaction_interval_ms(&compactor->compaction);
    uv_timer_init(loop, &compactor->timer);
    compactor->timer.data = compactor;
    uv_timer_start(&compactor->timer, on_timer, interval_ms, interval_ms);
    compactor->open = true;
    return 0;
}

void auto_compactor_close(struct auto_compactor *compactor)
{
    if (!compactor->open)
        return;
    compactor->open = false;
    uv_close((uv_handle_t *)&compactor->timer, NULL);
    auto_compaction_release(&compactor->compaction);
}
