/* SPDX-License-Identifier: MIT */
/* registers.c -- the border of the registers: events to the acceptor or to the operation that they
 * are for, and out again.
 *
 *     message from a peer --> acceptor of the key (voter.c), or round under way (round.c)
 *     request             --> operation (operation.c)
 *     persisted           --> replies that waited, to peers and to the own rounds
 *     wake                --> rounds that ask again or resume, deadlines
 *
 * What the parts of a node say to each other is queued in the tray and delivered before the step
 * ends, so that no part is entered twice.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "operation.h"

#define REQUESTS_MAX 4096u
#define VALUE_BYTES_MAX (1024u * 1024)
#define RETRY_AFTER_NS UINT64_C(100000000)
#define INCARNATION_MAX ((UINT64_C(1) << INCARNATION_BITS) - 1)

/* Peers' numbers stay below these; outsiders' so far below that a node can always go higher. */
#define VERSION_MAX (UINT64_MAX / 2)
#define ROUND_MAX (UINT64_MAX / 2)
#define OUTSIDER_ROUND_MAX (UINT64_C(1) << 62)

/* --- cells --- */

static struct cell *find_cell(const struct decree_registers *registers,
                              struct decree_register_key key, uint64_t hash)
{
    size_t place = hash_table_begin(&registers->cells, hash);
    struct cell *cell;

    do
        cell = (struct cell *)(void *)hash_table_next(&registers->cells, hash, &place);
    while (cell != NULL && !cell_has_name(cell, key));
    return cell;
}

/* The cell of a key, made if there is none; NULL: out of memory. */
static struct cell *cell_of(struct decree_registers *registers, struct decree_register_key key)
{
    uint64_t hash = checksum(key.data, key.size, registers->hash_seed);
    struct cell *cell = find_cell(registers, key, hash);

    if (cell != NULL)
        return cell;
    if (!hash_table_reserve(&registers->cells, registers->cells.count + 1))
        return NULL;
    cell = cell_new(key, hash);
    if (cell != NULL)
        hash_table_insert(&registers->cells, &cell->entry);
    return cell;
}

/* Drops it if nothing is lost with it. */
static void tidy_cell(struct decree_registers *registers, struct cell *cell)
{
    if (!cell_is_empty(cell))
        return;
    hash_table_remove(&registers->cells, &cell->entry);
    cell_free(cell);
}

/* --- messages --- */

static bool is_for_acceptor(const struct decree_register_message *message)
{
    return message->type == DECREE_REGISTER_QUERY || message->type == DECREE_REGISTER_PREPARE ||
           message->type == DECREE_REGISTER_ACCEPT || message->type == DECREE_REGISTER_COMPACT ||
           message->type == DECREE_REGISTER_DECIDED;
}

static struct operation *find_operation(const struct decree_registers *registers, uint64_t number)
{
    size_t place = hash_table_begin(&registers->rounds, number);

    /* The hash of a round is its number; an operation begins with its round. */
    return number == 0
               ? NULL
               : (struct operation *)(void *)hash_table_next(&registers->rounds, number, &place);
}

static void to_operation(struct decree_registers *registers, struct operation *operation,
                         const struct decree_register_message *message)
{
    struct cell *cell = operation->cell;

    if (!cell_has_name(cell, message->key))
        return;
    operation_on_outcome(registers, operation,
                         round_on_answer(registers, cell, &operation->round, message));
    tidy_cell(registers, cell);
}

static int to_acceptor(struct decree_registers *registers,
                       const struct decree_register_message *message)
{
    struct cell *cell = cell_of(registers, message->key);
    int error;

    if (cell == NULL)
        return DECREE_NOMEM;
    error = voter_on_message(&registers->voter, cell, message);
    tidy_cell(registers, cell);
    return error;
}

/* A decision may be an answer, or news. */
static int deliver(struct decree_registers *registers,
                   const struct decree_register_message *message)
{
    struct operation *operation = NULL;

    if (!is_for_acceptor(message) || message->type == DECREE_REGISTER_DECIDED)
        operation = find_operation(registers, message->number);
    if (operation != NULL)
        to_operation(registers, operation, message);
    else if (is_for_acceptor(message))
        return to_acceptor(registers, message);
    return 0;
}

