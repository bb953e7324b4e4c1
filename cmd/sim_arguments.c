/* SPDX-License-Identifier: MIT */
/* sim_arguments.c -- the options of `decree sim`, and one for each knob of a run. */
#include "sim_arguments.h"

#include <argp.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

#define KNOB_KEY 0x1000
#define KNOBS_MAX 64u
#define SVG_EVENTS_MAX 100000u

enum {
    OPTION_SEED = 0x400,
    OPTION_SEEDS,
    OPTION_SCENARIO,
    OPTION_CALM,
    OPTION_REGISTERS,
    OPTION_LIST,
    OPTION_TRACE,
    OPTION_SVG,
    OPTION_FROM,
    OPTION_TO,
    OPTION_EVENTS,
    OPTION_JSON
};

static const struct argp_option fixed_options[] = {
    {"seed", OPTION_SEED, "N", 0, "Run this seed; default 1", 1},
    {"seeds", OPTION_SEEDS, "A..B", 0, "Run these seeds, until one fails", 1},
    {"scenario", OPTION_SCENARIO, "NAME", 0,
     "Run a script in place of random faults; all: each of them", 1},
    {"calm", OPTION_CALM, 0, 0,
     "Let a seed draw nothing: three nodes, a fast network, and no fault that is not asked for", 1},
    {"registers", OPTION_REGISTERS, 0, 0,
     "Leaderless registers in place of the log; their scenario is killed_in_turn", 1},
    {"list", OPTION_LIST, 0, 0, "List the scenarios", 1},
    {"trace", OPTION_TRACE, "all", OPTION_ARG_OPTIONAL,
     "Print what happens, a column per node; all: heartbeats too", 2},
    {"svg", OPTION_SVG, "FILE", 0, "Draw a message diagram of the run", 2},
    {"from", OPTION_FROM, "TIME", 0, "Where the drawing begins, such as 1s or 250ms", 2},
    {"to", OPTION_TO, "TIME", 0, "Where it ends", 2},
    {"events", OPTION_EVENTS, "N", 0,
     "Messages and marks that it has, the first so many; default 120", 2},
    {"json", OPTION_JSON, 0, 0, "Print the summary as JSON", 2},
};

#define FIXED_COUNT (sizeof(fixed_options) / sizeof(fixed_options[0]))

static const char doc[] =
    "Runs whole clusters (the same code as the server's: core, engine, journal, codec) on a virtual "
    "clock, network and disk. A seed gives the same run every time. First everything may fail; then a "
    "quorum is healed and has to get on. Checkers look for lost, doubled or reordered commands and for "
    "stale reads; the first failure ends the run, with exit status 1 and the command that replays it.\v"
    "What follows under 'Knobs' is drawn from the seed unless given. A chance is 10% or 0.1, a "
    "duration 20ms or 3s, a size 64k.\n\nExamples:\n"
    "  decree sim --seeds 1..1000\n"
    "  decree sim --seed 7 --nodes 5 --loss 10% --trace | less -S\n"
    "  decree sim --scenario chained --trace | less -S\n"
    "  decree sim --seed 7 --svg run.svg --from 1s --events 60\n"
    "  decree sim --calm --leader-loss 100% --clients 1 --svg run.svg --to 300ms\n"
    "  decree sim --registers --seeds 1..500\n"
    "  decree sim --registers --scenario killed_in_turn";

const struct sim_scenario *sim_arguments_scenario(const struct sim_arguments *arguments,
                                                  const char *name)
{
    if (!arguments->registers)
        return sim_scenario_find(name);
    return strcmp(name, register_scenario()->name) == 0 ? register_scenario() : NULL;
}

static uint64_t parse_seed(const char *text, char end_wanted, const char **ret_end,
                           struct argp_state *state)
{
    char *end;
    uint64_t seed = strtoull(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != end_wanted)
        argp_error(state, "'%s' is no seed: a number, or two as in 1..1000", text);
    *ret_end = end;
    return seed;
}

static void parse_seeds(struct sim_arguments *arguments, const char *text, struct argp_state *state)
{
    const char *end;

    arguments->first = parse_seed(text, '.', &end, state);
    if (strncmp(end, "..", 2) != 0)
        argp_error(state, "'%s' is no range of seeds such as 1..1000", text);
    arguments->last = parse_seed(end + 2, '\0', &end, state);
    if (arguments->last < arguments->first)
        argp_error(state, "'%s' is an empty range", text);
}

static void parse_knob(struct sim_arguments *arguments, int knob, const char *text,
                       struct argp_state *state)
{
    size_t count;
    const struct sim_knob *knobs = sim_knobs(&count);

    assert(knob >= 0 && (size_t)knob < count);
    if (!sim_override(&arguments->overrides, knob, text))
        argp_error(state, "'%s' does not suit %s", text, knobs[knob].name);
}

