/* SPDX-License-Identifier: MIT */
/* golden_registers.c -- the commands of the scripts about registers, in the table below.
 *
 *     1 record #2 promise "k" 1.1                    appended to the journal of node 1
 *     1->2 accept "k"/1 1.1 "a" by 1                 a message: version, ballot, value, its proposer
 *     1 answers #1: "k" ...                          with versions, and the round trips it took
 *
 * Ballots are counter.node, with the incarnation behind it if that is not 1; how scripts are played
 * is in golden_script.h.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden_command.h"
#include "register_bed.h"
#include "register_record.h"

#define INCARNATION_BITS 24u

enum kind { SHOW_RECORDS = 1, SHOW_MESSAGES = 2, SHOW_ANSWERS = 4 };

struct golden {
    struct golden_command command; /* first */
    struct bed bed;
};

/* --- lines
 * ---------------------------------------------------------------------------------------- */

static void add_ballot(struct golden_text *out, struct decree_ballot ballot)
{
    uint64_t incarnation = ballot.round & ((1u << INCARNATION_BITS) - 1);

    if (ballot.round == 0 && ballot.node == 0)
        golden_text_add(out, " none");
    else if ((ballot.node & DECREE_REGISTER_OUTSIDER) != 0)
        golden_text_add(out, " %" PRIu64 ".x%u", ballot.round,
                        ballot.node & ~DECREE_REGISTER_OUTSIDER);
    else
        golden_text_add(out, " %" PRIu64 ".%u", ballot.round >> INCARNATION_BITS, ballot.node);
    if ((ballot.node & DECREE_REGISTER_OUTSIDER) == 0 && incarnation > 1)
        golden_text_add(out, "(%" PRIu64 ")", incarnation);
}

static void add_value(struct golden_text *out, const uint8_t *data, uint32_t size,
                      struct decree_register_mark mark)
{
    golden_text_add(out, " \"%.*s\"", (int)size, (const char *)data);
    if (mark.node != 0)
        golden_text_add(out, " by %u", mark.node);
}

static void print_message(struct golden_text *out, const struct decree_register_message *message)
{
    golden_text_add(out, "%u->%u %s \"%.*s\"/%" PRIu64, message->from, message->to,
                    decree_register_message_name(message->type), (int)message->key.size,
                    (const char *)message->key.data, message->version);
    if (message->ballot.round != 0 || message->ballot.node != 0)
        add_ballot(out, message->ballot);
    if (message->voted.round != 0 || message->voted.node != 0) {
        golden_text_add(out, message->type == DECREE_REGISTER_ACCEPT ? " after" : " voted");
        add_ballot(out, message->voted);
    }
    if (message->value != NULL)
        add_value(out, message->value->data, message->value->size, message->mark);
    if (message->decided)
        golden_text_add(out, " decided");
    if (message->first > 1)
        golden_text_add(out, " first %" PRIu64, message->first);
    if (message->next > 0)
        golden_text_add(out, " next %" PRIu64, message->next);
    golden_text_add(out, "\n");
}

static void print_record(struct golden_text *out, decree_node_id node,
                         const struct decree_register_record *record)
{
    static const char *const names[] = {"?",         "boot",    "promise", "vote",
                                        "late vote", "decided", "learned", "compact"};
    struct register_record fields;

    golden_text_add(out, "%u record #%" PRIu64, node, record->number);
    if (!register_record_decode(record->value, &fields)) {
        golden_text_add(out, " unreadable\n");
        return;
    }
    golden_text_add(out, " %s", names[fields.kind]);
    if (fields.kind == REGISTER_BOOT) {
        golden_text_add(out, " incarnation %" PRIu64 "\n", fields.incarnation);
        return;
    }
    golden_text_add(out, " \"%.*s\"", (int)fields.key.size, (const char *)fields.key.data);
    if (fields.version != 0)
        golden_text_add(out, "/%" PRIu64, fields.version);
    if (fields.kind != REGISTER_COMPACT)
        add_ballot(out, fields.ballot);
    if (fields.value != NULL)
        add_value(out, fields.value, fields.value_size, fields.mark);
    golden_text_add(out, "\n");
}