/* --- which messages make sense --- */

static bool sender_is_sane(const struct decree_registers *registers,
                           const struct decree_register_message *message)
{
    const struct members *members = &registers->tray.members;

    if (message->to != members_self(members) || message->to == message->from)
        return false;
    if (message->from != 0)
        return members_index(members, message->from) != DECREE_MEMBERS_MAX;
    return (message->type == DECREE_REGISTER_PREPARE || message->type == DECREE_REGISTER_ACCEPT) &&
           (message->ballot.node & DECREE_REGISTER_OUTSIDER) != 0 &&
           message->ballot.round <= OUTSIDER_ROUND_MAX && message->version != 0;
}

static bool vote_is_sane(const struct decree_registers *registers,
                         const struct decree_register_message *message)
{
    if (message->value != NULL && message->value->size > registers->value_bytes_max)
        return false;
    return ballot_none(message->voted) == (message->value == NULL);
}

static bool fields_are_sane(const struct decree_registers *registers,
                            const struct decree_register_message *message)
{
    bool fits = message->value != NULL && message->value->size <= registers->value_bytes_max;

    switch (message->type) {
    case DECREE_REGISTER_QUERY:
    case DECREE_REGISTER_ACCEPTED:
        return true;
    case DECREE_REGISTER_STATE:
    case DECREE_REGISTER_PROMISE:
    case DECREE_REGISTER_REFUSED:
        return vote_is_sane(registers, message);
    case DECREE_REGISTER_PREPARE:
        return message->from == 0 || message->ballot.node == message->from;
    case DECREE_REGISTER_ACCEPT:
        return message->version != 0 && !ballot_none(message->ballot) && fits;
    case DECREE_REGISTER_DECIDED:
        return message->version != 0 && !ballot_none(message->ballot) &&
               (fits || (message->value == NULL && message->number == 0));
    case DECREE_REGISTER_COMPACT:
        return message->version != 0;
    case DECREE_REGISTER_NONE:
    case DECREE_REGISTER_MESSAGE_TYPES:
        return false;
    }
    return false;
}

static bool message_is_sane(const struct decree_registers *registers,
                            const struct decree_register_message *message)
{
    return message->key.size > 0 && message->key.size <= DECREE_REGISTER_KEY_BYTES_MAX &&
           message->version <= VERSION_MAX && message->ballot.round <= ROUND_MAX &&
           message->voted.round <= ROUND_MAX && sender_is_sane(registers, message) &&
           fields_are_sane(registers, message);
}

static int on_message(struct decree_registers *registers,
                      const struct decree_register_message *message)
{
    if (!message_is_sane(registers, message))
        return 0;
    if (!tray_has_room(&registers->tray))
        return DECREE_FULL;
    return deliver(registers, message);
}

/* --- requests --- */

static int check_request(const struct decree_registers *registers,
                         const struct decree_register_request *request)
{
    bool writes = request->operation == DECREE_REGISTER_SET ||
                  request->operation == DECREE_REGISTER_CAS;

    if (request->operation < DECREE_REGISTER_SET || request->operation > DECREE_REGISTER_FORGET ||
        writes != (request->value != NULL))
        return DECREE_MISUSE;
    if (request->key.size == 0 || request->key.size > DECREE_REGISTER_KEY_BYTES_MAX ||
        request->version > DECREE_REGISTER_VERSION_MAX ||
        (request->operation == DECREE_REGISTER_CAS && request->version != 0) ||
        (request->operation == DECREE_REGISTER_FORGET && request->version == 0))
        return DECREE_INVALID;
    if (writes && request->value->size > registers->value_bytes_max)
        return DECREE_TOO_LARGE;
    if (registers->open >= registers->requests_max || !tray_has_room(&registers->tray))
        return DECREE_FULL;
    return 0;
}

static int on_request(struct decree_registers *registers,
                      const struct decree_register_request *request)
{
    int error = check_request(registers, request);
    struct cell *cell;

    if (error != 0)
        return error;
    cell = cell_of(registers, request->key);
    if (cell == NULL)
        return DECREE_NOMEM;
    error = operation_add(registers, cell, request);
    tidy_cell(registers, cell);
    return error;
}

