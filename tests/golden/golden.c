/* SPDX-License-Identifier: MIT */
/* golden.c -- the commands of the scripts about cores, in the table below; the lines that they print
 * are in golden_print.h, how scripts are played in golden_script.h.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden_print.h"

#define WORDS_MAX 12

struct golden {
    struct cores cores;
    bool open; /* nodes were made */
    unsigned kinds;
    struct golden_text *out;
    int word_count; /* of the present command */
    char *words[WORDS_MAX];
    bool wrong; /* the command made no sense */
};

/* --- arguments
 * ------------------------------------------------------------------------------------ */

static const char *word(struct golden *golden, int index)
{
    if (index >= golden->word_count) {
        golden->wrong = true;
        return "1";
    }
    return golden->words[index];
}

static uint64_t number_of(struct golden *golden, const char *text, const char *unit)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);

    if (end == text || strcmp(end, unit) != 0)
        golden->wrong = true;
    return number;
}

static decree_node_id node_of(struct golden *golden, const char *text)
{
    uint64_t id = number_of(golden, text, "");

    if (id < 1 || id > golden->cores.count)
        golden->wrong = true;
    return golden->wrong ? 1 : (decree_node_id)id;
}

static decree_node_id node_at(struct golden *golden, int index)
{
    return node_of(golden, word(golden, index));
}

/* A node that runs. */
static decree_node_id core_at(struct golden *golden, int index)
{
    decree_node_id id = node_at(golden, index);

    if (golden->wrong || cores_node(&golden->cores, id)->core == NULL)
        golden->wrong = true;
    return id;
}

static uint64_t time_at(struct golden *golden, int index)
{
    return number_of(golden, word(golden, index), "ms") * CORES_MS;
}

/* "1->2" */
static void link_at(struct golden *golden, int index, decree_node_id *ret_from,
                    decree_node_id *ret_to)
{
    char text[8] = "";
    char *arrow;

    snprintf(text, sizeof(text), "%s", word(golden, index));
    arrow = strstr(text, "->");
    if (arrow == NULL) {
        golden->wrong = true;
        return;
    }
    *arrow = '\0';
    *ret_from = node_of(golden, text);
    *ret_to = node_of(golden, arrow + 2);
}

static void print_error(struct golden *golden, int error)
{
    if (error != 0)
        golden_text_add(golden->out, "error %s\n", decree_error_name(error));
}

/* --- commands
 * ------------------------------------------------------------------------------------- */

static void on_trace(void *context, decree_node_id node, const struct decree_trace *trace)
{
    struct golden *golden = context;

    if ((golden->kinds & GOLDEN_TRACE) != 0)
        golden_print_trace(golden->out, node, trace);
}

static void on_effects(void *context, decree_node_id node, const struct decree_effects *effects)
{
    struct golden *golden = context;

    golden_print_effects(golden->out, node, effects, golden->kinds,
                         cores_node(&golden->cores, node)->journal.synced);
}

static void set_option(struct golden *golden, struct decree_config *config, char *text)
{
    char *value = strchr(text, '=');

    if (value == NULL) {
        golden->wrong = true;
        return;
    }
    *value++ = '\0';
    if (strcmp(text, "q1") == 0)
        config->prepare_quorum = (uint32_t)number_of(golden, value, "");
    else if (strcmp(text, "q2") == 0)
        config->vote_quorum = (uint32_t)number_of(golden, value, "");
    else if (strcmp(text, "seed") == 0)
        config->seed = number_of(golden, value, "");
    else if (strcmp(text, "on_demand") == 0)
        config->scout_on_demand = number_of(golden, value, "") == 1;
    else if (strcmp(text, "slots") == 0)
        config->log_slots_max = (uint32_t)number_of(golden, value, "");
    else if (strcmp(text, "message_bytes") == 0)
        config->message_bytes_max = (uint32_t)number_of(golden, value, "");
    else if (strcmp(text, "log_bytes") == 0)
        config->log_bytes_max = number_of(golden, value, "");
    else
        golden->wrong = true;
}

static void nodes(struct golden *golden)
{
    struct decree_config config = {.seed = 1};
    uint64_t count = number_of(golden, word(golden, 1), "");

    for (int i = 2; i < golden->word_count; i++)
        set_option(golden, &config, golden->words[i]);
    if (golden->wrong || golden->open || count < 1 || count > CORES_MAX) {
        golden->wrong = true;
        return;
    }
    cores_init(&golden->cores, (uint32_t)count, &config);
    golden->open = true;
    golden->cores.context = golden;
    golden->cores.on_trace = on_trace;
    golden->cores.on_effects = on_effects;
}