static void print_answer(struct golden_text *out, decree_node_id node,
                         const struct decree_register_answer *answer)
{
    golden_text_add(out, "%u answers #%" PRIu64 ":", node, answer->name);
    if (answer->error != 0)
        golden_text_add(out, " %s", decree_error_name(answer->error));
    for (uint32_t i = 0; i < answer->version_count; i++)
        golden_text_add(out, " %" PRIu64 "=\"%.*s\"", answer->versions[i].version,
                        (int)answer->versions[i].value->size,
                        (const char *)answer->versions[i].value->data);
    golden_text_add(out, ", %u round trip%s\n", answer->rounds, answer->rounds == 1 ? "" : "s");
}

static void on_effects(void *context, decree_node_id node,
                       const struct decree_register_effects *effects)
{
    struct golden *golden = context;

    for (uint32_t i = 0; i < effects->record_count && (golden->command.kinds & SHOW_RECORDS) != 0;
         i++)
        print_record(golden->command.out, node, &effects->records[i]);
    for (uint32_t i = 0; i < effects->message_count && (golden->command.kinds & SHOW_MESSAGES) != 0;
         i++)
        print_message(golden->command.out, &effects->messages[i]);
    for (uint32_t i = 0; i < effects->answer_count && (golden->command.kinds & SHOW_ANSWERS) != 0;
         i++)
        print_answer(golden->command.out, node, &effects->answers[i]);
}

/* --- arguments
 * ------------------------------------------------------------------------------------ */

/* The number at a place, or 0 if the command ends before it. */
static uint64_t number_at(struct golden *golden, int index)
{
    return index < golden->command.word_count
               ? golden_number(golden, golden->command.words[index], "")
               : 0;
}

/* A node that runs. */
static decree_node_id running_at(struct golden *golden, int index)
{
    decree_node_id id = golden_node(golden, golden_word(golden, index));

    if (golden->command.wrong || golden->bed.nodes[id].registers == NULL)
        golden->command.wrong = true;
    return id;
}

/* --- commands
 * ------------------------------------------------------------------------------------- */

static void nodes(struct golden *golden)
{
    struct decree_registers_config config = {.seed = 1};
    uint64_t count = golden_number(golden, golden_word(golden, 1), "");

    for (int i = 2; i < golden->command.word_count; i++) {
        const char *text = golden->command.words[i];

        if (strncmp(text, "keep=", 5) == 0)
            config.keep_versions = golden_number(golden, text + 5, "");
        else
            golden->command.wrong = true;
    }
    if (golden->command.wrong || golden->command.node_count > 0 || count < 1 ||
        count > BED_NODES_MAX) {
        golden->command.wrong = true;
        return;
    }
    bed_init(&golden->bed, (uint32_t)count, &config);
    golden->command.node_count = (uint32_t)count;
    golden->bed.context = golden;
    golden->bed.on_effects = on_effects;
}

static void start(struct golden *golden)
{
    for (int i = 1; i < golden->command.word_count; i++) {
        decree_node_id id = golden_node(golden, golden->command.words[i]);

        if (golden->command.wrong || golden->bed.nodes[id].registers != NULL) {
            golden->command.wrong = true;
            return;
        }
        golden_print_error(golden, bed_start(&golden->bed, id));
        golden_print_error(golden, bed_persist(&golden->bed, id, 0));
    }
}

static void crash(struct golden *golden)
{
    decree_node_id id = running_at(golden, 1);
    const struct bed_node *node = &golden->bed.nodes[id];

    if (golden->command.wrong)
        return;
    golden_text_add(golden->command.out, "%u loses %" PRIu64 " records\n", id,
                    node->journal_count - node->synced);
    bed_crash(&golden->bed, id);
}

static void request(struct golden *golden,
                    uint64_t (*ask)(struct golden *golden, decree_node_id id, const char *key))
{
    decree_node_id id = running_at(golden, 1);
    const char *key = golden_word(golden, 2);

    if (!golden->command.wrong && ask(golden, id, key) == 0)
        golden_text_add(golden->command.out, "refused\n");
}

static uint64_t ask_set(struct golden *golden, decree_node_id id, const char *key)
{
    return bed_set(&golden->bed, id, key, golden_word(golden, 3), number_at(golden, 4));
}