/* --- restore and start --- */

static int restore(struct decree_registers *registers,
                   const struct decree_register_record *restored)
{
    struct tray *tray = &registers->tray;
    struct register_record record;
    struct cell *cell;
    int error;

    if (restored->value == NULL || restored->number != tray->appended + 1 ||
        !register_record_decode(restored->value, &record))
        return DECREE_CORRUPT;
    if (record.kind == REGISTER_BOOT) {
        if (record.incarnation <= registers->incarnation)
            return DECREE_CORRUPT;
        registers->incarnation = record.incarnation;
    } else {
        cell = cell_of(registers, record.key);
        error = cell == NULL ? DECREE_NOMEM : voter_restore(&registers->voter, cell, &record);
        if (error != 0)
            return error;
    }
    tray->appended = tray->persisted = restored->number;
    return 0;
}

static int start(struct decree_registers *registers)
{
    struct register_record record = {.kind = REGISTER_BOOT,
                                     .incarnation = registers->incarnation + 1};
    struct decree_value *bytes;

    if (record.incarnation > INCARNATION_MAX)
        return DECREE_INVALID;
    bytes = register_record_encode(&record);
    if (bytes == NULL)
        return DECREE_NOMEM;
    registers->incarnation = record.incarnation;
    registers->boot = tray_record(&registers->tray, bytes);
    registers->started = true;
    return 0;
}

/* --- step and take --- */

static int on_persisted(struct decree_registers *registers, uint64_t number)
{
    if (number > registers->tray.appended)
        return DECREE_MISUSE;
    tray_persisted(&registers->tray, number);
    if (registers->started && registers->tray.persisted >= registers->boot)
        registers->speaks = true;
    return 0;
}

static void on_wake(struct decree_registers *registers)
{
    struct timer_node *first = timer_first(&registers->timers);

    while (first != NULL && first->at_ns <= registers->now_ns && tray_reserve(&registers->tray)) {
        struct cell *cell = operation_cell_of_timer(first);

        operation_on_timer(registers, first);
        tidy_cell(registers, cell);
        first = timer_first(&registers->timers);
    }
}

static int step_event(struct decree_registers *registers, const struct decree_register_event *event)
{
    if (registers->started == (event->type == DECREE_REGISTER_EVENT_RESTORE ||
                               event->type == DECREE_REGISTER_EVENT_START))
        return DECREE_MISUSE;
    switch (event->type) {
    case DECREE_REGISTER_EVENT_RESTORE:
        return restore(registers, &event->u.restore);
    case DECREE_REGISTER_EVENT_START:
        return start(registers);
    case DECREE_REGISTER_EVENT_MESSAGE:
        return on_message(registers, &event->u.message);
    case DECREE_REGISTER_EVENT_REQUEST:
        return on_request(registers, &event->u.request);
    case DECREE_REGISTER_EVENT_PERSISTED:
        return on_persisted(registers, event->u.persisted);
    case DECREE_REGISTER_EVENT_WAKE:
        on_wake(registers);
        return 0;
    }
    return DECREE_MISUSE;
}

/* One thing that the node has to say to itself, or that may leave now. */
static bool settle_one(struct decree_registers *registers)
{
    struct tray *tray = &registers->tray;
    struct letter letter;

    if (!letters_take(&tray->ready, &letter) && !letters_take(&tray->loop, &letter))
        return tray_let_go(tray);
    (void)deliver(registers, &letter.message); /* without memory it is lost, as on a wire */
    letter_drop(&letter);
    return true;
}

int decree_registers_step(struct decree_registers *registers,
                          const struct decree_register_event *event)
{
    uint64_t before_ns = registers->now_ns;
    int error;

    if (event->now_ns < before_ns)
        return DECREE_MISUSE;
    tray_begin(&registers->tray);
    if (!tray_reserve(&registers->tray))
        return DECREE_NOMEM;
    registers->now_ns = event->now_ns;
    error = step_event(registers, event);
    if (error != 0)
        registers->now_ns = before_ns;
    while (tray_reserve(&registers->tray) && settle_one(registers))
        continue;
    return error;
}

