/* SPDX-License-Identifier: MIT */
/* tray.h -- what goes out: records, messages and answers; and what waits until it may.
 *
 *     own proposer --tray_send--> [ loop ] --> own acceptor         [ messages ] --> peers
 *     acceptor --tray_reply--> [ held until record is durable ] --> [ messages ] --> peers
 *                                                              \--> [ ready ] --> own proposer
 *
 * A reply says what was true when it was made, and stays true: later promises and votes do not take
 * it back. What leaves is kept, with references on keys and values, until the next step. Whoever
 * puts something makes room first, by tray_reserve(), so that putting never fails.
 */
#ifndef DECREE_REGISTER_TRAY_H
#define DECREE_REGISTER_TRAY_H

#include <decree/register.h>

#include "members.h"

#define TRAY_MESSAGES_MAX 65536u /* of one turn, or held: more are refused */
#define TRAY_WAITING_BYTES_MAX (UINT64_C(64) * 1024 * 1024) /* of records not yet durable */

struct letter { /* with references on its key and value */
    struct decree_register_message message;
    struct decree_value *name;
    uint64_t record; /* must be durable first */
    uint64_t bytes;  /* of all records up to then */
};

struct letters { /* first in, first out */
    struct letter *items;
    uint32_t first, count, room;
};

struct tray_answer {
    struct decree_register_version one;
    struct decree_register_version *many; /* from malloc(), in place of one, or NULL */
};

struct tray {
    struct members members;
    struct letters loop, held, ready;
    struct decree_register_record *records;
    struct decree_register_message *messages;
    struct decree_value **names; /* of the messages' keys */
    struct decree_register_answer *answers;
    struct tray_answer *answer_values;
    uint32_t record_count, message_count, answer_count;
    uint32_t record_room, message_room, name_room, answer_room, answer_value_room;
    uint64_t appended, persisted; /* numbers of records */
    uint64_t appended_bytes, durable_bytes;
    uint64_t wanted; /* somebody waits for this record */
    bool taken;
};

void tray_release(struct tray *tray);

/* Before a step: drops what the take before handed out. */
void tray_begin(struct tray *tray);

/* Room for this one unit of work: what one message or timer can put. False: out of memory. */
bool tray_reserve(struct tray *tray);
/* Room for this many answers in all. */
bool tray_reserve_answers(struct tray *tray, uint32_t count);

/* False: peers, or the journal, do not keep up; a message should be refused. */
bool tray_has_room(const struct tray *tray);

/* Appends a record whose bytes are now the tray's; its number. */
uint64_t tray_record(struct tray *tray, struct decree_value *bytes);

/* A message of the own proposer to a member, perhaps this one. */
void tray_send(struct tray *tray, struct decree_value *name,
               const struct decree_register_message *message);

/* An answer of the own acceptor; may leave when the record is durable, 0: at once. */
void tray_reply(struct tray *tray, struct decree_value *name,
                const struct decree_register_message *message, uint64_t record);

void tray_persisted(struct tray *tray, uint64_t record);

/* Moves what was held and is due on its way. False: nothing was. */
bool tray_let_go(struct tray *tray);

/* The next one, whose references are now the caller's. False: none. */
bool letters_take(struct letters *letters, struct letter *ret_letter);
void letter_drop(struct letter *letter);

/* At a take: answers point to their values from now on. */
void tray_show_answers(struct tray *tray);

/* A new answer, to fill in; answer_values has its values at the same place. */
struct decree_register_answer *tray_answer(struct tray *tray);

#endif
