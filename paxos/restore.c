/* SPDX-License-Identifier: MIT */
/* restore.c -- see restore.h: each record puts its role back to where it was. */
#include "restore.h"

static int restore_decide(struct decree_paxos *paxos, decree_slot slot)
{
    struct log *log = &paxos->log;

    for (decree_slot next = log->decided + 1; next <= slot; next++)
        if (!log_has(log, next))
            return DECREE_CORRUPT;
    while (log->decided < slot)
        log_decide(log);
    log->recorded = log->settled = paxos->traced = log->decided;
    return 0;
}

int restore_record(struct decree_paxos *paxos, const struct decree_record *record)
{
    struct outbox *outbox = &paxos->outbox;
    const struct log *log = &paxos->log;
    int error = 0;

    if (record->type == DECREE_RECORD_FOREIGN)
        return 0;
    if (outbox->appended != 0 && record->lsn != outbox->appended + 1)
        return DECREE_CORRUPT;
    switch (record->type) {
    case DECREE_RECORD_BOOT:
        if (record->pvalue.command.incarnation <= paxos->replica.incarnation)
            return DECREE_CORRUPT;
        paxos->replica.incarnation = record->pvalue.command.incarnation;
        break;
    case DECREE_RECORD_ACCEPT:
        if (!log_fits(log, record->pvalue.slot))
            return log->delivered < log->decided ? DECREE_FULL : DECREE_CORRUPT;
        error = acceptor_restore(&paxos->acceptor, record);
        break;
    case DECREE_RECORD_PROMISE:
        error = acceptor_restore(&paxos->acceptor, record);
        break;
    case DECREE_RECORD_DECIDE:
        error = restore_decide(paxos, record->pvalue.slot);
        break;
    default:
        return DECREE_CORRUPT;
    }
    if (error == 0)
        outbox->appended = outbox->persisted = record->lsn;
    return error;
}
