/* SPDX-License-Identifier: MIT */
/* sim_svg.c -- keeps what happens in the window; sim_svg_draw.c draws it. */
#include "sim_svg.h"

#include <assert.h>
#include <stdlib.h>

#define EVENTS_DEFAULT 120u

void sim_svg_init(struct sim_svg *svg, const struct sim_svg_window *window, unsigned node_count)
{
    assert(node_count >= 1 && node_count <= SIM_NODES_MAX);
    *svg = (struct sim_svg){.window = *window, .node_count = node_count};
    if (svg->window.to_ns == 0)
        svg->window.to_ns = UINT64_MAX;
    if (svg->window.events_max == 0)
        svg->window.events_max = EVENTS_DEFAULT;
    svg->messages = calloc(svg->window.events_max, sizeof(*svg->messages));
    svg->marks = calloc(svg->window.events_max, sizeof(*svg->marks));
    assert(svg->messages != NULL && svg->marks != NULL);
    for (unsigned node = 0; node <= SIM_NODES_MAX; node++)
        svg->states[node] = svg->first_states[node] = SIM_MARK_DOWN;
}

void sim_svg_release(struct sim_svg *svg)
{
    free(svg->messages);
    free(svg->marks);
    *svg = (struct sim_svg){.node_count = 0};
}

/* True if one more event is to be kept. */
static bool take_event(struct sim_svg *svg, uint64_t now_ns)
{
    if (now_ns < svg->window.from_ns || now_ns > svg->window.to_ns ||
        svg->event_count == svg->window.events_max)
        return false;
    svg->event_count++;
    return true;
}

void sim_svg_sent(struct sim_svg *svg, uint64_t now_ns, const struct sim_svg_message *message)
{
    assert(message->to >= 1 && message->to <= svg->node_count);
    assert(message->from >= 1 && message->from <= svg->node_count);
    if (!take_event(svg, now_ns))
        return;
    svg->messages[svg->message_count] = *message;
    svg->messages[svg->message_count++].sent_ns = now_ns;
}

static struct sim_svg_message *find(struct sim_svg *svg, uint64_t number)
{
    for (uint32_t i = svg->message_count; i > 0 && svg->messages[i - 1].number >= number; i--)
        if (svg->messages[i - 1].number == number)
            return &svg->messages[i - 1];
    return NULL;
}

static void on_fate(void *context, uint64_t now_ns, uint64_t number, bool arrived)
{
    struct sim_svg *svg = context;
    struct sim_svg_message *message = find(svg, number);

    if (message == NULL)
        return;
    if (!arrived || svg->states[message->to] == SIM_MARK_DOWN)
        message->lost_ns = now_ns; /* on the way, or nobody is there */
    else if (message->arrived_ns == 0)
        message->arrived_ns = now_ns;
    else
        message->again_ns = now_ns;
}

void sim_svg_watch(struct sim_svg *svg, struct network *network)
{
    network->watch = svg == NULL ? NULL : on_fate;
    network->watch_context = svg;
}

void sim_svg_mark(struct sim_svg *svg, uint64_t now_ns, unsigned node, enum sim_mark mark,
                  const char *text)
{
    struct sim_svg_mark *kept;

    assert(node <= svg->node_count);
    if (mark == SIM_MARK_UP || mark == SIM_MARK_DOWN || mark == SIM_MARK_FROZEN) {
        svg->states[node] = mark;
        if (now_ns < svg->window.from_ns)
            svg->first_states[node] = mark;
    }
    if (!take_event(svg, now_ns))
        return;
    kept = &svg->marks[svg->mark_count++];
    *kept = (struct sim_svg_mark){.at_ns = now_ns, .node = node, .mark = mark};
    snprintf(kept->text, sizeof(kept->text), "%s", text);
}
