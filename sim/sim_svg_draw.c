/* SPDX-License-Identifier: MIT */
/* sim_svg_draw.c -- the drawing.
 *
 *          n1        n2        n3
 *   1.2 ms  |p1a 1.n1 |         |          the first column is time
 *           |-------->|         |
 *           |---- - - x         |          a cross: lost
 *
 * Every moment at which something happens has a height of its own. Heights grow with time, by a step
 * that is at least as high as a line of text and at most three of them.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim_svg.h"

#define MARGIN_LEFT 90
#define COLUMN_WIDTH 230
#define COLUMN_RIGHT 200 /* room for the text at the last line */
#define HEAD_HEIGHT 118
#define TEXT_AT 120 /* of a message, from its sender */
#define STEP_MIN 16
#define STEP_MAX 44
#define STEP_NS UINT64_C(60000) /* of time, for a pixel */
#define WIDTH_MIN 760
#define TITLE_LETTER 9 /* its width */
#define TITLE_MAX 256u

struct moment {
    uint64_t at_ns;
    int y;
};

struct drawing {
    const struct sim_svg *svg;
    FILE *out;
    struct moment *moments;
    uint32_t count;
    int width, height;
};

/* ---- heights ---- */

static int moment_compare(const void *a, const void *b)
{
    const struct moment *first = a, *second = b;

    return (first->at_ns > second->at_ns) - (first->at_ns < second->at_ns);
}

static void add_moment(struct drawing *drawing, uint64_t at_ns)
{
    drawing->moments[drawing->count++].at_ns = at_ns;
}

static void collect_moments(struct drawing *drawing)
{
    const struct sim_svg *svg = drawing->svg;

    for (uint32_t i = 0; i < svg->message_count; i++) {
        const struct sim_svg_message *message = &svg->messages[i];

        add_moment(drawing, message->sent_ns);
        if (message->arrived_ns != 0)
            add_moment(drawing, message->arrived_ns);
        if (message->again_ns != 0)
            add_moment(drawing, message->again_ns);
        if (message->lost_ns != 0)
            add_moment(drawing, message->lost_ns);
    }
    for (uint32_t i = 0; i < svg->mark_count; i++)
        add_moment(drawing, svg->marks[i].at_ns);
}

static int step_of(uint64_t passed_ns)
{
    uint64_t pixels = passed_ns / STEP_NS;

    return pixels < STEP_MIN ? STEP_MIN : pixels > STEP_MAX ? STEP_MAX : (int)pixels;
}

static void place_moments(struct drawing *drawing)
{
    uint32_t kept = 0;
    int y = HEAD_HEIGHT;

    qsort(drawing->moments, drawing->count, sizeof(*drawing->moments), moment_compare);
    for (uint32_t i = 0; i < drawing->count; i++) {
        uint64_t at_ns = drawing->moments[i].at_ns;

        if (kept > 0 && drawing->moments[kept - 1].at_ns == at_ns)
            continue;
        y += kept == 0 ? STEP_MIN : step_of(at_ns - drawing->moments[kept - 1].at_ns);
        drawing->moments[kept++] = (struct moment){at_ns, y};
    }
    drawing->count = kept;
    drawing->height = y + 40;
}

static int y_of(const struct drawing *drawing, uint64_t at_ns)
{
    struct moment key = {.at_ns = at_ns};
    const struct moment *moment = bsearch(&key, drawing->moments, drawing->count,
                                          sizeof(*drawing->moments), moment_compare);

    assert(moment != NULL);
    return moment->y;
}

static int x_of(unsigned node)
{
    assert(node >= 1);
    return MARGIN_LEFT + 40 + (int)(node - 1) * COLUMN_WIDTH;
}

/* ---- pieces ---- */

static void put_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else
            fputc(*text, out);
    }
}

