/* SPDX-License-Identifier: MIT */
/* cmd_sim.c -- decree sim: whole clusters in a virtual world, from seeds or scenarios. */
#include <argp.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "commands.h"
#include "register_run.h"

#define PROGRESS_EVERY_S 0.2
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

struct sim_arguments {
    uint64_t first, last;
    const char *scenario; /* NULL: seeds; "all": each */
    struct sim_overrides overrides;
    enum sim_trace_detail detail;
    const char *svg; /* a file's name; NULL: no drawing */
    struct sim_svg_window window;
    bool calm, registers, list, json;
};

struct sim_totals {
    uint64_t runs, failures, events, operations, acknowledged, slots, crashes, leaders, virtual_ns,
        digest;
    uint64_t longest_wait_ns, longest_gap_ns, retry_ns; /* of scripted registers */
    double begun_s, shown_s;
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

static char *replay; /* the command that gives the run at hand again; for the signal handler too */

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
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

/* NULL: there is none of that name. */
static const struct sim_scenario *find_scenario(const struct sim_arguments *arguments,
                                                const char *name)
{
    if (!arguments->registers)
        return sim_scenario_find(name);
    return strcmp(name, register_scenario()->name) == 0 ? register_scenario() : NULL;
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
    char *end;
    unsigned long events = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || events == 0 || events > SVG_EVENTS_MAX)
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

    if (name != NULL && strcmp(name, "all") != 0 && find_scenario(arguments, name) == NULL)
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

static int sim_list(void)
{
    for (const struct sim_scenario *scenario = sim_scenarios(); scenario->name != NULL; scenario++)
        printf("%-22s %s\n", scenario->name, scenario->text);
    printf("%-22s %s\n", register_scenario()->name, register_scenario()->text);
    return EXIT_OK;
}

/* What a person types to see it again; to be freed. */
static char *describe_replay(const struct sim_arguments *arguments,
                             const struct sim_scenario *scenario, uint64_t seed)
{
    size_t count, size;
    const struct sim_knob *knobs = sim_knobs(&count);
    char text[64], *command = NULL;
    FILE *out = open_memstream(&command, &size);

    assert(out != NULL);
    fprintf(out, "decree sim%s%s --seed %" PRIu64, arguments->registers ? " --registers" : "",
            arguments->calm ? " --calm" : "", seed);
    if (scenario != NULL)
        fprintf(out, " --scenario %s", scenario->name);
    for (size_t i = 0; i < count; i++) {
        if (!arguments->overrides.set[i])
            continue;
        sim_knob_print(&arguments->overrides.values, (int)i, text, sizeof(text));
        fprintf(out, " --");
        for (const char *at = knobs[i].name; *at != '\0'; at++)
            fputc(*at == '_' ? '-' : *at, out);
        fprintf(out, " %s", text);
    }
    fclose(out);
    return command;
}

/* The code under test has failed an assertion of its own: says in which run, and goes down all the
 * same. Only what a signal handler may call. */
static void on_abort(int number)
{
    static const char head[] = "FAILED in the code under test\n  checker:  assertion\n  replay:   ";
    static const char tail[] = " --trace\n";
    ssize_t ignored;

    ignored = write(STDOUT_FILENO, head, sizeof(head) - 1);
    ignored = write(STDOUT_FILENO, replay, strlen(replay));
    ignored = write(STDOUT_FILENO, tail, sizeof(tail) - 1);
    (void)ignored;
    signal(number, SIG_DFL);
    raise(number);
}

static void print_failure(const struct sim_scenario *scenario, uint64_t seed,
                          const struct verdict *verdict)
{
    printf("FAILED seed %" PRIu64 "%s%s\n", seed, scenario != NULL ? ", scenario " : "",
           scenario != NULL ? scenario->name : "");
    printf("  checker:  %s\n", verdict->checker);
    printf("  time:     %.3f ms\n", (double)verdict->at_ns / 1e6);
    printf("  because:  %s\n", verdict->text);
    printf("  replay:   %s --trace\n", replay);
}

static void print_failure_json(const struct sim_scenario *scenario, uint64_t seed,
                               const struct verdict *verdict)
{
    json_t *object = json_pack("{s:b, s:I, s:s*, s:s, s:f, s:s}", "ok", 0, "seed", (json_int_t)seed,
                               "scenario", scenario != NULL ? scenario->name : NULL, "checker",
                               verdict->checker, "at_ms", (double)verdict->at_ns / 1e6, "text",
                               verdict->text);

    json_dumpf(object, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(object);
}

static void totals_add(struct sim_totals *totals, const struct sim_result *result)
{
    totals->runs++;
    totals->failures += result->verdict.failed;
    totals->events += result->events;
    totals->operations += result->operations;
    totals->acknowledged += result->acknowledged;
    totals->slots += result->slots;
    totals->crashes += result->crashes;
    totals->leaders += result->leaders;
    totals->virtual_ns += result->virtual_ns;
    totals->digest = totals->digest * 31 + result->digest;
}

static void show_progress(struct sim_totals *totals, uint64_t all)
{
    double now = now_s(), passed = now - totals->begun_s, rate = (double)totals->runs / passed;

    if (!isatty(STDERR_FILENO) || all < 2 || now - totals->shown_s < PROGRESS_EVERY_S)
        return;
    totals->shown_s = now;
    fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds, %.1f a second, %.0f s left   ",
            totals->runs, all, rate, (double)(all - totals->runs) / rate);
}

/* What the run is to be like; ends the program when that cannot be. */
static void choose_options(const struct sim_arguments *arguments,
                           const struct sim_scenario *scenario, uint64_t seed,
                           struct sim_options *ret_options)
{
    const char *refusal;
    uint64_t roles = 0;

