/* SPDX-License-Identifier: MIT */
/* demo_screen.c -- lines and the table of the demonstration. */
#include "demo_screen.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#define CLEAR_BELOW "\033[J"
#define UP "\033[%uA\r"

void demo_screen_init(struct demo_screen *screen)
{
    *screen = (struct demo_screen){.is_terminal = isatty(STDOUT_FILENO) == 1,
                                   .start_ns = uv_hrtime()};
    setvbuf(stdout, NULL, _IOFBF, 8192);
}

/* Takes the live table off the screen; the next line goes where it began. */
static void erase(struct demo_screen *screen)
{
    if (screen->lines > 0)
        printf(UP CLEAR_BELOW, screen->lines);
    screen->lines = 0;
}

void demo_screen_say(struct demo_screen *screen, const char *format, ...)
{
    va_list arguments;

    erase(screen);
    printf("%6.2f s  ", (double)(uv_hrtime() - screen->start_ns) / 1e9);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static const char *role(const struct demo_node *node, const struct demo_view *view)
{
    if (node->pid == 0)
        return "killed";
    if (!view->answers)
        return "starting";
    if (view->leader_id == 0)
        return "no leader";
    return view->leader_id == view->member_id ? "leader" : "follower";
}

static unsigned print_table(const struct demo_cluster *cluster, const struct demo_view *views,
                            const struct demo_progress *progress)
{
    printf("\n  %-5s %-16s %-9s %-10s %6s %9s %9s\n", "node", "clients", "process", "role", "round",
           "slot", "revision");
    for (size_t i = 0; i < DEMO_NODES; i++) {
        const struct demo_node *node = &cluster->nodes[i];

        printf("  %-5s %-16s ", node->name, node->endpoint);
        if (node->pid == 0)
            printf("%-9s ", "-");
        else
            printf("%-9d ", (int)node->pid);
        if (node->pid != 0 && views[i].answers)
            printf("%-10s %6" PRIu64 " %9" PRIu64 " %9" PRId64 "\n", role(node, &views[i]),
                   views[i].round, views[i].slot, views[i].revision);
        else
            printf("%-10s %6s %9s %9s\n", role(node, &views[i]), "-", "-", "-");
    }
    printf("  %" PRIu64 " writes acknowledged, %" PRIu64 " read back\n\n", progress->writes,
           progress->reads);
    return DEMO_NODES + 4;
}

void demo_screen_refresh(struct demo_screen *screen, const struct demo_cluster *cluster,
                         const struct demo_view *views, const struct demo_progress *progress)
{
    if (!screen->is_terminal)
        return;
    erase(screen);
    screen->lines = print_table(cluster, views, progress);
    fflush(stdout);
}

void demo_screen_show(struct demo_screen *screen, const struct demo_cluster *cluster,
                      const struct demo_view *views, const struct demo_progress *progress)
{
    erase(screen);
    print_table(cluster, views, progress);
    fflush(stdout);
}
