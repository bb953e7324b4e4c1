/* SPDX-License-Identifier: MIT */
/* lease_print.c -- etcdctl's JSON of leases is not that of the messages: the header's fields stand
 * flat among the others, and those have names of their own. */
#include "lease_print.h"

#include <inttypes.h>
#include <stdio.h>

#include "message_json.h"

#define ID "%016" PRIx64

static void open_json(const Etcdserverpb__ResponseHeader *header)
{
    output_json_open(header != NULL ? &header->base : NULL);
}

void lease_print_grant(enum output_format format, const Etcdserverpb__LeaseGrantResponse *response)
{
    if (format == OUTPUT_JSON) {
        open_json(response->header);
        printf("\"ID\":%" PRId64 ",\"TTL\":%" PRId64 ",\"Error\":", response->id, response->ttl);
        string_json_print(stdout, response->error);
        puts("}");
    } else if (!output_answer(format, &response->base)) {
        printf("lease " ID " granted with TTL(%" PRId64 "s)\n", response->id, response->ttl);
    }
}

void lease_print_revoke(enum output_format format, int64_t lease,
                        const Etcdserverpb__LeaseRevokeResponse *response)
{
    if (!output_answer(format, &response->base))
        printf("lease " ID " revoked\n", lease);
}

static void print_keys_json(const Etcdserverpb__LeaseTimeToLiveResponse *response)
{
    if (response->n_keys == 0)
        printf("null");
    for (size_t i = 0; i < response->n_keys; i++) {
        putchar(i == 0 ? '[' : ',');
        bytes_json_print(stdout, &response->keys[i]);
    }
    if (response->n_keys > 0)
        putchar(']');
}

static void print_keys(const Etcdserverpb__LeaseTimeToLiveResponse *response)
{
    printf(", attached keys([");
    for (size_t i = 0; i < response->n_keys; i++) {
        if (i > 0)
            putchar(' ');
        fwrite(response->keys[i].data, 1, response->keys[i].len, stdout);
    }
    printf("])");
}

void lease_print_time_to_live(enum output_format format, bool keys,
                              const Etcdserverpb__LeaseTimeToLiveResponse *response)
{
    if (format == OUTPUT_JSON) {
        open_json(response->header);
        printf("\"id\":%" PRId64 ",\"ttl\":%" PRId64 ",\"granted-ttl\":%" PRId64 ",\"keys\":",
               response->id, response->ttl, response->grantedttl);
        print_keys_json(response);
        puts("}");
    } else if (output_answer(format, &response->base)) {
        return;
    } else if (response->grantedttl == 0 && response->ttl == -1) {
        printf("lease " ID " already expired\n", response->id);
    } else {
        printf("lease " ID " granted with TTL(%" PRId64 "s), remaining(%" PRId64 "s)", response->id,
               response->grantedttl, response->ttl);
        if (keys)
            print_keys(response);
        putchar('\n');
    }
}

void lease_print_list(enum output_format format, const Etcdserverpb__LeaseLeasesResponse *response)
{
    if (format == OUTPUT_JSON) {
        open_json(response->header);
        printf("\"leases\":[");
        for (size_t i = 0; i < response->n_leases; i++)
            printf("%s{\"id\":%" PRId64 "}", i > 0 ? "," : "", response->leases[i]->id);
        puts("]}");
    } else if (!output_answer(format, &response->base)) {
        printf("found %zu leases\n", response->n_leases);
        for (size_t i = 0; i < response->n_leases; i++)
            printf(ID "\n", response->leases[i]->id);
    }
}

void lease_print_renewal(enum output_format format,
                         const Etcdserverpb__LeaseKeepAliveResponse *response)
{
    if (format == OUTPUT_JSON) {
        open_json(response->header);
        printf("\"ID\":%" PRId64 ",\"TTL\":%" PRId64 "}\n", response->id, response->ttl);
    } else if (!output_answer(format, &response->base)) {
        printf("lease " ID " keepalived with TTL(%" PRId64 ")\n", response->id, response->ttl);
    }
}
