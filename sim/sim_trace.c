/* SPDX-License-Identifier: MIT */
/* sim_trace.c -- one pending line; it is printed when time goes on or a cell is full. */
#include "sim_trace.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static void sim_trace_head(const struct sim_trace *trace)
{
    fprintf(trace->out, "%11s ", "ms");
    for (unsigned node = 1; node <= trace->node_count; node++)
        fprintf(trace->out, "| n%-*u ", (int)trace->width - 1, node);
    fprintf(trace->out, "| network\n");
}

void sim_trace_init(struct sim_trace *trace, FILE *out, enum sim_trace_detail detail,
                    unsigned node_count)
{
    assert(node_count <= SIM_NODES_MAX);
    assert(out != NULL || detail == SIM_TRACE_NOTHING);
    *trace = (struct sim_trace){.detail = detail, .out = out, .node_count = node_count};
    trace->width = node_count <= 3 ? 34 : node_count <= 5 ? 26 : 20;
    if (detail != SIM_TRACE_NOTHING)
        sim_trace_head(trace);
}

void sim_trace_flush(struct sim_trace *trace)
{
    if (!trace->pending)
        return;
    fprintf(trace->out, "%11.3f ", (double)trace->at_ns / 1e6);
    for (unsigned node = 1; node <= trace->node_count; node++)
        fprintf(trace->out, "| %-*s ", (int)trace->width, trace->cells[node]);
    fprintf(trace->out, "|%s%s\n", trace->cells[0][0] != '\0' ? " " : "", trace->cells[0]);
    memset(trace->cells, 0, sizeof(trace->cells));
    trace->pending = false;
}

bool sim_trace_wants(const struct sim_trace *trace)
{
    return trace->detail != SIM_TRACE_NOTHING || trace->svg != NULL;
}

void sim_trace_stop(struct sim_trace *trace)
{
    trace->detail = SIM_TRACE_NOTHING;
    trace->svg = NULL;
}

/* text is cut to what fits into a cell. */
static void put_cell(struct sim_trace *trace, uint64_t now_ns, unsigned node, char *text)
{
    size_t used, limit = node == 0 ? SIM_TRACE_CELL_MAX - 1 : trace->width;

    assert(node <= trace->node_count || trace->detail == SIM_TRACE_NOTHING);
    if (trace->detail == SIM_TRACE_NOTHING)
        return;
    text[limit] = '\0';
    used = strlen(trace->cells[node]);
    if (trace->pending && (now_ns != trace->at_ns || (used > 0 && used + 2 + strlen(text) > limit)))
        sim_trace_flush(trace);
    used = strlen(trace->cells[node]);
    snprintf(trace->cells[node] + used, SIM_TRACE_CELL_MAX - used, "%s%s", used > 0 ? ", " : "",
             text);
    trace->at_ns = now_ns;
    trace->pending = true;
}

static void mark(struct sim_trace *trace, uint64_t now_ns, unsigned node, enum sim_mark kind,
                 char *text)
{
    if (trace->svg != NULL)
        sim_svg_mark(trace->svg, now_ns, node, kind, text);
    put_cell(trace, now_ns, node, text);
}

void sim_trace_put(struct sim_trace *trace, uint64_t now_ns, unsigned node, const char *format, ...)
{
    char text[SIM_TRACE_CELL_MAX];
    va_list arguments;

    if (!sim_trace_wants(trace))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    mark(trace, now_ns, node, SIM_MARK_NOTE, text);
}

void sim_trace_mark(struct sim_trace *trace, uint64_t now_ns, unsigned node, enum sim_mark kind,
                    const char *format, ...)
{
    char text[SIM_TRACE_CELL_MAX];
    va_list arguments;

    if (!sim_trace_wants(trace))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    mark(trace, now_ns, node, kind, text);
}

void sim_trace_send(struct sim_trace *trace, uint64_t now_ns, unsigned node, const char *format,
                    ...)
{
    char text[SIM_TRACE_CELL_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    put_cell(trace, now_ns, node, text);
}