static void start(struct golden *golden)
{
    for (int i = 1; i < golden->word_count; i++) {
        decree_node_id id = node_at(golden, i);

        if (golden->wrong || cores_node(&golden->cores, id)->core != NULL)
            golden->wrong = true;
        else
            print_error(golden, cores_start(&golden->cores, id));
    }
}

static void crash(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    uint64_t lost;

    if (golden->wrong)
        return;
    lost = cores_node(&golden->cores, id)->journal.count -
           cores_node(&golden->cores, id)->journal.synced;
    golden_text_add(golden->out, "%u loses %" PRIu64 " records\n", id, lost);
    cores_crash(&golden->cores, id, 0);
}

static void tick(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    uint64_t duration_ns = time_at(golden, 2);

    if (golden->wrong)
        return;
    golden->cores.now_ns += duration_ns;
    print_error(golden, cores_wake(&golden->cores, id));
}

static void wake(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    uint64_t at_ns = golden->wrong ? 0 : cores_node(&golden->cores, id)->wake_at_ns;

    if (golden->wrong || at_ns == UINT64_MAX) {
        golden->wrong = true;
        return;
    }
    if (at_ns > golden->cores.now_ns)
        golden->cores.now_ns = at_ns;
    print_error(golden, cores_wake(&golden->cores, id));
}

static void propose(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);

    for (int i = 2; i < golden->word_count && !golden->wrong; i++)
        print_error(golden, cores_propose(&golden->cores, id, golden->words[i]));
}

static void ask_read(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    uint64_t name = number_of(golden, word(golden, 2), "");

    if (!golden->wrong)
        print_error(golden, cores_read(&golden->cores, id, name));
}

static void persist(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    uint64_t lsn = golden->word_count > 2 ? number_of(golden, golden->words[2], "") : 0;

    if (!golden->wrong && lsn <= cores_node(&golden->cores, id)->journal.count)
        print_error(golden, cores_persist(&golden->cores, id, lsn));
    else
        golden->wrong = true;
}

static void hang(struct golden *golden)
{
    decree_node_id id = node_at(golden, 1);

    cores_node(&golden->cores, id)->hangs = strcmp(golden->words[0], "hang") == 0;
}

static bool matches(const struct golden *golden, const struct decree_message *message)
{
    return golden->word_count < 3 || strcmp(golden->words[2], "all") == 0 ||
           strcmp(golden->words[2], decree_message_name(message->type)) == 0;
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
    bool all = golden->word_count > 2 && strcmp(golden->words[golden->word_count - 1], "all") == 0;
    decree_node_id from = 1, to = 1;
    uint32_t count;

    link_at(golden, 1, &from, &to);
    if (golden->wrong)
        return;
    count = all ? golden->cores.links[from - 1][to - 1].count : 1;
    for (uint32_t i = 0; i < count; i++) {
        int64_t place = find_message(golden, from, to);

        if (place < 0) {
            if (!all)
                golden_text_add(golden->out, "no such message\n");
            return;
        }
        move(golden, from, to, (uint32_t)place);
    }
}

static void deliver_one(struct golden *golden, decree_node_id from, decree_node_id to,
                        uint32_t place)
{
    if (cores_node(&golden->cores, to)->core == NULL)
        golden->wrong = true;
    else
        print_error(golden, cores_deliver(&golden->cores, from, to, place));
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
    for (int i = 1; i < golden->word_count; i++) {
        decree_node_id from = 1, to = 1;

        link_at(golden, i, &from, &to);
        if (!golden->wrong)
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

    if (!golden->wrong)
        cores_run(&golden->cores, duration_ns);
}

static void elect(struct golden *golden)
{
    decree_node_id leader = cores_elect(&golden->cores, 10000 * CORES_MS);

    golden_text_add(golden->out, "%u leads\n", leader);
}

static void fetch(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);

    if (golden->wrong || cores_node(&golden->cores, id)->fetch_count == 0)
        golden->wrong = true;
    else
        print_error(golden, cores_fetch(&golden->cores, id));
}

static void unreachable(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    struct decree_event event = {.type = DECREE_EVENT_UNREACHABLE,
                                 .u.unreachable = node_at(golden, 2)};

    if (golden->wrong)
        return;
    print_error(golden, cores_offer(&golden->cores, id, &event));
    cores_take(&golden->cores, id);
}

static void campaign(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    struct decree_event event = {.type = DECREE_EVENT_CAMPAIGN};

    if (golden->wrong)
        return;
    print_error(golden, cores_offer(&golden->cores, id, &event));
    cores_take(&golden->cores, id);
}

static void hand_over(struct golden *golden)
{
    decree_node_id id = core_at(golden, 1);
    struct decree_event event = {.type = DECREE_EVENT_HAND_OVER, .u.hand_over = node_at(golden, 2)};

    if (golden->wrong)
        return;
    print_error(golden, cores_offer(&golden->cores, id, &event));
    cores_take(&golden->cores, id);
}