static uint64_t parse_time(const char *text, struct argp_state *state)
{
    struct sim_overrides overrides = {.values = {.seed = 0}};

    if (!sim_override(&overrides, sim_knob_index("seconds"), text))
        argp_error(state, "'%s' is no time such as 1s or 250ms", text);
    return overrides.values.seconds;
}

static void parse_events(struct sim_arguments *arguments, const char *text,
                         struct argp_state *state)
{
    uint64_t events = 0;

    if (!number_parse(text, 1, SVG_EVENTS_MAX, &events))
        argp_error(state, "'%s' is no number of events, from 1 to %u", text, SVG_EVENTS_MAX);
    arguments->window.events_max = (uint32_t)events;
}

static void check_drawing(const struct sim_arguments *arguments, struct argp_state *state)
{
    const struct sim_svg_window *window = &arguments->window;
    bool all = arguments->scenario != NULL && strcmp(arguments->scenario, "all") == 0;

    if (arguments->svg != NULL && (arguments->first != arguments->last || all))
        argp_error(state, "--svg draws one run: give one --seed, and at most one scenario");
    if (arguments->svg == NULL &&
        (window->from_ns != 0 || window->to_ns != 0 || window->events_max != 0))
        argp_error(state, "--from, --to and --events say what --svg FILE draws: give that too");
    if (window->to_ns != 0 && window->to_ns <= window->from_ns)
        argp_error(state, "--to must be later than --from");
}

static void check_scenario(const struct sim_arguments *arguments, struct argp_state *state)
{
    const char *name = arguments->scenario;

    if (name != NULL && strcmp(name, "all") != 0 && sim_arguments_scenario(arguments, name) == NULL)
        argp_error(state, "there is no scenario '%s': see decree sim --list", name);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct sim_arguments *arguments = state->input;
    const char *end;

    if (key >= KNOB_KEY && key < KNOB_KEY + (int)KNOBS_MAX) {
        parse_knob(arguments, key - KNOB_KEY, argument, state);
        return 0;
    }
    switch (key) {
    case OPTION_SEED:
        arguments->first = arguments->last = parse_seed(argument, '\0', &end, state);
        return 0;
    case OPTION_SEEDS:
        parse_seeds(arguments, argument, state);
        return 0;
    case OPTION_SCENARIO:
        arguments->scenario = argument;
        return 0;
    case OPTION_CALM:
        arguments->calm = true;
        return 0;
    case OPTION_REGISTERS:
        arguments->registers = true;
        return 0;
    case ARGP_KEY_END:
        check_scenario(arguments, state);
        check_drawing(arguments, state);
        return 0;
    case OPTION_LIST:
        arguments->list = true;
        return 0;
    case OPTION_TRACE:
        if (argument != NULL && strcmp(argument, "all") != 0)
            argp_error(state, "--trace takes nothing or 'all', not '%s'", argument);
        arguments->detail = argument != NULL ? SIM_TRACE_EVERYTHING : SIM_TRACE_EVENTS;
        return 0;
    case OPTION_SVG:
        arguments->svg = argument;
        return 0;
    case OPTION_FROM:
        arguments->window.from_ns = parse_time(argument, state);
        return 0;
    case OPTION_TO:
        arguments->window.to_ns = parse_time(argument, state);
        return 0;
    case OPTION_EVENTS:
        parse_events(arguments, argument, state);
        return 0;
    case OPTION_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "what is '%s'?", argument);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

/* The fixed options, then one per knob. names: room for the knobs' names with dashes. */
static void build_options(struct argp_option *options, char (*names)[32])
{
    size_t count, next = FIXED_COUNT;
    const struct sim_knob *knobs = sim_knobs(&count);

    assert(count <= KNOBS_MAX);
    memcpy(options, fixed_options, sizeof(fixed_options));
    options[next++] = (struct argp_option){.doc = "Knobs:", .group = 3};
    for (size_t i = 0; i < count; i++) {
        static const char *const units[] = {"", "N", "CHANCE", "TIME", "BYTES"};

        snprintf(names[i], sizeof(names[i]), "%s", knobs[i].name);
        for (char *at = names[i]; *at != '\0'; at++)
            *at = *at == '_' ? '-' : *at;
        options[next++] = (struct argp_option){.name = names[i],
                                               .key = KNOB_KEY + (int)i,
                                               .arg = units[knobs[i].unit],
                                               .doc = knobs[i].text,
                                               .group = 3};
    }
    options[next] = (struct argp_option){0};
}

void sim_arguments_parse(struct sim_arguments *ret_arguments, int argc, char **argv)
{
    struct argp_option options[FIXED_COUNT + KNOBS_MAX + 2];
    char names[KNOBS_MAX][32];
    struct argp argp = {options, parse_option, NULL, doc, NULL, NULL, NULL};

    *ret_arguments = (struct sim_arguments){.first = 1, .last = 1};
    build_options(options, names);
    argv[0] = (char *)(uintptr_t) "decree sim"; /* argp takes the program's name from here */
    argp_parse(&argp, argc, argv, 0, NULL, ret_arguments);
}
