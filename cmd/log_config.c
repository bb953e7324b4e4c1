/* SPDX-License-Identifier: MIT */
/* log_config.c -- reads spaxos' JSON and says of every mistake where it is. */
#include "log_config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (1u << 20)
#define HEARTBEAT_MS_DEFAULT 100
#define MS_MAX 3600000
#define HEARTBEATS_MIN 5 /* in an election timeout */
#define PLACE_BYTES 64u
#define NAMES_BYTES 256u

struct reading {
    const char *file;
    char *sentence;
    int64_t ids[DECREE_MEMBERS_MAX]; /* of the groups, in order */
};

__attribute__((format(printf, 2, 3))) static int wrong(struct reading *reading, const char *format,
                                                       ...)
{
    va_list arguments;
    int size = snprintf(reading->sentence, SENTENCE_BYTES, "%.256s: ", reading->file);

    assert(size > 0);
    va_start(arguments, format);
    vsnprintf(reading->sentence + size, SENTENCE_BYTES - (size_t)size, format, arguments);
    va_end(arguments);
    return DECREE_INVALID;
}

/* ---- values ---- */

/* What the value is, for a sentence; text holds PLACE_BYTES. */
static const char *describe(const json_t *value, char *text)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        snprintf(text, PLACE_BYTES, "\"%.40s\"", json_string_value(value));
        return text;
    case JSON_INTEGER:
        snprintf(text, PLACE_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return text;
    case JSON_REAL:
        snprintf(text, PLACE_BYTES, "%g", json_real_value(value));
        return text;
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

static int read_number(struct reading *reading, const json_t *object, const char *place,
                       const char *name, int64_t most, int64_t *ret_number)
{
    const json_t *value = json_object_get(object, name);
    char text[PLACE_BYTES];

    if (value == NULL)
        return wrong(reading, "%s%s is missing", place, name);
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > most)
        return wrong(reading, "%s%s must be a number from 1 to %" PRId64 ", not %s", place, name,
                     most, describe(value, text));
    *ret_number = json_integer_value(value);
    return 0;
}

static int read_string(struct reading *reading, const json_t *object, const char *place,
                       const char *name, size_t bytes_max, char *ret_text)
{
    const json_t *value = json_object_get(object, name);
    char text[PLACE_BYTES];

    if (value == NULL)
        return wrong(reading, "%s%s is missing", place, name);
    if (!json_is_string(value) || json_string_length(value) == 0 ||
        json_string_length(value) >= bytes_max)
        return wrong(reading, "%s%s must be a text of 1 to %zu bytes, not %s", place, name,
                     bytes_max - 1, describe(value, text));
    memcpy(ret_text, json_string_value(value), json_string_length(value) + 1);
    return 0;
}

/* Says of a key that is none of names what it is. */
static int check_keys(struct reading *reading, json_t *object, const char *place,
                      const char *const *names)
{
    char all[NAMES_BYTES] = "";
    const char *key;
    json_t *value;

    for (const char *const *name = names; *name != NULL; name++)
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", name == names ? "" : ", ",
                 *name);
    json_object_foreach(object, key, value)
    {
        const char *const *name = names;

        while (*name != NULL && strcmp(*name, key) != 0)
            name++;
        if (*name == NULL)
            return wrong(reading, "%s%.40s is not known here; there are %s", place, key, all);
    }
    return 0;
}

/* ---- members ---- */

static int read_group(struct reading *reading, json_t *group, size_t index, int64_t *ret_id,
                      struct cluster_member *ret_member)
{
    static const char *const names[] = {"id", "ip", "port", NULL};
    char place[PLACE_BYTES], text[PLACE_BYTES];
    int64_t port = 0;
    int error;

    snprintf(place, sizeof(place), "groups[%zu]", index);
    if (!json_is_object(group))
        return wrong(reading, "%s must be {\"id\": ..., \"ip\": ..., \"port\": ...}, not %s", place,
                     describe(group, text));
    snprintf(place, sizeof(place), "groups[%zu].", index);
    error = check_keys(reading, group, place, names);
    if (error == 0)
        error = read_number(reading, group, place, "id", INT64_MAX, ret_id);
    if (error == 0)
        error = read_string(reading, group, place, "ip", sizeof(ret_member->host),
                            ret_member->host);
    if (error == 0)
        error = read_number(reading, group, place, "port", UINT16_MAX, &port);
    ret_member->port = (uint16_t)port;
    if (error == 0)
        snprintf(ret_member->name, sizeof(ret_member->name), "n%" PRId64, *ret_id);
    return error;
}

/* Puts the member in its place by id. */
static int add_member(struct reading *reading, struct cluster_spec *cluster, size_t index,
                      int64_t id, const struct cluster_member *member)
{
    uint32_t at = cluster->count;

    while (at > 0 && reading->ids[at - 1] >= id) {
        at--;
        if (reading->ids[at] == id)
            return wrong(reading, "groups[%zu].id is %" PRId64 ", as that of another member", index,
                         id);
    }
    for (uint32_t i = 0; i < cluster->count; i++)
        if (cluster->members[i].port == member->port &&
            strcmp(cluster->members[i].host, member->host) == 0)
            return wrong(reading, "groups[%zu] has the address %.64s:%u, as another member", index,
                         member->host, (unsigned)member->port);
    memmove(&cluster->members[at + 1], &cluster->members[at],
            (cluster->count - at) * sizeof(*member));
    memmove(&reading->ids[at + 1], &reading->ids[at],
            (cluster->count - at) * sizeof(reading->ids[0]));
    cluster->members[at] = *member;
    reading->ids[at] = id;
    cluster->count++;
    return 0;
}

