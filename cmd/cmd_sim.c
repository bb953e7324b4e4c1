/* SPDX-License-Identifier: MIT */
/* cmd_sim.c -- decree sim: whole clusters in a virtual world, from seeds or scenarios. */
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
#include "sim_arguments.h"

#define PROGRESS_EVERY_S 0.2

struct sim_totals {
    uint64_t runs, failures, events, operations, acknowledged, slots, crashes, leaders, virtual_ns,
        digest;
    uint64_t longest_wait_ns, longest_gap_ns, retry_ns; /* of scripted registers */
    double begun_s, shown_s;
};

static char *replay; /* the command that gives the run at hand again; for the signal handler too */

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
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
        run_seeds(arguments, sim_arguments_scenario(arguments, arguments->scenario), &totals);
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

int cmd_sim(int argc, char **argv)
{
    struct sim_arguments arguments;

    sim_arguments_parse(&arguments, argc, argv);
    return sim(&arguments);
}