void decree_registers_take(struct decree_registers *registers,
                           struct decree_register_effects *ret_effects)
{
    struct tray *tray = &registers->tray;
    const struct timer_node *first = timer_first(&registers->timers);
    uint64_t wanted = tray->wanted > registers->boot ? tray->wanted : registers->boot;

    tray_begin(tray);
    tray_show_answers(tray);
    *ret_effects = (struct decree_register_effects){
        .records = tray->records,
        .messages = tray->messages,
        .answers = tray->answers,
        .record_count = tray->record_count,
        .message_count = tray->message_count,
        .answer_count = tray->answer_count,
        .sync_number = wanted > tray->persisted ? wanted : 0,
        .wake_at_ns = first == NULL ? UINT64_MAX : first->at_ns};
    tray->taken = true;
}

/* --- life --- */

static bool members_are_sane(const struct decree_registers_config *config)
{
    bool self = false;

    if (config->members == NULL || config->member_count == 0 ||
        config->member_count > DECREE_MEMBERS_MAX)
        return false;
    for (uint32_t i = 0; i < config->member_count; i++) {
        if (config->members[i] == 0 || (config->members[i] & DECREE_REGISTER_OUTSIDER) != 0)
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (config->members[i] == config->members[j])
                return false;
        self = self || config->members[i] == config->self;
    }
    return self;
}

static struct members members_of(const struct decree_registers_config *config)
{
    uint32_t majority = config->member_count / 2 + 1;
    struct members members = {.count = config->member_count,
                              .prepare = config->prepare_quorum == 0 ? majority
                                                                     : config->prepare_quorum,
                              .vote = config->vote_quorum == 0 ? majority : config->vote_quorum};

    memcpy(members.ids, config->members, config->member_count * sizeof(*config->members));
    members.self = members_index(&members, config->self);
    return members;
}

int decree_registers_open(struct decree_registers **ret_registers,
                          const struct decree_registers_config *config)
{
    struct decree_registers *registers;
    struct members members;

    if (!members_are_sane(config))
        return DECREE_INVALID;
    members = members_of(config);
    if (members.prepare > members.count || members.vote > members.count ||
        members.prepare + members.vote <= members.count)
        return DECREE_QUORUM;
    registers = calloc(1, sizeof(*registers));
    if (registers == NULL)
        return DECREE_NOMEM;
    registers->tray.members = members;
    registers->voter = (struct voter){.tray = &registers->tray, .keep = config->keep_versions};
    registers->retry_after_ns = config->retry_after_ns == 0 ? RETRY_AFTER_NS
                                                            : config->retry_after_ns;
    registers->requests_max = config->requests_max == 0 ? REQUESTS_MAX : config->requests_max;
    registers->value_bytes_max = config->value_bytes_max == 0 ? VALUE_BYTES_MAX
                                                              : config->value_bytes_max;
    registers->hash_seed = config->seed;
    prng_init(&registers->prng, config->seed);
    *ret_registers = registers;
    return 0;
}

static void free_cell(struct decree_registers *registers, struct cell *cell)
{
    while (cell->appends.head != NULL)
        operation_free(registers, cell->appends.head);
    while (cell->others.head != NULL)
        operation_free(registers, cell->others.head);
    timer_stop(&registers->timers, &cell->news_timer);
    cell_free(cell);
}

void decree_registers_close(struct decree_registers *registers)
{
    if (registers == NULL)
        return;
    for (size_t slot = 0; slot < registers->cells.slot_count; slot++)
        if (registers->cells.slots[slot] != NULL)
            free_cell(registers, (struct cell *)(void *)registers->cells.slots[slot]);
    tray_release(&registers->tray);
    hash_table_release(&registers->cells);
    hash_table_release(&registers->rounds);
    timer_heap_release(&registers->timers);
    free(registers);
}

const char *decree_register_message_name(enum decree_register_message_type type)
{
    static const char *const names[] = {"?",
#define REGISTER_NAME(name, text, fields) text,
                                        DECREE_REGISTER_MESSAGE_TABLE(REGISTER_NAME)
#undef REGISTER_NAME
    };
    size_t index = (size_t)type;

    return names[index < sizeof(names) / sizeof(names[0]) ? index : 0];
}
