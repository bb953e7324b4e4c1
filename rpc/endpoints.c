/* SPDX-License-Identifier: MIT */
/* endpoints.c -- reading of a list of servers. */
#include "endpoints.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <decree/error.h>

static bool copy_text(char *target, size_t target_bytes, const char *text, size_t size)
{
    if (size == 0 || size >= target_bytes)
        return false;
    memcpy(target, text, size);
    target[size] = '\0';
    return true;
}

static bool is_port(const char *text, size_t size)
{
    unsigned number = 0;

    if (size == 0 || size > 5)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (unsigned)(text[i] - '0');
    }
    return number > 0 && number <= 65535;
}

/* Splits host and port of one item, brackets taken off; false when it is not of that form. */
static bool split(const char *item, size_t size, struct endpoint *endpoint)
{
    const char *end = item + size, *colon, *host = item;
    size_t host_size;

    for (colon = end; colon > item && *colon != ':';)
        colon--;
    if (colon == item || !is_port(colon + 1, (size_t)(end - colon - 1)))
        return false;
    host_size = (size_t)(colon - item);
    if (host_size > 2 && host[0] == '[' && host[host_size - 1] == ']') {
        host++;
        host_size -= 2;
    } else if (memchr(host, ':', host_size) != NULL) {
        return false; /* an IPv6 address without brackets: where does the port begin? */
    }
    return memchr(host, '/', host_size) == NULL &&
           copy_text(endpoint->host, sizeof(endpoint->host), host, host_size) &&
           copy_text(endpoint->port, sizeof(endpoint->port), colon + 1, (size_t)(end - colon - 1));
}

static int parse_item(const char *item, size_t size, struct endpoint *endpoint,
                      const char **ret_reason)
{
    static const char plain[] = "http://", secure[] = "https://";
    bool is_ipv6;

    if (size >= sizeof(secure) - 1 && memcmp(item, secure, sizeof(secure) - 1) == 0) {
        *ret_reason = "https endpoints are not supported: TLS is not there yet";
        return DECREE_INVALID;
    }
    if (size >= sizeof(plain) - 1 && memcmp(item, plain, sizeof(plain) - 1) == 0) {
        item += sizeof(plain) - 1;
        size -= sizeof(plain) - 1;
    }
    if (size > 0 && item[size - 1] == '/')
        size--;
    if (!split(item, size, endpoint)) {
        *ret_reason = "an endpoint must be host:port, such as 127.0.0.1:2379 or [::1]:2379";
        return DECREE_INVALID;
    }
    is_ipv6 = strchr(endpoint->host, ':') != NULL;
    snprintf(endpoint->name, sizeof(endpoint->name), is_ipv6 ? "[%s]:%s" : "%s:%s", endpoint->host,
             endpoint->port);
    return 0;
}

int endpoints_parse(const char *text, struct endpoints *ret_endpoints, const char **ret_reason)
{
    const char *at = text;

    assert(text != NULL);
    assert(ret_endpoints != NULL);
    ret_endpoints->count = 0;
    for (;;) {
        size_t size = strcspn(at, ",");
        int error;

        if (ret_endpoints->count == ENDPOINTS_MAX) {
            *ret_reason = "too many endpoints; 64 are the most";
            return DECREE_INVALID;
        }
        error = parse_item(at, size, &ret_endpoints->items[ret_endpoints->count], ret_reason);
        if (error != 0)
            return error;
        ret_endpoints->count++;
        at += size;
        if (*at == '\0')
            return 0;
        at++;
    }
}
