/* SPDX-License-Identifier: MIT */
/* serve_listen.c -- see serve_listen.h. */
#include "serve_listen.h"

#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define NUMERIC_BYTES 64u

/* The first address that the name has, as digits; one of IPv4 if there is any, because for localhost
 * that is where clients try. Returns what getaddrinfo() does. */
static int resolve(char *numeric, const char *name)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int error = getaddrinfo(name, NULL, &hints, &found);
    const struct addrinfo *best = found;

    while (best != NULL && best->ai_family != AF_INET)
        best = best->ai_next;
    if (best == NULL)
        best = found;
    if (error == 0)
        error = getnameinfo(best->ai_addr, best->ai_addrlen, numeric, NUMERIC_BYTES, NULL, 0,
                            NI_NUMERICHOST);
    if (found != NULL)
        freeaddrinfo(found);
    return error;
}

/* etcd_front_listen(), or its like. */
typedef int listen_function(struct etcd_front *front, const char *host, uint16_t port,
                            uint16_t *ret_port);

static int listen_on(struct etcd_front *front, const struct serve_address *address,
                     listen_function *listen_at, uint16_t *ret_port, char *sentence)
{
    char numeric[NUMERIC_BYTES];
    int error = resolve(numeric, address->host);

    if (error != 0)
        return sentence_fail(sentence, DECREE_IO, "cannot listen on '%s': %s", address->host,
                             gai_strerror(error));
    error = listen_at(front, numeric, address->port, ret_port);
    if (error == 0)
        return 0;
    return sentence_fail(sentence, DECREE_IO, "cannot listen for clients on %s:%u: %s",
                         address->host, (unsigned)address->port, uv_strerror(error));
}

int serve_listen(struct etcd_front *front, const struct serve_options *options,
                 uint16_t ret_ports[SERVE_ADDRESSES_MAX], char *sentence)
{
    uint16_t metrics_port;
    int error = 0;

    assert(options->clients.count > 0);
    assert(options->clients.count <= SERVE_ADDRESSES_MAX);
    for (size_t i = 0; i < options->clients.count && error == 0; i++)
        error = listen_on(front, &options->clients.list[i], etcd_front_listen, &ret_ports[i],
                          sentence);
    for (size_t i = 0; i < options->metrics.count && error == 0; i++)
        error = listen_on(front, &options->metrics.list[i], etcd_front_listen_metrics,
                          &metrics_port, sentence);
    return error;
}

static bool is_everywhere(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* Where it listens, and if that is everywhere, where the members find it. */
void serve_client_urls(const struct serve_options *options, const uint16_t *ports, char *urls)
{
    const struct cluster_member *self = &options->cluster.members[options->self - 1];
    size_t size = 0;

    if (options->client_urls != NULL) {
        assert(strlen(options->client_urls) < SERVE_URLS_BYTES);
        snprintf(urls, SERVE_URLS_BYTES, "%s", options->client_urls);
        return;
    }
    for (size_t i = 0; i < options->clients.count; i++) {
        const char *host = options->clients.list[i].host;

        if (is_everywhere(host))
            host = self->host;
        size += (size_t)snprintf(urls + size, SERVE_URLS_BYTES - size,
                                 strchr(host, ':') == NULL ? "%shttp://%s:%u" : "%shttp://[%s]:%u",
                                 i > 0 ? "," : "", host, (unsigned)ports[i]);
        assert(size < SERVE_URLS_BYTES);
    }
}
