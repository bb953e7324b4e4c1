/* SPDX-License-Identifier: MIT */
/* tray.c -- see tray.h. */
#include "tray.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What one unit of work puts, at most: an outcome told to all and two rounds begun. */
#define UNIT_MESSAGES (4u * DECREE_MEMBERS_MAX)
#define UNIT_LETTERS 8u
#define UNIT_RECORDS 4u

/* array_of: where the pointer to the array is. */
static bool grow(void *array_of, uint32_t *room, uint32_t wanted, size_t size)
{
    uint32_t larger = *room < 16 ? 16 : *room;
    void *memory;

    if (wanted <= *room)
        return true;
    while (larger < wanted)
        larger *= 2;
    memcpy(&memory, array_of, sizeof(memory));
    memory = realloc(memory, larger * size);
    if (memory == NULL)
        return false;
    memcpy(array_of, &memory, sizeof(memory));
    *room = larger;
    return true;
}

/* --- letters --- */

static bool letters_reserve(struct letters *letters, uint32_t more)
{
    if (letters->first > 0 && letters->first + letters->count + more > letters->room &&
        letters->first >= letters->count) {
        memmove(letters->items, letters->items + letters->first,
                letters->count * sizeof(*letters->items));
        letters->first = 0;
    }
    return grow(&letters->items, &letters->room, letters->first + letters->count + more,
                sizeof(*letters->items));
}

static void letters_put(struct letters *letters, const struct letter *letter)
{
    assert(letters->first + letters->count < letters->room);
    letters->items[letters->first + letters->count++] = *letter;
}

bool letters_take(struct letters *letters, struct letter *ret_letter)
{
    if (letters->count == 0)
        return false;
    *ret_letter = letters->items[letters->first++];
    if (--letters->count == 0)
        letters->first = 0;
    return true;
}

void letter_drop(struct letter *letter)
{
    decree_value_unref(letter->name);
    decree_value_unref(letter->message.value);
}

static void letters_release(struct letters *letters)
{
    struct letter letter;

    while (letters_take(letters, &letter))
        letter_drop(&letter);
    free(letters->items);
}

/* --- the tray --- */

void tray_begin(struct tray *tray)
{
    if (!tray->taken)
        return;
    for (uint32_t i = 0; i < tray->record_count; i++)
        decree_value_unref(tray->records[i].value);
    for (uint32_t i = 0; i < tray->message_count; i++) {
        decree_value_unref(tray->names[i]);
        decree_value_unref(tray->messages[i].value);
    }
    for (uint32_t i = 0; i < tray->answer_count; i++) {
        const struct decree_register_answer *answer = &tray->answers[i];

        for (uint32_t j = 0; j < answer->version_count; j++)
            decree_value_unref(answer->versions[j].value);
        free(tray->answer_values[i].many);
    }
    tray->record_count = tray->message_count = tray->answer_count = 0;
    tray->taken = false;
}

void tray_show_answers(struct tray *tray)
{
    for (uint32_t i = 0; i < tray->answer_count; i++) {
        struct tray_answer *values = &tray->answer_values[i];

        tray->answers[i].versions = values->many != NULL ? values->many : &values->one;
    }
}

void tray_release(struct tray *tray)
{
    tray_show_answers(tray);
    tray->taken = true;
    tray_begin(tray);
    letters_release(&tray->loop);
    letters_release(&tray->held);
    letters_release(&tray->ready);
    free(tray->records);
    free(tray->messages);
    free(tray->names);
    free(tray->answers);
    free(tray->answer_values);
}

bool tray_reserve(struct tray *tray)
{
    return grow(&tray->records, &tray->record_room, tray->record_count + UNIT_RECORDS,
                sizeof(*tray->records)) &&
           grow(&tray->messages, &tray->message_room, tray->message_count + UNIT_MESSAGES,
                sizeof(*tray->messages)) &&
           grow(&tray->names, &tray->name_room, tray->message_count + UNIT_MESSAGES,
                sizeof(struct decree_value *)) &&
           letters_reserve(&tray->loop, UNIT_LETTERS) &&
           letters_reserve(&tray->held, UNIT_LETTERS) &&
           letters_reserve(&tray->ready, UNIT_LETTERS);
}

