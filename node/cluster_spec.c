/* SPDX-License-Identifier: MIT */
/* cluster_spec.c -- reads "name=host:port,..." and says in one sentence what is wrong with it. */
#include "cluster_spec.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"

#define ENTRY_BYTES_MAX 512u

static bool is_name(const char *text, size_t size)
{
    if (size == 0 || size >= CLUSTER_NAME_BYTES)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && strchr("-_.", text[i]) == NULL)
            return false;
    return true;
}

static bool is_host(const char *text, size_t size, bool bracketed)
{
    if (size == 0 || size >= CLUSTER_HOST_BYTES)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) &&
            strchr(bracketed ? ":.%-_" : "-_.", text[i]) == NULL)
            return false;
    return true;
}

/* A decimal number up to 65535, or -1. */
static int32_t parse_port(const char *text)
{
    int32_t port = 0;

    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        if (!isdigit((unsigned char)*text))
            return -1;
        port = port * 10 + (*text - '0');
        if (port > UINT16_MAX)
            return -1;
    }
    return port;
}

int cluster_address_parse(char *ret_host, uint16_t *ret_port, const char *text, bool port_zero,
                          char *sentence)
{
    const char *colon = strrchr(text, ':');
    bool bracketed = text[0] == '[';
    const char *host = bracketed ? text + 1 : text;
    size_t host_size;
    int32_t port;

    assert(ret_host != NULL);
    assert(ret_port != NULL);
    if (colon == NULL)
        return sentence_fail(sentence, DECREE_INVALID, "'%s' is not host:port: there is no ':'",
                             text);
    if (bracketed && (colon == text || colon[-1] != ']'))
        return sentence_fail(sentence, DECREE_INVALID, "'%s' is not [host]:port: there is no ']:'",
                             text);
    host_size = (size_t)(colon - host) - (bracketed ? 1 : 0);
    if (!bracketed && memchr(host, ':', host_size) != NULL)
        return sentence_fail(sentence, DECREE_INVALID,
                             "'%s' has more than one ':'; write an IPv6 address as [address]:port",
                             text);
    if (!is_host(host, host_size, bracketed))
        return sentence_fail(sentence, DECREE_INVALID, "'%s' has no valid host before the port",
                             text);
    port = parse_port(colon + 1);
    if (port < 0 || (port == 0 && !port_zero))
        return sentence_fail(
            sentence, DECREE_INVALID,
            "'%s' has no valid port after the ':'; a port is a number from 1 to 65535", text);
    memcpy(ret_host, host, host_size);
    ret_host[host_size] = '\0';
    *ret_port = (uint16_t)port;
    return 0;
}

static int parse_member(struct cluster_member *member, const char *entry, bool address_optional,
                        char *sentence)
{
    size_t name_size = strcspn(entry, "=");

    if (*entry == '\0')
        return sentence_fail(
            sentence, DECREE_INVALID,
            "the cluster has an empty entry; write name=host:port,name=host:port,...");
    if (entry[name_size] == '\0' && !address_optional)
        return sentence_fail(sentence, DECREE_INVALID,
                             "'%s' is not name=host:port: there is no '='", entry);
    if (!is_name(entry, name_size))
        return sentence_fail(
            sentence, DECREE_INVALID,
            "'%s' does not begin with a valid name: up to %u letters, digits, '-', '_' or '.'",
            entry, CLUSTER_NAME_BYTES - 1);
    memcpy(member->name, entry, name_size);
    member->name[name_size] = '\0';
    if (entry[name_size] == '\0')
        return 0;
    return cluster_address_parse(member->host, &member->port, entry + name_size + 1, false,
                                 sentence);
}

/* The newest member must differ from those before it. */
static int check_member(const struct cluster_spec *spec, char *sentence)
{
    const struct cluster_member *member = &spec->members[spec->count - 1];

    for (const struct cluster_member *other = spec->members; other < member; other++) {
        if (strcmp(other->name, member->name) == 0)
            return sentence_fail(sentence, DECREE_INVALID, "the name '%s' is in the cluster twice",
                                 member->name);
        if (member->port != 0 && other->port == member->port &&
            strcmp(other->host, member->host) == 0)
            return sentence_fail(sentence, DECREE_INVALID,
                                 "'%s' and '%s' have the same address %s:%u", other->name,
                                 member->name, member->host, (unsigned)member->port);
    }
    return 0;
}

bool cluster_name_is_valid(const char *name)
{
    return is_name(name, strlen(name));
}

int cluster_spec_parse(struct cluster_spec *ret_spec, const char *text, bool addresses_optional,
                       char *sentence)
{
    assert(ret_spec != NULL);
    assert(sentence != NULL);
    memset(ret_spec, 0, sizeof(*ret_spec));
    for (;;) {
        char entry[ENTRY_BYTES_MAX];
        size_t size = strcspn(text, ",");
        int error;

        if (ret_spec->count == DECREE_MEMBERS_MAX)
            return sentence_fail(sentence, DECREE_INVALID, "the cluster has more than %u members",
                                 DECREE_MEMBERS_MAX);
        if (size >= sizeof(entry))
            return sentence_fail(sentence, DECREE_INVALID,
                                 "an entry of the cluster is longer than %u bytes",
                                 ENTRY_BYTES_MAX - 1);
        memcpy(entry, text, size);
        entry[size] = '\0';
        error = parse_member(&ret_spec->members[ret_spec->count], entry, addresses_optional,
                             sentence);
        if (error != 0)
            return error;
        ret_spec->count++;
        error = check_member(ret_spec, sentence);
        if (error != 0)
            return error;
        if (text[size] == '\0')
            return 0;
        text += size + 1;
    }
}

decree_node_id cluster_spec_find(const struct cluster_spec *spec, const char *name)
{
    assert(spec->count <= DECREE_MEMBERS_MAX);
    for (uint32_t i = 0; i < spec->count; i++)
        if (strcmp(spec->members[i].name, name) == 0)
            return i + 1;
    return 0;
}

const char *cluster_spec_name(const struct cluster_spec *spec, decree_node_id id)
{
    assert(spec->count <= DECREE_MEMBERS_MAX);
    return id >= 1 && id <= spec->count ? spec->members[id - 1].name : "?";
}

uint64_t cluster_spec_id(const struct cluster_spec *spec, const char *token,
                         uint32_t prepare_quorum, uint32_t vote_quorum)
{
    uint64_t id = checksum(token, strlen(token) + 1, 0);
    uint8_t numbers[12];
    struct writer writer;

    for (uint32_t i = 0; i < spec->count; i++)
        id = checksum(spec->members[i].name, strlen(spec->members[i].name) + 1, id);
    writer_init(&writer, numbers, sizeof(numbers));
    write_u32(&writer, spec->count);
    write_u32(&writer, prepare_quorum);
    write_u32(&writer, vote_quorum);
    assert(!writer.failed);
    id = checksum(numbers, sizeof(numbers), id);
    return id == 0 ? 1 : id;
}

uint64_t cluster_spec_identity(const struct cluster_spec *spec, const char *token,
                               uint32_t prepare_quorum, uint32_t vote_quorum, char *ret_text)
{
    uint64_t id = cluster_spec_id(spec, token, prepare_quorum, vote_quorum);

    snprintf(ret_text, CLUSTER_IDENTITY_BYTES, "%.64s-%016" PRIx64, token, id);
    return id;
}
