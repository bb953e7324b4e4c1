/* SPDX-License-Identifier: MIT */
/* synod_host.c -- the turn of a synod's host, and what of it is told to people; synod_host_open.c
 * has the beginning and the end. */
#include "synod_host.h"

#include <assert.h>

#include "synod_host_inside.h"

#define MS_NS UINT64_C(1000000)
#define ASK_AGAIN_MAX_NS (2000 * MS_NS)

const char *synod_happening_name(enum synod_happening_type type)
{
    static const char *const names[] = {"?",
#define HAPPENING_NAME(name, text) text,
                                        SYNOD_HAPPENING_TABLE(HAPPENING_NAME)
#undef HAPPENING_NAME
    };
    size_t index = (size_t)type;

    return names[index < sizeof(names) / sizeof(names[0]) ? index : 0];
}

void synod_host_notice(struct synod_host *host, const struct synod_happening *happening)
{
    if (host->observe != NULL)
        host->observe(host->observe_context, happening);
}

/* The host feeds the core only what it may be fed, so no step fails. */
static void step(struct synod_host *host, struct decree_synod_event event)
{
    int error;

    event.now_ns = uv_hrtime();
    error = decree_synod_step(host->synod, &event);
    assert(error == 0);
    (void)error;
}

/* --- what is heard -------------------------------------------------------------------------- */

static void notice_heard(struct synod_host *host, const struct decree_synod_message *message)
{
    struct synod_happening happening = {.peer = message->from,
                                        .ballot = message->ballot,
                                        .voted = message->voted,
                                        .value = message->value};

    switch (message->type) {
    case DECREE_SYNOD_PROMISE:
        happening.type = SYNOD_PROMISE_HEARD;
        break;
    case DECREE_SYNOD_ACCEPTED:
        happening.type = SYNOD_VOTE_HEARD;
        break;
    case DECREE_SYNOD_REFUSED:
        happening.type = SYNOD_REFUSAL_HEARD;
        break;
    case DECREE_SYNOD_NONE:
    case DECREE_SYNOD_PREPARE: /* the answer is told */
    case DECREE_SYNOD_ACCEPT:
    case DECREE_SYNOD_DECIDED:
    case DECREE_SYNOD_ASK:
    case DECREE_SYNOD_LEARNED:
        return;
    }
    synod_host_notice(host, &happening);
}

void synod_host_on_message(void *context, const struct peer_message *message)
{
    struct synod_host *host = context;
    const struct decree_synod_message *said = message->u.synod;

    if (!host->running || message->protocol != PEER_SYNOD)
        return;
    if (said->value != NULL && said->value->size > SYNOD_VALUE_BYTES_MAX)
        return; /* no node of ours proposes that */
    if (host->decided == NULL) {
        notice_heard(host, said);
        if (said->type == DECREE_SYNOD_DECIDED)
            host->told_by = said->from;
    }
    step(host, (struct decree_synod_event){.type = DECREE_SYNOD_MESSAGE, .u.message = *said});
}

void synod_host_on_persisted(void *context, decree_lsn lsn)
{
    struct synod_host *host = context;
    uint64_t version = synod_journal_persisted(&host->journal, lsn);

    if (version != 0)
        step(host,
             (struct decree_synod_event){.type = DECREE_SYNOD_PERSISTED, .u.persisted = version});
}

/* --- what is said --------------------------------------------------------------------------- */

/* What goes to all is told once, with peer 0. */
static enum synod_happening_type happening_of(enum decree_synod_message_type type, bool *ret_once)
{
    *ret_once = type == DECREE_SYNOD_PREPARE || type == DECREE_SYNOD_ACCEPT;
    switch (type) {
    case DECREE_SYNOD_PREPARE:
        return SYNOD_PREPARING;
    case DECREE_SYNOD_PROMISE:
        return SYNOD_PROMISE_GIVEN;
    case DECREE_SYNOD_ACCEPT:
        return SYNOD_ACCEPTING;
    case DECREE_SYNOD_ACCEPTED:
        return SYNOD_VOTE_GIVEN;
    case DECREE_SYNOD_REFUSED:
        return SYNOD_REFUSAL_GIVEN;
    case DECREE_SYNOD_NONE:
    case DECREE_SYNOD_DECIDED:
    case DECREE_SYNOD_ASK:
    case DECREE_SYNOD_LEARNED:
        return SYNOD_HAPPENING_NONE;
    }
    return SYNOD_HAPPENING_NONE;
}

