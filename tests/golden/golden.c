/* SPDX-License-Identifier: MIT */
/* golden.c -- the commands of the scripts about cores, in the table below; the lines that they print
 * are in golden_print.h, how scripts are played in golden_script.h.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden_command.h"
#include "golden_print.h"

struct golden {
    struct golden_command command; /* first */
    struct cores cores;
};

/* --- arguments
 * ------------------------------------------------------------------------------------ */

static decree_node_id node_at(struct golden *golden, int index)
{
    return golden_node(golden, golden_word(golden, index));
}

/* A node that runs. */
static decree_node_id core_at(struct golden *golden, int index)
{
    decree_node_id id = node_at(golden, index);

    if (golden->command.wrong || cores_node(&golden->cores, id)->core == NULL)
        golden->command.wrong = true;
    return id;
}

static uint64_t time_at(struct golden *golden, int index)
{
    return golden_number(golden, golden_word(golden, index), "ms") * CORES_MS;
}

/* --- commands
 * ------------------------------------------------------------------------------------- */

static void on_trace(void *context, decree_node_id node, const struct decree_trace *trace)
{
    struct golden *golden = context;

    if ((golden->command.kinds & GOLDEN_TRACE) != 0)
        golden_print_trace(golden->command.out, node, trace);
}

static void on_effects(void *context, decree_node_id node, const struct decree_effects *effects)
{
    struct golden *golden = context;

    golden_print_effects(golden->command.out, node, effects, golden->command.kinds,
                         cores_node(&golden->cores, node)->journal.synced);
}

static void set_option(struct golden *golden, struct decree_config *config, char *text)
{
    char *value = strchr(text, '=');

    if (value == NULL) {
        golden->command.wrong = true;
        return;
    }
    *value++ = '\0';
    if (strcmp(text, "q1") == 0)
        config->prepare_quorum = (uint32_t)golden_number(golden, value, "");
    else if (strcmp(text, "q2") == 0)
        config->vote_quorum = (uint32_t)golden_number(golden, value, "");
    else if (strcmp(text, "seed") == 0)
        config->seed = golden_number(golden, value, "");
    else if (strcmp(text, "on_demand") == 0)
        config->scout_on_demand = golden_number(golden, value, "") == 1;
    else if (strcmp(text, "slots") == 0)
        config->log_slots_max = (uint32_t)golden_number(golden, value, "");
    else if (strcmp(text, "message_bytes") == 0)
        config->message_bytes_max = (uint32_t)golden_number(golden, value, "");
    else if (strcmp(text, "log_bytes") == 0)
        config->log_bytes_max = golden_number(golden, value, "");
    else
        golden->command.wrong = true;
}

static void nodes(struct golden *golden)
{
    struct decree_config config = {.seed = 1};
    uint64_t count = golden_number(golden, golden_word(golden, 1), "");

    for (int i = 2; i < golden->command.word_count; i++)
        set_option(golden, &config, golden->command.words[i]);
    if (golden->command.wrong || golden->command.node_count > 0 || count < 1 || count > CORES_MAX) {
        golden->command.wrong = true;
        return;
    }
    cores_init(&golden->cores, (uint32_t)count, &config);
    golden->command.node_count = (uint32_t)count;
    golden->cores.context = golden;
    golden->cores.on_trace = on_trace;
    golden->cores.on_effects = on_effects;
}

static void start(struct golden *golden)
{
    for (int i = 1; i < golden->command.word_count; i++) {
        decree_node_id id = node_at(golden, i);

        if (golden->command.wrong || cores_node(&golden->cores, id)->core != NULL)
            golden->command.wrong = true;
        else
            golden_print_error(golden, cores_start(&golden->cores, id));
    }
}

static void crash(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    uint64_t lost;

    if (golden->command.wrong)
        return;
    lost = cores_node(&golden->cores, id)->journal.count -
           cores_node(&golden->cores, id)->journal.synced;
    golden_text_add(golden->command.out, "%u loses %" PRIu64 " records\n", id, lost);
    cores_crash(&golden->cores, id, 0);
}

static void tick(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    uint64_t duration_ns = time_at(golden, 2);

    if (golden->command.wrong)
        return;
    golden->cores.now_ns += duration_ns;
    golden_print_error(golden, cores_wake(&golden->cores, id));
}

