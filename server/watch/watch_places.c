/* SPDX-License-Identifier: MIT */
/* watch_places.c -- in which place a watcher is; see watch_hub.h.
 *
 * A set of kv/watch.h cannot go without memory. So the block that it may ask for is taken before,
 * where its lack can still be answered: the stream ends.
 */
#include <assert.h>
#include <stdlib.h>

#include "random_seed.h"
#include "watch_hub_inside.h"

#define RANGE_BYTES_MAX 256u /* of a range in a set, without its keys */

static void *resize_of_sets(void *context, void *memory, size_t size)
{
    struct watch_hub *hub = context;
    void *block = hub->spare;

    if (size == 0) {
        free(memory);
        return NULL;
    }
    assert(memory == NULL);
    assert(size <= hub->spare_size);
    hub->spare = NULL;
    hub->spare_size = 0;
    return block;
}

static void group_init(struct watch_hub *hub, struct watch_group *group)
{
    watch_set_init(&group->set, &hub->allocator);
    group->set.seed = random_seed();
    list_init(&group->members);
}

void hub_places_init(struct watch_hub *hub)
{
    hub->allocator = (struct allocator){.context = hub, .resize = resize_of_sets};
    group_init(hub, &hub->synced);
    group_init(hub, &hub->behind);
    list_init(&hub->waiting);
    hub->synced.next = kv_revision(hub->backend->ops->kv(hub->backend)) + 1;
}

static struct watch_group *group_of(struct watch_hub *hub, enum watcher_place place)
{
    assert(place == WATCHER_SYNCED || place == WATCHER_BEHIND);
    return place == WATCHER_SYNCED ? &hub->synced : &hub->behind;
}

void hub_leave(struct watcher *watcher)
{
    struct watch_hub *hub = watcher->stream->hub;

    if (watcher->watch.range != NULL)
        watch_remove(&group_of(hub, watcher->place)->set, &watcher->watch);
    list_remove(&watcher->place_link);
}

static bool take_spare(struct watch_hub *hub, const struct watcher *watcher)
{
    size_t size = RANGE_BYTES_MAX + watcher->key_size + watcher->range_end_size;

    if (hub->spare_size >= size)
        return true;
    free(hub->spare);
    hub->spare = malloc(size);
    hub->spare_size = hub->spare != NULL ? size : 0;
    return hub->spare != NULL;
}

static void enter(struct watch_hub *hub, struct watcher *watcher, enum watcher_place place)
{
    struct watch_group *group = group_of(hub, place);

    assert(watcher->watch.range == NULL);
    if (!take_spare(hub, watcher)) {
        hub_block(watcher); /* until the stream is closed */
        hub_fail_stream(watcher->stream, DECREE_NOMEM);
        return;
    }
    watcher->place = place;
    list_append(&group->members, &watcher->place_link);
    watch_add(&group->set, &watcher->watch, watcher_key(watcher), watcher_range_end(watcher));
}

static void on_awake(uv_idle_t *awake)
{
    assert(awake->data != NULL);
}

void hub_place(struct watch_hub *hub, struct watcher *watcher)
{
    int64_t next = watcher->next;

    hub_leave(watcher);
    if (next == 0 || next > hub_revision(hub)) {
        enter(hub, watcher, WATCHER_SYNCED);
        return;
    }
    if (list_alone(&hub->behind.members))
        hub->behind.next = next;
    if (next >= hub->behind.next) {
        enter(hub, watcher, WATCHER_BEHIND);
        uv_idle_start(&hub->awake, on_awake);
    } else {
        hub_wait(hub, watcher);
    }
}

void hub_block(struct watcher *watcher)
{
    hub_leave(watcher);
    watcher->place = WATCHER_BLOCKED;
    list_append(&watcher->stream->blocked, &watcher->place_link);
}

void hub_wait(struct watch_hub *hub, struct watcher *watcher)
{
    hub_leave(watcher);
    watcher->place = WATCHER_WAITING;
    list_append(&hub->waiting, &watcher->place_link);
    uv_idle_start(&hub->awake, on_awake);
}

static struct watcher *first_of(const struct list_link *place)
{
    return list_owner(place->next, struct watcher, place_link);
}

void hub_promote(struct watch_hub *hub, struct watch_group *group)
{
    assert(group->next == hub->synced.next);
    while (!list_alone(&group->members)) {
        struct watcher *watcher = first_of(&group->members);

        hub_leave(watcher);
        enter(hub, watcher, WATCHER_SYNCED);
    }
}

void hub_begin_sweep(struct watch_hub *hub)
{
    struct list_link waiting;

    assert(list_alone(&hub->behind.members));
    hub->behind.next = INT64_MAX;
    for (struct list_link *at = hub->waiting.next; at != &hub->waiting; at = at->next) {
        const struct watcher *watcher = list_owner(at, struct watcher, place_link);

        if (watcher->next < hub->behind.next)
            hub->behind.next = watcher->next;
    }
    list_init(&waiting);
    list_move_all(&waiting, &hub->waiting);
    while (!list_alone(&waiting)) {
        struct watcher *watcher = first_of(&waiting);

        hub_leave(watcher);
        enter(hub, watcher, WATCHER_BEHIND);
    }
}