static void draw_text(FILE *out, const char *class, int x, int y, const char *text)
{
    fprintf(out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
    put_text(out, text);
    fputs("</text>\n", out);
}

static void draw_cross(FILE *out, const char *class, int x, int y, int size)
{
    fprintf(out, "<path class=\"%s\" d=\"M%d %dL%d %dM%d %dL%d %d\"/>\n", class, x - size, y - size,
            x + size, y + size, x - size, y + size, x + size, y - size);
}

static const char *class_of(enum sim_svg_kind kind)
{
    switch (kind) {
    case SIM_SVG_PHASE_1:
        return "p1";
    case SIM_SVG_PHASE_2:
        return "p2";
    case SIM_SVG_DECISION:
        return "decision";
    case SIM_SVG_FORWARD:
        return "forward";
    case SIM_SVG_OTHER:
        break;
    }
    return "other";
}

static void draw_arrow(FILE *out, const char *class, int x, int y, int to_x, int to_y)
{
    fprintf(out,
            "<line class=\"%s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" "
            "marker-end=\"url(#%s)\"/>\n",
            class, x, y, to_x + (to_x > x ? -3 : 3), to_y, class);
}

/* ---- what is on the page ---- */

/* As many options as fit; who points at the drawing is shown all of them. */
static void draw_title(const struct drawing *drawing, const char *title)
{
    char text[TITLE_MAX];
    size_t room = (size_t)(drawing->width - 40) / TITLE_LETTER;
    char *end;

    if (room > sizeof(text) - 1)
        room = sizeof(text) - 1;
    snprintf(text, room + 1, "%s", title);
    end = strlen(title) > room ? strstr(text, " --") : NULL;
    if (end != NULL) {
        for (char *next = end; next != NULL && next + 4 <= text + room;
             next = strstr(next + 1, " --"))
            end = next;
        memcpy(end, " ...", 5);
    }
    draw_text(drawing->out, "title", 20, 26, text);
}

static void draw_head(const struct drawing *drawing, const char *title)
{
    static const char *const colors[][2] = {{"p1", "#1f6fb2"},
                                            {"p2", "#2b8a3e"},
                                            {"decision", "#7b3fa0"},
                                            {"forward", "#c06a00"},
                                            {"other", "#808890"}};
    FILE *out = drawing->out;

    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\">\n<title>",
            drawing->width, drawing->height, drawing->width, drawing->height);
    put_text(out, title);
    fputs("</title>\n<style>\n"
          "text{font:11px ui-monospace,Menlo,Consolas,monospace;fill:#24292f;paint-order:stroke;"
          "stroke:#fff;stroke-width:3px;stroke-linejoin:round}\n"
          ".title{font-size:14px;font-weight:bold}.node{font-size:13px;font-weight:bold;"
          "text-anchor:middle}.time{fill:#8c959f;text-anchor:end}.note{fill:#57606a}\n"
          ".up{stroke:#24292f;stroke-width:1.5}.frozen{stroke:#1f6fb2;stroke-width:1.5;"
          "stroke-dasharray:1 4}.down{stroke:#d0d7de;stroke-dasharray:4 4}\n"
          ".cross{stroke:#c0262d;stroke-width:2;fill:none}.crash{stroke:#c0262d;stroke-width:3;"
          "fill:none}.failed{fill:#c0262d;font-weight:bold}\n"
          ".leads{fill:#9a6700;font-weight:bold}.decided{fill:#7b3fa0}.sync{fill:#24292f}"
          ".start{fill:#fff;stroke:#24292f;stroke-width:1.5}\n",
          out);
    for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++)
        fprintf(out, "line.%s{stroke:%s;stroke-width:1.3}text.%s,marker.%s{fill:%s}\n",
                colors[i][0], colors[i][1], colors[i][0], colors[i][0], colors[i][1]);
    fputs("line.lost{stroke-dasharray:5 3}\n</style>\n<defs>\n", out);
    for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++)
        fprintf(out,
                "<marker id=\"%s\" class=\"%s\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" "
                "markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/>"
                "</marker>\n",
                colors[i][0], colors[i][0]);
    fprintf(out, "</defs>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", drawing->width,
            drawing->height);
    draw_title(drawing, title);
}

static void draw_legend(const struct drawing *drawing)
{
    static const struct {
        const char *class, *text;
    } arrows[] = {{"p1", "phase 1"},
                  {"p2", "phase 2"},
                  {"decision", "decision"},
                  {"forward", "forwarded"},
                  {"other", "other"}};
    FILE *out = drawing->out;
    int x = 20;

    for (size_t i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++, x += 116) {
        draw_arrow(out, arrows[i].class, x, 46, x + 30, 46);
        draw_text(out, arrows[i].class, x + 38, 50, arrows[i].text);
    }
    draw_cross(out, "cross", x + 6, 46, 4);
    draw_text(out, "note", x + 18, 50, "lost");
    draw_cross(out, "crash", 30, 66, 5);
    draw_text(out, "failed", 44, 70, "crash");
    fprintf(out, "<circle class=\"start\" cx=\"112\" cy=\"66\" r=\"4\"/>\n");
    draw_text(out, "note", 124, 70, "start");
    fprintf(out, "<rect class=\"sync\" x=\"189\" y=\"62\" width=\"7\" height=\"7\"/>\n");
    draw_text(out, "note", 204, 70, "records synced");
    draw_text(out, "leads", 330, 70, "leads");
    draw_text(out, "decided", 400, 70, "decided up to a slot");
}