static uint64_t ask_get(struct golden *golden, decree_node_id id, const char *key)
{
    return bed_get(&golden->bed, id, key, number_at(golden, 3));
}

static uint64_t ask_cas(struct golden *golden, decree_node_id id, const char *key)
{
    return bed_cas(&golden->bed, id, key, number_at(golden, 3), golden_word(golden, 4));
}

static uint64_t ask_history(struct golden *golden, decree_node_id id, const char *key)
{
    return bed_history(&golden->bed, id, key, number_at(golden, 3), 0);
}

static uint64_t ask_forget(struct golden *golden, decree_node_id id, const char *key)
{
    return bed_forget(&golden->bed, id, key, number_at(golden, 3));
}

static void set(struct golden *golden)
{
    request(golden, ask_set);
}

static void get(struct golden *golden)
{
    request(golden, ask_get);
}

static void cas(struct golden *golden)
{
    request(golden, ask_cas);
}

static void history(struct golden *golden)
{
    request(golden, ask_history);
}

static void forget(struct golden *golden)
{
    request(golden, ask_forget);
}

static void persist(struct golden *golden)
{
    decree_node_id id = running_at(golden, 1);
    uint64_t number = number_at(golden, 2);

    if (!golden->command.wrong && number <= golden->bed.nodes[id].journal_count)
        golden_print_error(golden, bed_persist(&golden->bed, id, number));
    else
        golden->command.wrong = true;
}

static void wake(struct golden *golden)
{
    decree_node_id id = running_at(golden, 1);
    uint64_t at_ns = golden->command.wrong ? UINT64_MAX : golden->bed.nodes[id].wake_at_ns;

    if (at_ns == UINT64_MAX) {
        golden->command.wrong = true;
        return;
    }
    if (at_ns > golden->bed.now_ns)
        golden->bed.now_ns = at_ns;
    golden_print_error(golden, bed_wake(&golden->bed, id));
}

/* An outsider's round trip: asks these nodes, one after the other, and shows what they say. */
static void outsider(struct golden *golden, enum decree_register_message_type type)
{
    struct decree_register_message message = {.type = type};
    struct bed_link *answers;
    int words = type == DECREE_REGISTER_ACCEPT ? 6 : 5;

    message.ballot.round = golden_number(golden, golden_word(golden, 1), "");
    message.ballot.node = (decree_node_id)golden_number(golden, golden_word(golden, 2), "") |
                          DECREE_REGISTER_OUTSIDER;
    message.key = bed_key(golden_word(golden, 3));
    message.version = golden_number(golden, golden_word(golden, 4), "");
    message.number = 1;
    if (type == DECREE_REGISTER_ACCEPT)
        message.value = decree_value_copy(golden_word(golden, 5),
                                          (uint32_t)strlen(golden_word(golden, 5)));
    for (int i = words; i < golden->command.word_count && !golden->command.wrong; i++) {
        message.to = running_at(golden, i);
        answers = &golden->bed.links[message.to][0];
        bed_send(&golden->bed, &message);
        golden_print_error(golden, bed_deliver(&golden->bed, 0, message.to, 0));
        golden_print_error(golden, bed_persist(&golden->bed, message.to, 0));
        while (answers->count > 0)
            bed_drop(&golden->bed, message.to, 0, 0);
    }
    decree_value_unref(message.value);
}

static void outsider_prepare(struct golden *golden)
{
    outsider(golden, DECREE_REGISTER_PREPARE);
}

static void outsider_accept(struct golden *golden)
{
    outsider(golden, DECREE_REGISTER_ACCEPT);
}

/* The place of the oldest message on the link that the command means, or -1. */
static int64_t find_message(const struct golden *golden, const struct bed_link *link)
{
    for (uint32_t i = 0; i < link->count; i++)
        if (golden->command.word_count < 3 || strcmp(golden->command.words[2], "all") == 0 ||
            strcmp(golden->command.words[2],
                   decree_register_message_name(link->messages[i].type)) == 0)
            return i;
    return -1;
}