static int read_groups(struct reading *reading, const json_t *root, struct cluster_spec *cluster)
{
    const json_t *groups = json_object_get(root, "groups");
    char text[PLACE_BYTES];

    if (groups == NULL)
        return wrong(reading, "groups is missing");
    if (!json_is_array(groups) || json_array_size(groups) < 1 ||
        json_array_size(groups) > DECREE_MEMBERS_MAX)
        return wrong(reading, "groups must be a list of 1 to %u members, not %s",
                     DECREE_MEMBERS_MAX,
                     json_is_array(groups) ? "one of another length" : describe(groups, text));
    for (size_t i = 0; i < json_array_size(groups); i++) {
        struct cluster_member member = {0};
        int64_t id = 0;
        int error = read_group(reading, json_array_get(groups, i), i, &id, &member);

        if (error == 0)
            error = add_member(reading, cluster, i, id, &member);
        if (error != 0)
            return error;
    }
    return 0;
}

static int read_self(struct reading *reading, const json_t *root, struct log_config *config)
{
    int64_t self = 0;
    int error = read_number(reading, root, "", "selfid", INT64_MAX, &self);

    if (error != 0)
        return error;
    for (uint32_t i = 0; i < config->cluster.count; i++)
        if (reading->ids[i] == self)
            config->self = i + 1;
    if (config->self == 0)
        return wrong(reading, "selfid is %" PRId64 ", and no member in groups has this id", self);
    return 0;
}

/* ---- times ---- */

static int read_times(struct reading *reading, const json_t *root, struct log_config *config)
{
    static const char *const names[] = {"heartbeat", "instimeoutbase", "instimeoutrange", NULL};
    json_t *times = json_object_get(root, "stimeout");
    int64_t heartbeat = HEARTBEAT_MS_DEFAULT, base = 1000, range = 1;
    char text[PLACE_BYTES];
    int error = 0;

    if (times != NULL) {
        if (!json_is_object(times))
            return wrong(reading, "stimeout must be an object, not %s", describe(times, text));
        error = check_keys(reading, times, "stimeout.", names);
        if (error == 0)
            error = read_number(reading, times, "stimeout.", names[0], MS_MAX, &heartbeat);
        if (error == 0)
            error = read_number(reading, times, "stimeout.", names[1], MS_MAX, &base);
        if (error == 0)
            error = read_number(reading, times, "stimeout.", names[2], MS_MAX, &range);
    }
    config->heartbeat_ms = (uint32_t)heartbeat;
    config->election_ms = (uint32_t)(base + range > HEARTBEATS_MIN * heartbeat
                                         ? base + range
                                         : HEARTBEATS_MIN * heartbeat);
    return error;
}

/* ---- all of it ---- */

static int read_root(struct reading *reading, json_t *root, struct log_config *config)
{
    static const char *const names[] = {"selfid", "groups", "path", "stimeout", NULL};
    char text[PLACE_BYTES];
    int error;

    if (!json_is_object(root))
        return wrong(reading, "it must be {\"selfid\": ..., \"groups\": [...], ...}, not %s",
                     describe(root, text));
    error = check_keys(reading, root, "", names);
    if (error == 0)
        error = read_groups(reading, root, &config->cluster);
    if (error == 0)
        error = read_self(reading, root, config);
    if (error == 0)
        error = read_string(reading, root, "", "path", sizeof(config->path), config->path);
    if (error == 0)
        error = read_times(reading, root, config);
    return error;
}

/* file is for the sentence. */
static int parse(struct log_config *ret_config, const char *text, size_t size, const char *file,
                 char *sentence)
{
    struct reading reading = {.file = file, .sentence = sentence};
    struct log_config config = {0};
    json_error_t where;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    int error;

    if (root == NULL)
        return wrong(&reading, "line %d, column %d: %s", where.line, where.column, where.text);
    error = read_root(&reading, root, &config);
    json_decref(root);
    if (error == 0)
        *ret_config = config;
    return error;
}

int log_config_read(struct log_config *ret_config, const char *file, char *sentence)
{
    FILE *stream = fopen(file, "rb");
    char *text = malloc(FILE_BYTES_MAX);
    size_t size = stream != NULL && text != NULL ? fread(text, 1, FILE_BYTES_MAX, stream) : 0;
    int error = DECREE_IO;

    if (stream == NULL || ferror(stream))
        snprintf(sentence, SENTENCE_BYTES, "cannot read %.512s: %s", file, strerror(errno));
    else if (text == NULL)
        snprintf(sentence, SENTENCE_BYTES, "out of memory");
    else if (size == FILE_BYTES_MAX)
        snprintf(sentence, SENTENCE_BYTES,
                 "%.512s is longer than any configuration: more than %u bytes", file,
                 FILE_BYTES_MAX);
    else
        error = parse(ret_config, text, size, file, sentence);
    if (stream != NULL)
        (void)fclose(stream);
    free(text);
    return error;
}