static const char *line_class(enum sim_mark state)
{
    return state == SIM_MARK_UP ? "up" : state == SIM_MARK_FROZEN ? "frozen" : "down";
}

static void draw_line(const struct drawing *drawing, unsigned node, enum sim_mark state, int from_y,
                      int to_y)
{
    if (to_y > from_y)
        fprintf(drawing->out, "<line class=\"%s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
                line_class(state), x_of(node), from_y, x_of(node), to_y);
}

static void draw_lines(const struct drawing *drawing)
{
    const struct sim_svg *svg = drawing->svg;

    for (unsigned node = 1; node <= svg->node_count; node++) {
        enum sim_mark state = svg->first_states[node];
        int y = HEAD_HEIGHT - 14;
        char name[16];

        snprintf(name, sizeof(name), "n%u", node);
        draw_text(drawing->out, "node", x_of(node), HEAD_HEIGHT - 20, name);
        for (uint32_t i = 0; i < svg->mark_count; i++) {
            const struct sim_svg_mark *mark = &svg->marks[i];

            if (mark->node != node || (mark->mark != SIM_MARK_UP && mark->mark != SIM_MARK_DOWN &&
                                       mark->mark != SIM_MARK_FROZEN))
                continue;
            draw_line(drawing, node, state, y, y_of(drawing, mark->at_ns));
            y = y_of(drawing, mark->at_ns);
            state = mark->mark;
        }
        draw_line(drawing, node, state, y, drawing->height - 20);
    }
}

static void draw_times(const struct drawing *drawing)
{
    char text[32];

    for (uint32_t i = 0; i < drawing->count; i++) {
        snprintf(text, sizeof(text), "%" PRIu64 ".%03" PRIu64 " ms",
                 drawing->moments[i].at_ns / 1000000, drawing->moments[i].at_ns / 1000 % 1000);
        draw_text(drawing->out, "time", MARGIN_LEFT - 4, drawing->moments[i].y + 4, text);
    }
}

/* A message that did not arrive ends before its receiver: at a cross, or, if it is still under way at
 * the end of the run, at nothing. */
static void draw_lost(const struct drawing *drawing, const struct sim_svg_message *message)
{
    int x = x_of(message->from), to_x = x_of(message->to), y = y_of(drawing, message->sent_ns);
    int end_y = message->lost_ns > message->sent_ns ? y_of(drawing, message->lost_ns)
                                                    : y + STEP_MIN / 2;
    int end_x = x + (to_x - x) * 4 / 5;

    fprintf(drawing->out, "<line class=\"%s lost\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
            class_of(message->kind), x, y, end_x, end_y);
    if (message->lost_ns != 0)
        draw_cross(drawing->out, "cross", end_x, end_y, 4);
}

static void draw_message(const struct drawing *drawing, const struct sim_svg_message *message)
{
    const char *class = class_of(message->kind);
    int x = x_of(message->from), to_x = x_of(message->to), y = y_of(drawing, message->sent_ns);

    if (message->arrived_ns != 0)
        draw_arrow(drawing->out, class, x, y, to_x, y_of(drawing, message->arrived_ns));
    if (message->again_ns != 0)
        draw_arrow(drawing->out, class, x, y, to_x, y_of(drawing, message->again_ns));
    if (message->arrived_ns == 0)
        draw_lost(drawing, message);
}

/* One text is enough for what goes to several the same way. */
static bool has_text(const struct sim_svg *svg, uint32_t index)
{
    const struct sim_svg_message *message = &svg->messages[index];

    for (uint32_t i = index; i > 0 && svg->messages[i - 1].sent_ns == message->sent_ns; i--) {
        const struct sim_svg_message *before = &svg->messages[i - 1];

        if (before->from == message->from && strcmp(before->text, message->text) == 0 &&
            (before->to > before->from) == (message->to > message->from))
            return true;
    }
    return false;
}

/* The text stands a little way along the arrow, past that of marks at the node. */
static void draw_message_text(const struct drawing *drawing, const struct sim_svg_message *message)
{
    int x = x_of(message->from), to_x = x_of(message->to), y = y_of(drawing, message->sent_ns);
    uint64_t end_ns = message->arrived_ns != 0 ? message->arrived_ns : message->lost_ns;
    int end_y = end_ns > message->sent_ns ? y_of(drawing, end_ns) : y + STEP_MIN / 2;
    int width = to_x > x ? to_x - x : x - to_x;
    int at = to_x > x ? TEXT_AT : -TEXT_AT;

    fprintf(drawing->out, "<text class=\"%s\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">",
            class_of(message->kind), x + at, y + (end_y - y) * TEXT_AT / width - 3);
    put_text(drawing->out, message->text);
    fputs("</text>\n", drawing->out);
}

