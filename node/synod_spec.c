/* SPDX-License-Identifier: MIT */
/* synod_spec.c -- reading and ordering the addresses, and the rule of quorums. */
#include "synod_spec.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"

#define HOST_DEFAULT "127.0.0.1"
#define ADDRESS_BYTES_MAX (CLUSTER_HOST_BYTES + 10u) /* with brackets and a port */
#define SYNOD_TOKEN "decree synod"

/* What people call the address; the usual host is left out, as they leave it out. */
static void name_member(struct synod_member *member)
{
    const char *format = strchr(member->host, ':') != NULL ? "[%s]:%u" : "%s:%u";

    if (strcmp(member->host, HOST_DEFAULT) == 0)
        snprintf(member->name, sizeof(member->name), ":%u", (unsigned)member->port);
    else
        snprintf(member->name, sizeof(member->name), format, member->host, (unsigned)member->port);
}

int synod_address_parse(struct synod_member *ret_member, const char *text, char *sentence)
{
    char whole[sizeof(HOST_DEFAULT) + ADDRESS_BYTES_MAX];
    int error;

    assert(text != NULL);
    if (strlen(text) > ADDRESS_BYTES_MAX)
        return sentence_fail(sentence, DECREE_INVALID, "an address is longer than %u bytes",
                             ADDRESS_BYTES_MAX);
    snprintf(whole, sizeof(whole), "%s%s", text[0] == ':' ? HOST_DEFAULT : "", text);
    error = cluster_address_parse(ret_member->host, &ret_member->port, whole, false, sentence);
    if (error != 0)
        return error;
    for (char *c = ret_member->host; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    if (strcmp(ret_member->host, "localhost") == 0)
        memcpy(ret_member->host, HOST_DEFAULT, sizeof(HOST_DEFAULT));
    name_member(ret_member);
    return 0;
}

static int compare_members(const void *a, const void *b)
{
    const struct synod_member *left = a, *right = b;
    int order = strcmp(left->host, right->host);

    return order != 0 ? order : (int)left->port - (int)right->port;
}

static int add_others(struct synod_spec *spec, const char *text, char *sentence)
{
    while (text != NULL && *text != '\0') {
        char entry[ADDRESS_BYTES_MAX + 1];
        size_t size = strcspn(text, ",");
        int error;

        if (spec->count == DECREE_MEMBERS_MAX)
            return sentence_fail(sentence, DECREE_INVALID, "there are more than %u nodes",
                                 DECREE_MEMBERS_MAX);
        if (size == 0 || size >= sizeof(entry))
            return sentence_fail(
                sentence, DECREE_INVALID,
                "-others has an empty or overlong entry; write -others=:5002,:5003");
        memcpy(entry, text, size);
        entry[size] = '\0';
        error = synod_address_parse(&spec->members[spec->count], entry, sentence);
        if (error != 0)
            return error;
        spec->count++;
        text += size;
        if (*text == ',' && *++text == '\0')
            return sentence_fail(sentence, DECREE_INVALID, "-others ends in a comma");
    }
    return 0;
}

/* Sorts, and finds out which one this node is. */
static int order_members(struct synod_spec *spec, char *sentence)
{
    struct synod_member self = spec->members[0];

    assert(spec->count > 0);
    qsort(spec->members, spec->count, sizeof(spec->members[0]), compare_members);
    for (uint32_t i = 0; i < spec->count; i++) {
        if (compare_members(&spec->members[i], &self) == 0)
            spec->self = i + 1;
        if (i > 0 && compare_members(&spec->members[i - 1], &spec->members[i]) == 0)
            return sentence_fail(
                sentence, DECREE_INVALID,
                "%s is named twice; -self names this node, -others the other ones only",
                spec->members[i].name);
    }
    assert(spec->self != 0);
    return 0;
}

static int check_quorums(const struct synod_spec *spec, char *sentence)
{
    uint32_t n = spec->count, q1 = spec->prepare_quorum, q2 = spec->vote_quorum;

    if (q1 > n || q2 > n)
        return sentence_fail(
            sentence, DECREE_QUORUM,
            "%s %u is more than the %u %s that there are (-self and -others): such a "
            "quorum can never be reached",
            q1 > n ? "prepareNum" : "voteNum", q1 > n ? q1 : q2, n, n == 1 ? "node" : "nodes");
    if (q1 + q2 <= n)
        return sentence_fail(
            sentence, DECREE_QUORUM,
            "prepareNum %u and voteNum %u are unsafe with %u nodes: %u + %u is not more "
            "than %u, so who prepares might not meet who voted, and two values could be "
            "chosen. The rule is prepareNum + voteNum > number of nodes; with prepareNum "
            "%u, voteNum must be at least %u",
            q1, q2, n, q1, q2, n, q1, n - q1 + 1);
    return 0;
}

int synod_spec_parse(struct synod_spec *ret_spec, const char *self, const char *others,
                     uint32_t prepare_quorum, uint32_t vote_quorum, char *sentence)
{
    uint32_t majority;
    int error;

    assert(self != NULL);
    assert(sentence != NULL);
    memset(ret_spec, 0, sizeof(*ret_spec));
    error = synod_address_parse(&ret_spec->members[0], self, sentence);
    if (error != 0)
        return error;
    ret_spec->count = 1;
    error = add_others(ret_spec, others, sentence);
    if (error == 0)
        error = order_members(ret_spec, sentence);
    if (error != 0)
        return error;
    majority = ret_spec->count / 2 + 1;
    ret_spec->prepare_quorum = prepare_quorum == 0 ? majority : prepare_quorum;
    ret_spec->vote_quorum = vote_quorum == 0 ? majority : vote_quorum;
    return check_quorums(ret_spec, sentence);
}

const char *synod_spec_name(const struct synod_spec *spec, decree_node_id id)
{
    assert(spec->count <= DECREE_MEMBERS_MAX);
    return id >= 1 && id <= spec->count ? spec->members[id - 1].name : "?";
}

uint64_t synod_spec_id(const struct synod_spec *spec)
{
    uint64_t id = checksum(SYNOD_TOKEN, sizeof(SYNOD_TOKEN), 0);
    uint8_t numbers[12];
    struct writer writer;

    for (uint32_t i = 0; i < spec->count; i++)
        id = checksum(spec->members[i].name, strlen(spec->members[i].name) + 1, id);
    writer_init(&writer, numbers, sizeof(numbers));
    write_u32(&writer, spec->count);
    write_u32(&writer, spec->prepare_quorum);
    write_u32(&writer, spec->vote_quorum);
    assert(!writer.failed);
    id = checksum(numbers, sizeof(numbers), id);
    return id == 0 ? 1 : id;
}
