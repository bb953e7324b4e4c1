/* SPDX-License-Identifier: MIT */
/* watch_stats.c -- how many watch, for who reads metrics. */
#include "watch_hub_inside.h"

static uint64_t count_links(const struct list_link *list)
{
    uint64_t count = 0;

    for (const struct list_link *link = list->next; link != list; link = link->next)
        count++;
    return count;
}

void watch_hub_stats(const struct watch_hub *hub, struct watch_stats *ret_stats)
{
    *ret_stats = (struct watch_stats){.events = hub->events};
    ret_stats->behind = count_links(&hub->waiting) + count_links(&hub->behind.members);
    for (const struct list_link *link = hub->streams.next; link != &hub->streams;
         link = link->next) {
        const struct watch_stream *stream = list_owner(link, struct watch_stream, hub_link);

        ret_stats->streams++;
        ret_stats->watchers += stream->ids.count;
        ret_stats->behind += count_links(&stream->blocked);
    }
}