bool tray_reserve_answers(struct tray *tray, uint32_t count)
{
    return grow(&tray->answers, &tray->answer_room, count, sizeof(*tray->answers)) &&
           grow(&tray->answer_values, &tray->answer_value_room, count,
                sizeof(*tray->answer_values));
}

bool tray_has_room(const struct tray *tray)
{
    assert(tray->durable_bytes <= tray->appended_bytes);
    return tray->message_count < TRAY_MESSAGES_MAX && tray->held.count < TRAY_MESSAGES_MAX &&
           tray->appended_bytes - tray->durable_bytes < TRAY_WAITING_BYTES_MAX;
}

uint64_t tray_record(struct tray *tray, struct decree_value *bytes)
{
    assert(!tray->taken);
    assert(tray->record_count < tray->record_room);
    tray->appended_bytes += bytes->size;
    tray->records[tray->record_count++] = (struct decree_register_record){
        .number = ++tray->appended, .value = bytes};
    return tray->appended;
}

static struct letter letter_of(struct decree_value *name,
                               const struct decree_register_message *message)
{
    struct letter letter = {.message = *message, .name = decree_value_ref(name)};

    letter.message.key = (struct decree_register_key){.data = name->data, .size = name->size};
    decree_value_ref(message->value);
    return letter;
}

/* The letter's references are the messages' now. */
static void post(struct tray *tray, const struct letter *letter)
{
    assert(!tray->taken);
    assert(tray->message_count < tray->message_room);
    tray->names[tray->message_count] = letter->name;
    tray->messages[tray->message_count++] = letter->message;
}

void tray_send(struct tray *tray, struct decree_value *name,
               const struct decree_register_message *message)
{
    struct letter letter = letter_of(name, message);

    letter.message.from = members_self(&tray->members);
    if (letter.message.to == letter.message.from)
        letters_put(&tray->loop, &letter);
    else
        post(tray, &letter);
}

/* To the proposer of this node, or to a peer. */
static void let_go(struct tray *tray, const struct letter *letter)
{
    if (letter->message.to == letter->message.from)
        letters_put(&tray->ready, letter);
    else
        post(tray, letter);
}

void tray_reply(struct tray *tray, struct decree_value *name,
                const struct decree_register_message *message, uint64_t record)
{
    struct letter letter = letter_of(name, message);

    letter.message.from = members_self(&tray->members);
    if (record <= tray->persisted) {
        let_go(tray, &letter);
        return;
    }
    /* All that came before this reply is waited for: records become durable in their order. */
    letter.record = tray->appended;
    letter.bytes = tray->appended_bytes;
    tray->wanted = tray->appended;
    letters_put(&tray->held, &letter);
}

void tray_persisted(struct tray *tray, uint64_t record)
{
    assert(record <= tray->appended);
    if (record > tray->persisted)
        tray->persisted = record;
    if (tray->persisted == tray->appended)
        tray->durable_bytes = tray->appended_bytes;
}

bool tray_let_go(struct tray *tray)
{
    struct letter letter;

    if (tray->held.count == 0 || tray->held.items[tray->held.first].record > tray->persisted)
        return false;
    (void)letters_take(&tray->held, &letter);
    if (letter.bytes > tray->durable_bytes)
        tray->durable_bytes = letter.bytes;
    let_go(tray, &letter);
    return true;
}

struct decree_register_answer *tray_answer(struct tray *tray)
{
    uint32_t place = tray->answer_count;

    assert(!tray->taken);
    assert(place < tray->answer_room);
    assert(place < tray->answer_value_room);
    tray->answer_count++;
    tray->answer_values[place] = (struct tray_answer){.many = NULL};
    tray->answers[place] = (struct decree_register_answer){.error = 0};
    return &tray->answers[place];
}
