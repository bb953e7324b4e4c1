/* SPDX-License-Identifier: MIT */
/* publisher.c -- see publisher.h. */
#include "publisher.h"

#include <assert.h>
#include <string.h>

#include "kv_propose.h"
#include "services.h"

#define LOOK_MS 1000u
#define FIRST_LOOK_MS 50u /* until requests are served */
#define URLS_MAX 64u

const struct kv_member *publisher_find(const struct kv *kv, uint64_t member_id)
{
    size_t count;
    const struct kv_member *members = kv_members(kv, &count);

    for (size_t i = 0; i < count; i++)
        if (members[i].id == member_id)
            return &members[i];
    return NULL;
}

static struct kv_bytes bytes_of(const char *text)
{
    return (struct kv_bytes){(const uint8_t *)text, strlen(text)};
}

static bool is_text(struct kv_bytes bytes, struct kv_bytes text)
{
    return bytes.size == text.size && memcmp(bytes.data, text.data, text.size) == 0;
}

static bool is_known(const struct publisher *publisher, const struct command_member *wanted)
{
    struct backend *backend = publisher->backend;
    const struct kv_member *known = publisher_find(backend->ops->kv(backend), wanted->id);

    if (known == NULL || !is_text(known->name, wanted->name) ||
        known->url_count != wanted->url_count)
        return false;
    for (size_t i = 0; i < wanted->url_count; i++)
        if (!is_text(known->urls[i], wanted->urls[i]))
            return false;
    return true;
}

static void on_timer(uv_timer_t *timer);

/* Whatever came of it: it is looked at again, at once if there may be news. */
static void on_published(void *argument, int error, decree_slot slot, void *result)
{
    struct publisher *publisher = argument;

    (void)slot;
    (void)result;
    assert(publisher->under_way);
    publisher->under_way = false;
    if (error == 0 && publisher->open)
        uv_timer_start(&publisher->timer, on_timer, 0, publisher->told ? LOOK_MS : FIRST_LOOK_MS);
}

/* Scripts, and etcd's own tests, wait for these words of etcd's log: "published", and of the second
 * line either half. */
static void tell(struct publisher *publisher)
{
    publisher->told = true;
    uv_timer_set_repeat(&publisher->timer, LOOK_MS);
    log_info(publisher->logger, "published", "node=%s", publisher->name);
    log_info(
        publisher->logger, "serving",
        "node=%s message=\"ready to serve client requests, enabled capabilities for version %s\"",
        publisher->name, ETCD_VERSION);
}

static void on_read(void *argument, int error, decree_slot slot, void *result)
{
    struct publisher *publisher = argument;

    (void)slot;
    (void)result;
    assert(publisher->under_way);
    publisher->under_way = false;
    if (error == 0 && publisher->open && !publisher->told)
        tell(publisher);
}

static void publish(struct publisher *publisher, const struct command *command)
{
    struct backend *backend = publisher->backend;
    struct decree_value *value = command_value(command);

    if (value != NULL)
        publisher->under_way = backend->ops->propose(backend, value, on_published, publisher) == 0;
    decree_value_unref(value);
}

static void on_timer(uv_timer_t *timer)
{
    struct publisher *publisher = timer->data;
    struct kv_bytes urls[URLS_MAX];
    struct command command = {.op = COMMAND_MEMBER,
                              .u.member = {.id = publisher->backend->member_id,
                                           .name = bytes_of(publisher->name),
                                           .urls = urls,
                                           .url_count = publisher->url_count}};
    const char *at = publisher->urls;

    if (publisher->under_way)
        return;
    for (size_t i = 0; i < publisher->url_count; i++, at += strlen(at) + 1)
        urls[i] = bytes_of(at);
    if (!is_known(publisher, &command.u.member))
        publish(publisher, &command);
    else if (!publisher->told)
        publisher->under_way = publisher->backend->ops->read(publisher->backend, on_read,
                                                             publisher) == 0;
}

void publisher_open(struct publisher *publisher, uv_loop_t *loop, struct backend *backend,
                    const char *name, const char *urls, size_t url_count,
                    const struct logger *logger)
{
    assert(name != NULL);
    *publisher = (struct publisher){.backend = backend,
                                    .name = name,
                                    .urls = urls,
                                    .url_count = url_count < URLS_MAX ? url_count : URLS_MAX,
                                    .logger = logger,
                                    .open = true};
    uv_timer_init(loop, &publisher->timer);
    publisher->timer.data = publisher;
    uv_timer_start(&publisher->timer, on_timer, 0, FIRST_LOOK_MS);
}

void publisher_close(struct publisher *publisher)
{
    if (!publisher->open)
        return;
    publisher->open = false;
    uv_close((uv_handle_t *)&publisher->timer, NULL);
}
