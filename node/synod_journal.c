/* SPDX-License-Identifier: MIT */
/* synod_journal.c -- a synod's records to journal records and back, one write at a time. */
#include "synod_journal.h"

#include <assert.h>
#include <string.h>

#define SLOT 1u
#define RECORDS_MAX 2u /* a vote, and a promise beyond it */

void synod_journal_init(struct synod_journal *journal)
{
    memset(journal, 0, sizeof(*journal));
}

static void assign(struct decree_synod_record *target, const struct decree_synod_record *source)
{
    decree_value_ref(source->value);
    decree_value_unref(target->value);
    *target = *source;
}

void synod_journal_release(struct synod_journal *journal)
{
    const struct decree_synod_record nothing = {0};

    assign(&journal->written, &nothing);
    assign(&journal->waiting, &nothing);
}

/* --- back ----------------------------------------------------------------------------------- */

static int restore_vote(struct decree_synod_record *state, const struct decree_pvalue *pvalue)
{
    if (pvalue->slot != SLOT || pvalue->command.value == NULL || pvalue->ballot.round == 0 ||
        decree_ballot_compare(pvalue->ballot, state->promised) < 0)
        return DECREE_CORRUPT;
    decree_value_ref(pvalue->command.value);
    decree_value_unref(state->value);
    state->value = pvalue->command.value;
    state->promised = state->voted = pvalue->ballot;
    return 0;
}

static int restore_decision(struct decree_synod_record *state, const struct decree_pvalue *pvalue)
{
    if (pvalue->slot != SLOT || pvalue->command.value == NULL)
        return DECREE_CORRUPT;
    decree_value_ref(pvalue->command.value);
    decree_value_unref(state->value);
    state->value = pvalue->command.value;
    state->decided = true;
    return 0;
}

int synod_journal_restore(struct synod_journal *journal, const struct decree_record *record)
{
    struct decree_synod_record *state = &journal->written;

    assert(journal->port == NULL);
    if (state->decided) /* nothing is kept after that */
        return DECREE_CORRUPT;
    state->version++;
    switch (record->type) {
    case DECREE_RECORD_PROMISE:
        if (decree_ballot_compare(record->pvalue.ballot, state->promised) <= 0)
            return DECREE_CORRUPT;
        state->promised = record->pvalue.ballot;
        return 0;
    case DECREE_RECORD_ACCEPT:
        return restore_vote(state, &record->pvalue);
    case DECREE_RECORD_DECIDE:
        return restore_decision(state, &record->pvalue);
    case DECREE_RECORD_BOOT:
    case DECREE_RECORD_FOREIGN:
        return DECREE_CORRUPT;
    }
    return DECREE_CORRUPT;
}

const struct decree_synod_record *synod_journal_restored(const struct synod_journal *journal)
{
    return journal->written.version == 0 ? NULL : &journal->written;
}

/* --- and to the port ------------------------------------------------------------------------ */

void synod_journal_start(struct synod_journal *journal, struct journal *port, decree_lsn last_lsn)
{
    assert(journal->port == NULL);
    assert(port != NULL);
    journal->port = port;
    journal->written_lsn = journal->persisted_lsn = last_lsn;
}

/* The journal records that lead from one state to the next. */
static uint32_t difference(const struct decree_synod_record *from,
                           const struct decree_synod_record *to,
                           struct decree_record records[RECORDS_MAX])
{
    uint32_t count = 0;
    struct decree_ballot promised = from->promised;

    memset(records, 0, RECORDS_MAX * sizeof(*records));
    if (to->decided) {
        records[0].type = DECREE_RECORD_DECIDE;
        records[0].pvalue.slot = SLOT;
        records[0].pvalue.command.value = to->value;
        return 1;
    }
    if (decree_ballot_compare(to->voted, from->voted) != 0) {
        records[count].type = DECREE_RECORD_ACCEPT;
        records[count].pvalue.ballot = promised = to->voted;
        records[count].pvalue.slot = SLOT;
        records[count++].pvalue.command.value = to->value;
    }
    if (decree_ballot_compare(to->promised, promised) != 0) {
        records[count].type = DECREE_RECORD_PROMISE;
        records[count++].pvalue.ballot = to->promised;
    }
    return count;
}

static void write_waiting(struct synod_journal *journal)
{
    const struct decree_synod_record nothing = {0};
    struct decree_record records[RECORDS_MAX];
    uint32_t count = difference(&journal->written, &journal->waiting, records);

    assert(count > 0); /* a new version says something new */
    assert(!journal->written.decided);
    assign(&journal->written, &journal->waiting);
    assign(&journal->waiting, &nothing);
    journal->written_lsn += count;
    journal->port->ops->append(journal->port, records, count, journal->written_lsn);
}

void synod_journal_keep(struct synod_journal *journal, const struct decree_synod_record *record)
{
    assert(journal->port != NULL);
    assert(record->version > journal->written.version);
    assign(&journal->waiting, record);
    if (journal->persisted_lsn == journal->written_lsn)
        write_waiting(journal);
}

uint64_t synod_journal_persisted(struct synod_journal *journal, decree_lsn lsn)
{
    uint64_t version;

    assert(lsn <= journal->written_lsn);
    if (lsn < journal->written_lsn)
        return 0;
    journal->persisted_lsn = lsn;
    version = journal->written.version;
    if (journal->waiting.version != 0)
        write_waiting(journal);
    return version;
}