static void status(struct golden *golden)
{
    for (int i = 1; i < golden->word_count; i++) {
        decree_node_id id = core_at(golden, i);
        struct decree_status now = cores_status(&golden->cores, id);

        if (!golden->wrong)
            golden_print_status(golden->out, id, &now);
    }
}

static void queued(struct golden *golden)
{
    for (uint32_t i = 0; i < golden->cores.count; i++)
        for (uint32_t j = 0; j < golden->cores.count; j++)
            for (uint32_t k = 0; k < golden->cores.links[i][j].count; k++)
                golden_print_message(golden->out, &golden->cores.links[i][j].messages[k]);
}

static void show(struct golden *golden)
{
    static const char *const names[] = {"trace",     "records", "messages", "heartbeats",
                                        "decisions", "reads",   "fetches",  "waits"};

    golden->kinds = 0;
    for (int i = 1; i < golden->word_count; i++) {
        unsigned before = golden->kinds;

        for (unsigned j = 0; j < sizeof(names) / sizeof(names[0]); j++)
            if (strcmp(golden->words[i], names[j]) == 0 || strcmp(golden->words[i], "all") == 0)
                golden->kinds |= 1u << j;
        if (golden->kinds == before && strcmp(golden->words[i], "nothing") != 0)
            golden->wrong = true;
    }
}

static const struct {
    const char *name;
    void (*play)(struct golden *golden);
    const char *usage;
} commands[] = {
    {"nodes", nodes,
     "COUNT [q1=N] [q2=N] [seed=N] [slots=N] [message_bytes=N] [log_bytes=N] [on_demand=1]: the "
     "cluster"},
    {"start", start, "NODE...: from its journal"},
    {"crash", crash, "NODE: loses what was not synced"},
    {"tick", tick, "NODE TIMEms: the clock goes on, this node is woken"},
    {"wake", wake, "NODE: the clock goes on to the time that it asked for"},
    {"propose", propose, "NODE COMMAND..."},
    {"read", ask_read, "NODE NUMBER"},
    {"persist", persist, "NODE [LSN]: records up to it, or all, are durable"},
    {"hang", hang, "NODE: its disk does nothing in drain, run and elect"},
    {"unhang", hang, "NODE"},
    {"deliver", deliver, "FROM->TO [TYPE|all]: the oldest message, of that type"},
    {"drop", drop, "FROM->TO [TYPE|all]"},
    {"copy", copy, "FROM->TO [TYPE]: a second one at the end of the queue"},
    {"cut", cut, "FROM->TO...: what is sent from now on is lost"},
    {"mend", mend, "FROM->TO..."},
    {"drain", drain, "until all is delivered and durable"},
    {"run", run, "TIMEms: with a quick network and disk"},
    {"elect", elect, "runs until somebody leads"},
    {"fetch", fetch, "NODE: answers its oldest fetch"},
    {"unreachable", unreachable, "NODE PEER"},
    {"campaign", campaign, "NODE: is to lead"},
    {"hand_over", hand_over, "NODE PEER: the peer is to lead instead"},
    {"status", status, "NODE..."},
    {"queued", queued, "what is on the links"},
    {"show", show,
     "[all|nothing|trace|records|messages|heartbeats|decisions|reads|fetches|waits]..."},
};

/* --- scripts
 * -------------------------------------------------------------------------------------- */

static void play(void *context, char *line)
{
    struct golden *golden = context;
    bool known = false;

    golden->word_count = golden_split(line, golden->words, WORDS_MAX);
    golden->wrong = golden->word_count == 0;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && !golden->wrong; i++) {
        if (strcmp(commands[i].name, golden->words[0]) != 0)
            continue;
        known = true;
        golden->wrong = !golden->open && commands[i].play != nodes && commands[i].play != show;
        if (!golden->wrong)
            commands[i].play(golden);
        if (golden->wrong)
            golden_text_add(golden->out, "usage: %s %s\n", commands[i].name, commands[i].usage);
    }
    if (!known)
        golden_text_add(golden->out, "no such command\n");
    if (golden->cores.failure[0] != '\0')
        golden_text_add(golden->out, "BROKEN: %s\n", golden->cores.failure);
}

static void *begin(struct golden_text *out)
{
    struct golden *golden = calloc(1, sizeof(*golden));

    assert(golden != NULL);
    golden->kinds = ~0u;
    golden->out = out;
    return golden;
}

static void end(void *context)
{
    struct golden *golden = context;

    if (golden->open)
        cores_release(&golden->cores);
    free(golden);
}

int main(int argc, char **argv)
{
    static const struct golden_player player = {.begin = begin, .play = play, .end = end};

    return golden_main(argc, argv, &player);
}