static void wake(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    uint64_t at_ns = golden->command.wrong ? 0 : cores_node(&golden->cores, id)->wake_at_ns;

    if (golden->command.wrong || at_ns == UINT64_MAX) {
        golden->command.wrong = true;
        return;
    }
    if (at_ns > golden->cores.now_ns)
        golden->cores.now_ns = at_ns;
    golden_print_error(golden, cores_wake(&golden->cores, id));
}

static void propose(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);

    for (int i = 2; i < golden->command.word_count && !golden->command.wrong; i++)
        golden_print_error(golden, cores_propose(&golden->cores, id, golden->command.words[i]));
}

static void ask_read(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    uint64_t name = golden_number(golden, golden_word(golden, 2), "");

    if (!golden->command.wrong)
        golden_print_error(golden, cores_read(&golden->cores, id, name));
}

static void persist(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    uint64_t lsn = golden->command.word_count > 2
                       ? golden_number(golden, golden->command.words[2], "")
                       : 0;

    if (!golden->command.wrong && lsn <= cores_node(&golden->cores, id)->journal.count)
        golden_print_error(golden, cores_persist(&golden->cores, id, lsn));
    else
        golden->command.wrong = true;
}

static void hang(struct golden *golden)
{
    decree_node_id id = node_at(golden, 1);

    cores_node(&golden->cores, id)->hangs = strcmp(golden->command.words[0], "hang") == 0;
}

static bool matches(const struct golden *golden, const struct decree_message *message)
{
    return golden->command.word_count < 3 || strcmp(golden->command.words[2], "all") == 0 ||
           strcmp(golden->command.words[2], decree_message_name(message->type)) == 0;
}

/* The place of the oldest message on the link that the command means, or -1. */
static int64_t find_message(struct golden *golden, decree_node_id from, decree_node_id to)
{
    const struct cores_link *link = &golden->cores.links[from - 1][to - 1];

    for (uint32_t i = 0; i < link->count; i++)
        if (matches(golden, &link->messages[i]))
            return i;
    return -1;
}

/* Calls move for one message of the link, or, with "all", for those that are there now. */
static void for_messages(struct golden *golden,
                         void (*move)(struct golden *golden, decree_node_id from, decree_node_id to,
                                      uint32_t place))
{
    bool all = golden->command.word_count > 2 &&
               strcmp(golden->command.words[golden->command.word_count - 1], "all") == 0;
    decree_node_id from = 1, to = 1;
    uint32_t count;

    golden_link(golden, 1, &from, &to);
    if (golden->command.wrong)
        return;
    count = all ? golden->cores.links[from - 1][to - 1].count : 1;
    for (uint32_t i = 0; i < count; i++) {
        int64_t place = find_message(golden, from, to);

        if (place < 0) {
            if (!all)
                golden_text_add(golden->command.out, "no such message\n");
            return;
        }
        move(golden, from, to, (uint32_t)place);
    }
}

static void deliver_one(struct golden *golden, decree_node_id from, decree_node_id to,
                        uint32_t place)
{
    if (cores_node(&golden->cores, to)->core == NULL)
        golden->command.wrong = true;
    else
        golden_print_error(golden, cores_deliver(&golden->cores, from, to, place));
}

static void drop_one(struct golden *golden, decree_node_id from, decree_node_id to, uint32_t place)
{
    cores_drop(&golden->cores, from, to, place);
}

static void copy_one(struct golden *golden, decree_node_id from, decree_node_id to, uint32_t place)
{
    cores_copy(&golden->cores, from, to, place);
}

static void deliver(struct golden *golden)
{
    for_messages(golden, deliver_one);
}

static void drop(struct golden *golden)
{
    for_messages(golden, drop_one);
}

static void copy(struct golden *golden)
{
    for_messages(golden, copy_one);
}

static void set_cut(struct golden *golden, bool cut)
{
    for (int i = 1; i < golden->command.word_count; i++) {
        decree_node_id from = 1, to = 1;

        golden_link(golden, i, &from, &to);
        if (!golden->command.wrong)
            golden->cores.links[from - 1][to - 1].cut = cut;
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
    cores_drain(&golden->cores);
}

static void run(struct golden *golden)
{
    uint64_t duration_ns = time_at(golden, 1);

    if (!golden->command.wrong)
        cores_run(&golden->cores, duration_ns);
}

static void elect(struct golden *golden)
{
    decree_node_id leader = cores_elect(&golden->cores, 10000 * CORES_MS);

    golden_text_add(golden->command.out, "%u leads\n", leader);
}

static void fetch(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);

    if (golden->command.wrong || cores_node(&golden->cores, id)->fetch_count == 0)
        golden->command.wrong = true;
    else
        golden_print_error(golden, cores_fetch(&golden->cores, id));
}