    if (arguments->calm || scenario != NULL)
        sim_options_calm(ret_options, seed);
    else
        sim_options_draw(ret_options, seed);
    if (scenario != NULL) {
        scenario->prepare(ret_options);
        roles = ret_options->nodes;
    }
    sim_options_override(ret_options, &arguments->overrides);
    refusal = sim_options_check(ret_options);
    if (refusal == NULL && ret_options->nodes < roles)
        refusal = "this scenario has more roles than that many nodes";
    if (refusal != NULL) {
        fprintf(stderr, "decree sim: %s (seed %" PRIu64 ")\n", refusal, seed);
        exit(EXIT_USAGE);
    }
}

static void run_registers(const struct sim_options *options, bool scripted, struct sim_trace *trace,
                          struct sim_totals *totals, struct sim_result *ret_result)
{
    struct register_run_result result;

    register_run(options, scripted, trace, &result);
    if (result.longest_wait_ns > totals->longest_wait_ns)
        totals->longest_wait_ns = result.longest_wait_ns;
    if (result.longest_gap_ns > totals->longest_gap_ns)
        totals->longest_gap_ns = result.longest_gap_ns;
    totals->retry_ns = result.retry_ns;
    *ret_result = result.common;
}

static void write_drawing(const struct sim_arguments *arguments, const struct sim_svg *svg)
{
    FILE *out = fopen(arguments->svg, "w");

    if (out != NULL)
        sim_svg_draw(svg, out, replay);
    if (out == NULL || fclose(out) != 0) {
        fprintf(stderr, "decree sim: cannot write %s: %s\n", arguments->svg, strerror(errno));
        exit(EXIT_FAILED);
    }
}

/* False: it failed. */
static bool run_one(const struct sim_arguments *arguments, const struct sim_scenario *scenario,
                    uint64_t seed, struct sim_totals *totals)
{
    struct sim_options options;
    struct sim_trace trace;
    struct sim_result result;
    struct sim_svg svg;

    choose_options(arguments, scenario, seed, &options);
    free(replay);
    replay = describe_replay(arguments, scenario, seed);
    sim_trace_init(&trace, stdout, arguments->detail, (unsigned)options.nodes);
    sim_svg_init(&svg, &arguments->window, (unsigned)options.nodes);
    if (arguments->svg != NULL)
        trace.svg = &svg;
    if (arguments->registers)
        run_registers(&options, scenario != NULL, &trace, totals, &result);
    else
        sim_run(&options, scenario, &trace, &result);
    if (arguments->svg != NULL)
        write_drawing(arguments, &svg);
    sim_svg_release(&svg);
    totals_add(totals, &result);
    if (!result.verdict.failed)
        return true;
    if (arguments->json)
        print_failure_json(scenario, seed, &result.verdict);
    else
        print_failure(scenario, seed, &result.verdict);
    return false;
}

static void print_register_totals(const struct sim_arguments *arguments,
                                  const struct sim_totals *totals, double passed)
{
    if (arguments->scenario != NULL)
        printf("longest wait of an operation %.3f ms, longest gap between two answers %.3f ms; one "
               "retransmission time is %.3f ms\n",
               (double)totals->longest_wait_ns / 1e6, (double)totals->longest_gap_ns / 1e6,
               (double)totals->retry_ns / 1e6);
    printf("%s: %" PRIu64 " runs in %.1f s: %.0f virtual seconds, %" PRIu64 " events, %" PRIu64
           " operations (%" PRIu64 " acknowledged), %" PRIu64 " versions, %" PRIu64
           " crashes, %" PRIu64 " ballots; digest %016" PRIx64 "\n",
           totals->failures == 0 ? "ok" : "FAILED", totals->runs, passed,
           (double)totals->virtual_ns / 1e9, totals->events, totals->operations,
           totals->acknowledged, totals->slots, totals->crashes, totals->leaders, totals->digest);
}

static void print_totals(const struct sim_arguments *arguments, const struct sim_totals *totals)
{
    double passed = now_s() - totals->begun_s;
    json_t *object;

    if (!arguments->json && arguments->registers) {
        print_register_totals(arguments, totals, passed);
        return;
    }
    if (!arguments->json) {
        printf("%s: %" PRIu64 " runs in %.1f s: %.0f virtual seconds, %" PRIu64 " events, %" PRIu64
               " operations (%" PRIu64 " acknowledged), %" PRIu64 " slots, %" PRIu64
               " crashes, %" PRIu64 " leaders; digest %016" PRIx64 "\n",
               totals->failures == 0 ? "ok" : "FAILED", totals->runs, passed,
               (double)totals->virtual_ns / 1e9, totals->events, totals->operations,
               totals->acknowledged, totals->slots, totals->crashes, totals->leaders,
               totals->digest);
        return;
    }
    object = json_pack(
        "{s:b, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I}", "ok", totals->failures == 0,
        "runs", (json_int_t)totals->runs, "failures", (json_int_t)totals->failures, "seconds",
        passed, "virtual_seconds", (double)totals->virtual_ns / 1e9, "events",
        (json_int_t)totals->events, "operations", (json_int_t)totals->operations, "acknowledged",
        (json_int_t)totals->acknowledged, "slots", (json_int_t)totals->slots, "crashes",
        (json_int_t)totals->crashes, "leaders", (json_int_t)totals->leaders);
    json_dumpf(object, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(object);
}

static void run_seeds(const struct sim_arguments *arguments, const struct sim_scenario *scenario,
                      struct sim_totals *totals)
{
    for (uint64_t seed = arguments->first; run_one(arguments, scenario, seed, totals); seed++) {
        show_progress(totals, arguments->last - arguments->first + 1);
        if (seed == arguments->last)
            return;
    }
}

static int sim(const struct sim_arguments *arguments)
{
    struct sim_totals totals = {.begun_s = now_s()};

    if (arguments->list)
        return sim_list();
    if (arguments->detail != SIM_TRACE_NOTHING)
        setvbuf(stdout, NULL, _IOLBF,
                0); /* so that all of it is out when the code under test aborts */
    signal(SIGABRT, on_abort);
    signal(SIGSEGV, on_abort);
    if (arguments->scenario == NULL) {
        run_seeds(arguments, NULL, &totals);
    } else if (strcmp(arguments->scenario, "all") != 0) {
        run_seeds(arguments, find_scenario(arguments, arguments->scenario), &totals);
    } else if (arguments->registers) {
        run_seeds(arguments, register_scenario(), &totals);
    } else {
        for (const struct sim_scenario *scenario = sim_scenarios(); scenario->name != NULL;
             scenario++)
            run_seeds(arguments, scenario, &totals);
    }
    if (totals.shown_s > 0)
        fprintf(stderr, "\n");
    print_totals(arguments, &totals);
    free(replay);
    replay = NULL;
    return fflush(stdout) == 0 && totals.failures == 0 ? EXIT_OK : EXIT_FAILED;
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

int cmd_sim(int argc, char **argv)
{
    struct argp_option options[FIXED_COUNT + KNOBS_MAX + 2];
    char names[KNOBS_MAX][32];
    struct argp argp = {options, parse_option, NULL, doc, NULL, NULL, NULL};
    struct sim_arguments arguments = {.first = 1, .last = 1};

    build_options(options, names);
    argv[0] = (char *)(uintptr_t) "decree sim"; /* argp takes the program's name from here */
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    return sim(&arguments);
}