/* Delivers or drops one message of the link, or, with "all", those that are there now. */
static void move_messages(struct golden *golden, bool delivers)
{
    bool all = golden->command.word_count > 2 && strcmp(golden->command.words[2], "all") == 0;
    decree_node_id from = 1, to = 1;
    uint32_t count;

    golden_link(golden, 1, &from, &to);
    if (golden->command.wrong)
        return;
    count = all ? golden->bed.links[from][to].count : 1;
    for (uint32_t i = 0; i < count; i++) {
        int64_t place = find_message(golden, &golden->bed.links[from][to]);

        if (place < 0)
            golden_text_add(golden->command.out, "no such message\n");
        else if (delivers)
            golden_print_error(golden, bed_deliver(&golden->bed, from, to, (uint32_t)place));
        else
            bed_drop(&golden->bed, from, to, (uint32_t)place);
        if (place < 0)
            return;
    }
}

static void deliver(struct golden *golden)
{
    move_messages(golden, true);
}

static void drop(struct golden *golden)
{
    move_messages(golden, false);
}

static void set_cut(struct golden *golden, bool cut)
{
    for (int i = 1; i < golden->command.word_count; i++) {
        decree_node_id from = 1, to = 1;

        golden_link(golden, i, &from, &to);
        if (!golden->command.wrong)
            golden->bed.links[from][to].cut = cut;
    }
}

static void cut(struct golden *golden)
{
    set_cut(golden, true);
}

static void mend(struct golden *golden)
{
    set_cut(golden, false);
}

static void drain(struct golden *golden)
{
    bed_drain(&golden->bed);
}

static void run(struct golden *golden)
{
    uint64_t duration_ns = golden_number(golden, golden_word(golden, 1), "ms") * BED_MS;

    if (!golden->command.wrong)
        bed_run(&golden->bed, duration_ns);
}

static void show(struct golden *golden)
{
    static const char *const names[] = {"records", "messages", "answers"};

    golden_show(golden, names, sizeof(names) / sizeof(names[0]));
}

static const struct golden_row commands[] = {
    {"nodes", nodes, "COUNT [keep=N]: the cluster", true},
    {"start", start, "NODE...: from its journal", false},
    {"crash", crash, "NODE: loses what was not synced", false},
    {"set", set, "NODE KEY VALUE [VERSION]", false},
    {"get", get, "NODE KEY [VERSION]", false},
    {"cas", cas, "NODE KEY EXPECTED VALUE", false},
    {"history", history, "NODE KEY [VERSION]", false},
    {"forget", forget, "NODE KEY VERSION", false},
    {"prepare", outsider_prepare, "ROUND ID KEY VERSION NODE...: by an outsider", false},
    {"accept", outsider_accept, "ROUND ID KEY VERSION VALUE NODE...: by an outsider", false},
    {"persist", persist, "NODE [NUMBER]: records up to it, or all, are durable", false},
    {"wake", wake, "NODE: the clock goes on to the time that it asked for", false},
    {"deliver", deliver, "FROM->TO [TYPE|all]: the oldest message, of that type", false},
    {"drop", drop, "FROM->TO [TYPE|all]", false},
    {"cut", cut, "FROM->TO...: what is sent from now on is lost", false},
    {"mend", mend, "FROM->TO...", false},
    {"drain", drain, "until all is delivered and durable", false},
    {"run", run, "TIMEms: with a quick network and disk", false},
    {"show", show, "[all|nothing|records|messages|answers]...", true},
};

/* --- scripts
 * -------------------------------------------------------------------------------------- */

static void play(void *context, char *line)
{
    struct golden *golden = context;

    golden_play(golden, line, commands, sizeof(commands) / sizeof(commands[0]));
}

static void *begin(struct golden_text *out)
{
    struct golden *golden = calloc(1, sizeof(*golden));

    assert(golden != NULL);
    golden->command.kinds = ~0u;
    golden->command.out = out;
    return golden;
}

static void end(void *context)
{
    struct golden *golden = context;

    if (golden->command.node_count > 0)
        bed_release(&golden->bed);
    free(golden);
}

int main(int argc, char **argv)
{
    static const struct golden_player player = {.begin = begin, .play = play, .end = end};

    return golden_main(argc, argv, &player);
}