static void unreachable(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    struct decree_event event = {.type = DECREE_EVENT_UNREACHABLE,
                                 .u.unreachable = node_at(golden, 2)};

    if (golden->command.wrong)
        return;
    golden_print_error(golden, cores_offer(&golden->cores, id, &event));
    cores_take(&golden->cores, id);
}

static void campaign(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    struct decree_event event = {.type = DECREE_EVENT_CAMPAIGN};

    if (golden->command.wrong)
        return;
    golden_print_error(golden, cores_offer(&golden->cores, id, &event));
    cores_take(&golden->cores, id);
}

static void hand_over(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    struct decree_event event = {.type = DECREE_EVENT_HAND_OVER, .u.hand_over = node_at(golden, 2)};

    if (golden->command.wrong)
        return;
    golden_print_error(golden, cores_offer(&golden->cores, id, &event));
    cores_take(&golden->cores, id);
}

static void status(struct golden *golden)
{
    for (int i = 1; i < golden->command.word_count; i++) {
        decree_node_id id = core_at(golden, i);
        struct decree_status now = cores_status(&golden->cores, id);

        if (!golden->command.wrong)
            golden_print_status(golden->command.out, id, &now);
    }
}

static void queued(struct golden *golden)
{
    for (uint32_t i = 0; i < golden->cores.count; i++)
        for (uint32_t j = 0; j < golden->cores.count; j++)
            for (uint32_t k = 0; k < golden->cores.links[i][j].count; k++)
                golden_print_message(golden->command.out, &golden->cores.links[i][j].messages[k]);
}

static void show(struct golden *golden)
{
    static const char *const names[] = {"trace",     "records", "messages", "heartbeats",
                                        "decisions", "reads",   "fetches",  "waits"};

    golden_show(golden, names, sizeof(names) / sizeof(names[0]));
}

static const struct golden_row commands[] = {
    {"nodes", nodes,
     "COUNT [q1=N] [q2=N] [seed=N] [slots=N] [message_bytes=N] [log_bytes=N] [on_demand=1]: the "
     "cluster",
     true},
    {"start", start, "NODE...: from its journal", false},
    {"crash", crash, "NODE: loses what was not synced", false},
    {"tick", tick, "NODE TIMEms: the clock goes on, this node is woken", false},
    {"wake", wake, "NODE: the clock goes on to the time that it asked for", false},
    {"propose", propose, "NODE COMMAND...", false},
    {"read", ask_read, "NODE NUMBER", false},
    {"persist", persist, "NODE [LSN]: records up to it, or all, are durable", false},
    {"hang", hang, "NODE: its disk does nothing in drain, run and elect", false},
    {"unhang", hang, "NODE", false},
    {"deliver", deliver, "FROM->TO [TYPE|all]: the oldest message, of that type", false},
    {"drop", drop, "FROM->TO [TYPE|all]", false},
    {"copy", copy, "FROM->TO [TYPE]: a second one at the end of the queue", false},
    {"cut", cut, "FROM->TO...: what is sent from now on is lost", false},
    {"mend", mend, "FROM->TO...", false},
    {"drain", drain, "until all is delivered and durable", false},
    {"run", run, "TIMEms: with a quick network and disk", false},
    {"elect", elect, "runs until somebody leads", false},
    {"fetch", fetch, "NODE: answers its oldest fetch", false},
    {"unreachable", unreachable, "NODE PEER", false},
    {"campaign", campaign, "NODE: is to lead", false},
    {"hand_over", hand_over, "NODE PEER: the peer is to lead instead", false},
    {"status", status, "NODE...", false},
    {"queued", queued, "what is on the links", false},
    {"show", show,
     "[all|nothing|trace|records|messages|heartbeats|decisions|reads|fetches|waits]...", true},
};

/* --- scripts
 * -------------------------------------------------------------------------------------- */

static void play(void *context, char *line)
{
    struct golden *golden = context;

    golden_play(golden, line, commands, sizeof(commands) / sizeof(commands[0]));
    if (golden->cores.failure[0] != '\0')
        golden_text_add(golden->command.out, "BROKEN: %s\n", golden->cores.failure);
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
        cores_release(&golden->cores);
    free(golden);
}

int main(int argc, char **argv)
{
    static const struct golden_player player = {.begin = begin, .play = play, .end = end};

    return golden_main(argc, argv, &player);
}