static void draw_sign(const struct drawing *drawing, const struct sim_svg_mark *mark)
{
    int x = x_of(mark->node), y = y_of(drawing, mark->at_ns);

    switch (mark->mark) {
    case SIM_MARK_SYNCED:
        fprintf(drawing->out, "<rect class=\"sync\" x=\"%d\" y=\"%d\" width=\"7\" height=\"7\"/>\n",
                x - 3, y - 3);
        return;
    case SIM_MARK_DOWN:
    case SIM_MARK_FROZEN:
        draw_cross(drawing->out, "crash", x, y, 5);
        return;
    case SIM_MARK_UP:
        fprintf(drawing->out, "<circle class=\"start\" cx=\"%d\" cy=\"%d\" r=\"4\"/>\n", x, y);
        return;
    case SIM_MARK_NOTE:
    case SIM_MARK_LEADS:
    case SIM_MARK_DECIDED:
        return;
    }
}

static const char *class_of_mark(enum sim_mark mark)
{
    switch (mark) {
    case SIM_MARK_LEADS:
        return "leads";
    case SIM_MARK_DECIDED:
        return "decided";
    case SIM_MARK_DOWN:
    case SIM_MARK_FROZEN:
        return "failed";
    case SIM_MARK_NOTE:
    case SIM_MARK_SYNCED:
    case SIM_MARK_UP:
        break;
    }
    return "note";
}

static bool same_place(const struct sim_svg_mark *a, const struct sim_svg_mark *b)
{
    return a->at_ns == b->at_ns && a->node == b->node;
}

/* The text of all marks of one node at one moment is one line, below the point, so that arrows that
 * come from the right end above it. */
static void draw_mark_texts(const struct drawing *drawing, uint32_t first)
{
    const struct sim_svg *svg = drawing->svg;
    const struct sim_svg_mark *mark = &svg->marks[first];
    int x = mark->node == 0 ? drawing->width - COLUMN_RIGHT : x_of(mark->node);
    bool any = false;

    for (uint32_t i = first; i > 0 && svg->marks[i - 1].at_ns == mark->at_ns; i--)
        if (same_place(&svg->marks[i - 1], mark))
            return; /* the first of them has drawn it */
    fprintf(drawing->out, "<text x=\"%d\" y=\"%d\">", x + 8, y_of(drawing, mark->at_ns) + 11);
    for (uint32_t i = first; i < svg->mark_count && svg->marks[i].at_ns == mark->at_ns; i++) {
        if (!same_place(&svg->marks[i], mark) || svg->marks[i].text[0] == '\0')
            continue;
        fprintf(drawing->out, "<tspan class=\"%s\">%s", class_of_mark(svg->marks[i].mark),
                any ? ", " : "");
        put_text(drawing->out, svg->marks[i].text);
        fputs("</tspan>", drawing->out);
        any = true;
    }
    fputs("</text>\n", drawing->out);
}

void sim_svg_draw(const struct sim_svg *svg, FILE *out, const char *title)
{
    struct drawing drawing = {.svg = svg, .out = out};
    int width = x_of(svg->node_count) + COLUMN_RIGHT;

    drawing.width = width > WIDTH_MIN ? width : WIDTH_MIN;
    drawing.moments = calloc(4 * (size_t)svg->message_count + svg->mark_count + 1,
                             sizeof(*drawing.moments));
    assert(drawing.moments != NULL);
    collect_moments(&drawing);
    place_moments(&drawing);
    draw_head(&drawing, title);
    draw_legend(&drawing);
    draw_lines(&drawing);
    draw_times(&drawing);
    for (uint32_t i = 0; i < svg->message_count; i++)
        draw_message(&drawing, &svg->messages[i]);
    for (uint32_t i = 0; i < svg->message_count; i++)
        if (!has_text(svg, i))
            draw_message_text(&drawing, &svg->messages[i]);
    for (uint32_t i = 0; i < svg->mark_count; i++) {
        if (svg->marks[i].node != 0)
            draw_sign(&drawing, &svg->marks[i]);
        draw_mark_texts(&drawing, i);
    }
    fputs("</svg>\n", out);
    free(drawing.moments);
}