static void send_messages(struct synod_host *host, const struct decree_synod_effects *effects)
{
    enum synod_happening_type told = SYNOD_HAPPENING_NONE;

    for (uint32_t i = 0; i < effects->message_count; i++) {
        const struct decree_synod_message *message = &effects->messages[i];
        struct peer_message said = {.protocol = PEER_SYNOD, .u.synod = message};
        bool once;
        struct synod_happening happening = {.type = happening_of(message->type, &once),
                                            .peer = once ? 0 : message->to,
                                            .ballot = message->ballot,
                                            .voted = message->voted,
                                            .value = message->value};

        if (happening.type == SYNOD_VOTE_GIVEN &&
            decree_ballot_compare(host->journal.written.voted, message->ballot) == 0)
            happening.value = host->journal.written.value;
        if (happening.type != SYNOD_HAPPENING_NONE && !(once && told == happening.type))
            synod_host_notice(host, &happening);
        if (once)
            told = happening.type;
        host->transport->ops->send(host->transport, &said);
    }
    if (effects->message_count > 0)
        host->transport->ops->flush(host->transport);
}

static void note_decision(struct synod_host *host, const struct decree_synod_effects *effects)
{
    bool durable = host->journal.written.decided &&
                   host->journal.persisted_lsn == host->journal.written_lsn;

    if (effects->decided != NULL && host->decided == NULL) {
        host->decided = effects->decided;
        host->propose_at_ns = host->ask_at_ns = UINT64_MAX;
        synod_host_notice(host, &(struct synod_happening){.type = SYNOD_CHOSEN,
                                                          .peer = host->told_by,
                                                          .value = effects->decided});
    }
    if (host->decided != NULL && durable && effects->everyone_knows && !host->everyone_knows) {
        host->everyone_knows = true;
        synod_host_notice(host, &(struct synod_happening){.type = SYNOD_TOLD});
    }
}

/* --- the turn ------------------------------------------------------------------------------- */

static void propose(struct synod_host *host)
{
    host->propose_at_ns = UINT64_MAX;
    synod_host_notice(host,
                      &(struct synod_happening){.type = SYNOD_PROPOSING, .value = host->first});
    step(host, (struct decree_synod_event){.type = DECREE_SYNOD_PROPOSE, .u.propose = host->first});
}

static void ask(struct synod_host *host, uint64_t now_ns)
{
    host->ask_at_ns = host->decided != NULL ? UINT64_MAX : now_ns + host->ask_again_ns;
    if (host->ask_again_ns < ASK_AGAIN_MAX_NS)
        host->ask_again_ns *= 2;
    step(host, (struct decree_synod_event){.type = DECREE_SYNOD_LEARN});
}

static void do_what_is_due(struct synod_host *host)
{
    uint64_t now_ns = uv_hrtime();

    if (now_ns >= host->ask_at_ns)
        ask(host, now_ns);
    if (now_ns >= host->propose_at_ns)
        propose(host);
    if (now_ns >= host->wake_at_ns)
        step(host, (struct decree_synod_event){.type = DECREE_SYNOD_WAKE});
}

/* That the loop makes an iteration is all that is wanted of it; too early, the turn sets it again. */
static void on_timer(uv_timer_t *timer)
{
    assert(timer->data != NULL);
}

static void arm(struct synod_host *host)
{
    uint64_t at_ns = host->wake_at_ns, now_ns = uv_hrtime();

    if (host->propose_at_ns < at_ns)
        at_ns = host->propose_at_ns;
    if (host->ask_at_ns < at_ns)
        at_ns = host->ask_at_ns;
    uv_timer_stop(&host->timer);
    if (at_ns == UINT64_MAX)
        return;
    uv_update_time(host->loop);
    uv_timer_start(&host->timer, on_timer,
                   at_ns <= now_ns ? 0 : (at_ns - now_ns + MS_NS - 1) / MS_NS, 0);
}

static void notice_restored(struct synod_host *host)
{
    const struct decree_synod_record *state = &host->journal.written;

    host->restored = false;
    synod_host_notice(host, &(struct synod_happening){.type = SYNOD_RESTORED,
                                                      .ballot = state->promised,
                                                      .voted = state->voted,
                                                      .value = state->value,
                                                      .decided = state->decided});
}

void synod_host_turn(struct synod_host *host)
{
    struct decree_synod_effects effects;

    assert(host->running);
    if (host->restored)
        notice_restored(host);
    journal_thread_poll(host->thread);
    do_what_is_due(host);
    decree_synod_take(host->synod, &effects);
    if (effects.record != NULL)
        synod_journal_keep(&host->journal, effects.record);
    host->wake_at_ns = effects.wake_at_ns;
    send_messages(host, &effects);
    note_decision(host, &effects);
    arm(host);
}

struct decree_value *synod_host_value(const struct synod_host *host)
{
    return host->decided;
}
