/* SPDX-License-Identifier: MIT */
/* failpoint_port.c -- lines that arm failpoints; see failpoint_port.h. */
#include "failpoint_port.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "line_server.h"

#define BLANKS " \t,"
#define LINE_BYTES 1024u

struct failpoint_port {
    struct line_server *lines;
    struct failpoints *failpoints;
    const struct cluster_spec *cluster;
    uint16_t number;
    void (*closed)(void *context);
    void *closed_context;
};

bool failpoint_host_is_safe(const char *host, char *sentence)
{
    struct in_addr four;
    struct in6_addr six;

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &four) == 1 && (ntohl(four.s_addr) >> 24) == 127)
        return true;
    if (inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six))
        return true;
    snprintf(sentence, SENTENCE_BYTES,
             "who reaches the failpoints can end this process, so they are on a loopback address "
             "only, such as 127.0.0.1:7101, and not on '%.80s'",
             host);
    return false;
}

/* ---- the words ---- */

static char *next_word(char **rest)
{
    char *word;

    *rest += strspn(*rest, BLANKS);
    word = *rest;
    *rest += strcspn(*rest, BLANKS);
    if (**rest != '\0')
        *(*rest)++ = '\0';
    return word;
}

static enum failpoint read_point(struct line_connection *connection, const char *word)
{
    enum failpoint point = failpoint_find(word);

    if (point == FAILPOINT_NONE)
        line_printf(connection, "ERROR no point has the name '%.40s'; 'list' names them\n", word);
    return point;
}

static decree_node_id find_member(const struct cluster_spec *cluster, const char *word)
{
    decree_node_id id = cluster_spec_find(cluster, word);
    char *end;
    unsigned long number;

    if (id != 0)
        return id;
    number = strtoul(word, &end, 10);
    return word[0] >= '0' && word[0] <= '9' && *end == '\0' && number <= cluster->count
               ? (decree_node_id)number
               : 0;
}

/* False: one of them is nobody, and that was said. */
static bool read_receivers(const struct failpoint_port *port, struct line_connection *connection,
                           char *rest, uint32_t *ret_receivers)
{
    uint32_t receivers = 0;

    for (const char *word = next_word(&rest); word[0] != '\0'; word = next_word(&rest)) {
        decree_node_id id = find_member(port->cluster, word);

        if (id == 0) {
            line_printf(connection, "ERROR no member has the name or number '%.40s'\n", word);
            return false;
        }
        receivers |= 1u << (id - 1);
    }
    *ret_receivers = receivers == 0 ? FAILPOINT_TO_ALL : receivers;
    return true;
}

/* ---- the commands ---- */

static void arm(struct failpoint_port *port, struct line_connection *connection, char *rest)
{
    enum failpoint point = read_point(connection, next_word(&rest));
    const char *when_word = next_word(&rest);
    bool before = strcasecmp(when_word, "before") == 0;
    uint32_t receivers;

    if (point == FAILPOINT_NONE)
        return;
    if (!before && strcasecmp(when_word, "after") != 0) {
        line_printf(connection, "ERROR write: arm %s before, or: arm %s after%s\n",
                    failpoint_name(point), failpoint_name(point),
                    failpoint_sends(point) ? " [IDS]" : "");
        return;
    }
    if (!read_receivers(port, connection, rest, &receivers))
        return;
    if (receivers != FAILPOINT_TO_ALL && (before || !failpoint_sends(point))) {
        line_printf(connection, "ERROR nothing is sent %s %s, so nobody can be named\n", when_word,
                    failpoint_name(point));
        return;
    }
    failpoints_arm(port->failpoints, point, before ? FAILPOINT_BEFORE : FAILPOINT_AFTER, receivers);
    line_printf(connection, "OK\n");
}

static void disarm(struct failpoint_port *port, struct line_connection *connection, char *rest)
{
    const char *word = next_word(&rest);
    enum failpoint chosen = FAILPOINT_NONE;

    if (word[0] != '\0' && (chosen = read_point(connection, word)) == FAILPOINT_NONE)
        return;
    for (int point = FAILPOINT_NONE + 1; point < FAILPOINTS; point++)
        if (chosen == FAILPOINT_NONE || chosen == (enum failpoint)point)
            failpoints_disarm(port->failpoints, (enum failpoint)point);
    line_printf(connection, "OK\n");
}

