/* SPDX-License-Identifier: MIT */
/* member_list.c -- see member_list.h. Each member's array of urls, its name and the bytes of its urls lie
 * in one block:
 *
 *     struct kv_bytes url 0, url 1, ... | name \0 | url 0 \0 | url 1 \0 ...
 */
#include "member_list.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"

#define MEMBERS_FIRST 4u

void members_init(struct members *members, struct allocator *allocator)
{
    *members = (struct members){.allocator = allocator};
}

/* The block of a member, or of what is told of one: the same size, whoever has it. */
static size_t block_size(size_t url_count, size_t text_size)
{
    return url_count * sizeof(struct kv_bytes) + text_size;
}

static size_t size_of(const struct kv_member *member)
{
    size_t text_size = member->name.size + 1;

    for (size_t i = 0; i < member->url_count; i++)
        text_size += member->urls[i].size + 1;
    return block_size(member->url_count, text_size);
}

static void *block_of(const struct kv_member *member)
{
    return (void *)(uintptr_t)member->urls;
}

void members_release(struct members *members)
{
    for (size_t i = 0; i < members->count; i++)
        allocator_free(members->allocator, block_of(&members->all[i]), size_of(&members->all[i]));
    allocator_free(members->allocator, members->all, members->capacity * sizeof(members->all[0]));
    *members = (struct members){.allocator = members->allocator};
}

static size_t told_text_size(const struct command_member *told)
{
    struct reader reader;
    size_t size = told->name.size + 1;

    reader_init(&reader, told->items.data, told->items.size);
    for (size_t i = 0; i < told->url_count; i++)
        size += command_read_url(&reader).size + 1;
    return size;
}

static struct kv_bytes write_text(struct kv_bytes text, uint8_t **at)
{
    struct kv_bytes written = {*at, text.size};

    if (text.size > 0)
        memcpy(*at, text.data, text.size);
    (*at)[text.size] = '\0';
    *at += text.size + 1;
    return written;
}

static struct kv_member copy_of(struct members *members, const struct command_member *told)
{
    size_t size = block_size(told->url_count, told_text_size(told));
    struct kv_bytes *urls = allocator_new(members->allocator, size);
    uint8_t *at = (uint8_t *)(urls + told->url_count);
    struct kv_member member = {.id = told->id, .urls = urls, .url_count = told->url_count};
    struct reader reader;

    member.name = write_text(told->name, &at);
    reader_init(&reader, told->items.data, told->items.size);
    for (size_t i = 0; i < told->url_count; i++)
        urls[i] = write_text(command_read_url(&reader), &at);
    assert(at == (uint8_t *)urls + size);
    return member;
}

void members_set(struct members *members, const struct command_member *told)
{
    struct kv_member member = copy_of(members, told);
    size_t before = members->capacity, at = 0;

    while (at < members->count && members->all[at].id != told->id)
        at++;
    if (at < members->count) {
        allocator_free(members->allocator, block_of(&members->all[at]), size_of(&members->all[at]));
    } else if (members->count++ == before) {
        members->capacity = before == 0 ? MEMBERS_FIRST : 2 * before;
        members->all = allocator_resize(members->allocator, members->all,
                                        before * sizeof(members->all[0]),
                                        members->capacity * sizeof(members->all[0]));
    }
    members->all[at] = member;
}