static void print_receivers(const struct failpoint_port *port, struct line_connection *connection,
                            uint32_t receivers)
{
    const char *between = " ";

    if (receivers == FAILPOINT_TO_ALL)
        return;
    for (uint32_t i = 0; i < port->cluster->count; i++) {
        if ((receivers & (1u << i)) == 0)
            continue;
        line_printf(connection, "%s%s", between, port->cluster->members[i].name);
        between = ",";
    }
}

static void list(const struct failpoint_port *port, struct line_connection *connection)
{
    static const char *const when_words[] = {"off", "before", "after"};

    for (int i = FAILPOINT_NONE + 1; i < FAILPOINTS; i++) {
        enum failpoint point = (enum failpoint)i;
        uint32_t receivers;
        enum failpoint_when when = failpoints_armed(port->failpoints, point, &receivers);

        line_printf(connection, "%s %s", failpoint_name(point), when_words[when]);
        if (when == FAILPOINT_AFTER)
            print_receivers(port, connection, receivers);
        line_printf(connection, " - where the node %s\n", failpoint_help(point));
    }
    line_printf(connection, "OK\n");
}

static void help(struct line_connection *connection)
{
    line_printf(connection,
                "arm POINT before|after [IDS]  the next time there, this node stops as by "
                "a crash;\n"
                "                              with IDS it has sent to these members "
                "alone\n");
    line_printf(connection, "disarm [POINT]                that point, or all\n"
                            "list                          the points, and how each is armed\n"
                            "crash                         stop now\n"
                            "help, quit\n"
                            "OK\n");
}

static void play(struct failpoint_port *port, struct line_connection *connection, char *line)
{
    char *rest = line;
    const char *word = next_word(&rest);

    if (strcasecmp(word, "arm") == 0)
        arm(port, connection, rest);
    else if (strcasecmp(word, "disarm") == 0)
        disarm(port, connection, rest);
    else if (strcasecmp(word, "list") == 0)
        list(port, connection);
    else if (strcasecmp(word, "crash") == 0)
        failpoints_crash(port->failpoints);
    else if (strcasecmp(word, "help") == 0)
        help(connection);
    else if (strcasecmp(word, "quit") == 0)
        line_finish(connection);
    else if (word[0] != '\0')
        line_printf(connection, "ERROR '%.40s' is none of arm, disarm, list, crash, help, quit\n",
                    word);
}

static void on_line(void *context, struct line_connection *connection, const uint8_t *bytes,
                    size_t size)
{
    char line[LINE_BYTES];

    if (size >= sizeof(line)) {
        line_printf(connection, "ERROR the line is too long\n");
        return;
    }
    memcpy(line, bytes, size);
    line[size] = '\0';
    play(context, connection, line);
}

static void on_closed(void *context, struct line_connection *connection)
{
    assert(context != NULL);
    (void)connection;
}

/* ---- life ---- */

static void on_lines_closed(void *context)
{
    struct failpoint_port *port = context;
    void (*closed)(void *context) = port->closed;
    void *closed_context = port->closed_context;

    free(port);
    closed(closed_context);
}

void failpoint_port_close(struct failpoint_port *port, void (*closed)(void *context), void *context)
{
    port->closed = closed;
    port->closed_context = context;
    line_server_close(port->lines, on_lines_closed, port);
}

uint16_t failpoint_port_number(const struct failpoint_port *port)
{
    return port->number;
}

static void ignore_closed(void *context)
{
    assert(context != NULL);
}

int failpoint_port_open(struct failpoint_port **ret_port, uv_loop_t *loop,
                        struct failpoints *failpoints, const struct cluster_spec *cluster,
                        const char *host, uint16_t number, const struct logger *logger,
                        char *sentence)
{
    const char *numeric = strcasecmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    struct failpoint_port *port = calloc(1, sizeof(*port));
    struct line_handler handler = {.context = port, .line = on_line, .closed = on_closed};
    int error = port == NULL ? DECREE_NOMEM
                             : line_server_open(&port->lines, loop, &handler, NULL, logger);

    if (error != 0) {
        free(port);
        return sentence_explain(sentence, error);
    }
    port->failpoints = failpoints;
    port->cluster = cluster;
    error = line_server_listen(port->lines, numeric, number, &port->number);
    if (error != 0) {
        failpoint_port_close(port, ignore_closed, loop);
        return sentence_fail(sentence, DECREE_IO, "cannot listen for failpoints on %s:%u: %s", host,
                             (unsigned)number, uv_strerror(error));
    }
    *ret_port = port;
    return 0;
}
