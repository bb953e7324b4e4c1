/* SPDX-License-Identifier: MIT */
/* etcd_urls.c -- see etcd_urls.h. */
#include "etcd_urls.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_BYTES 400u
#define HTTP "http://"

/* The entry at *at without the spaces around it; *at goes on behind its comma, to NULL after the last.
 * False: it is too long. */
static bool next_entry(const char **at, char *entry)
{
    const char *begin = *at + strspn(*at, " \t");
    const char *end = begin + strcspn(begin, ",");

    *at = *end == ',' ? end + 1 : NULL;
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if ((size_t)(end - begin) >= URL_BYTES)
        return false;
    memcpy(entry, begin, (size_t)(end - begin));
    entry[end - begin] = '\0';
    return true;
}

/* "http://host:port", perhaps with a slash at the end; the "host:port" is in *ret_address, which
 * points into url, where the slash is taken off. */
static int strip_url(const char *label, char *url, char **ret_address, char *sentence)
{
    size_t size = strlen(url);

    if (strncmp(url, "https://", 8) == 0)
        return sentence_fail(sentence, DECREE_INVALID,
                             "%s: '%s' asks for TLS, which there is not yet; say http:// instead",
                             label, url);
    if (strncmp(url, "unix", 4) == 0 && strstr(url, "://") != NULL)
        return sentence_fail(sentence, DECREE_INVALID,
                             "%s: '%s' is a socket in the file system, which decree can not use",
                             label, url);
    if (strncmp(url, HTTP, sizeof(HTTP) - 1) != 0)
        return sentence_fail(sentence, DECREE_INVALID,
                             "%s: '%s' is no URL such as http://127.0.0.1:2379", label, url);
    if (url[size - 1] == '/' && size > sizeof(HTTP) - 1)
        url[size - 1] = '\0';
    *ret_address = url + sizeof(HTTP) - 1;
    if (strchr(*ret_address, '/') != NULL)
        return sentence_fail(sentence, DECREE_INVALID,
                             "%s: '%s' has a path behind the port, where none can be", label, url);
    return 0;
}

static int add(struct serve_addresses *addresses, const struct serve_address *address,
               char *sentence)
{
    for (size_t i = 0; i < addresses->count; i++)
        if (addresses->list[i].port == address->port && address->port != 0 &&
            strcmp(addresses->list[i].host, address->host) == 0)
            return 0;
    if (addresses->count == SERVE_ADDRESSES_MAX)
        return sentence_fail(sentence, DECREE_INVALID, "more than %u addresses to listen on",
                             SERVE_ADDRESSES_MAX);
    addresses->list[addresses->count++] = *address;
    return 0;
}

int etcd_urls_parse(const char *label, const char *text, struct serve_addresses *ret_addresses,
                    char *sentence)
{
    char url[URL_BYTES], why[SENTENCE_BYTES], *host_port;
    struct serve_address address;

    assert(text != NULL);
    while (text != NULL) {
        int error;

        if (!next_entry(&text, url))
            return sentence_fail(sentence, DECREE_INVALID, "%s: a URL is longer than %u bytes",
                                 label, URL_BYTES - 1);
        error = strip_url(label, url, &host_port, sentence);
        if (error != 0)
            return error;
        if (cluster_address_parse(address.host, &address.port, host_port, true, why) != 0)
            return sentence_fail(sentence, DECREE_INVALID, "%s: %s", label, why);
        error = add(ret_addresses, &address, sentence);
        if (error != 0)
            return error;
    }
    return 0;
}

int addresses_parse(const char *text, struct serve_addresses *ret_addresses, char *sentence)
{
    char entry[URL_BYTES];
    struct serve_address address;

    while (text != NULL) {
        int error;

        if (!next_entry(&text, entry))
            return sentence_fail(sentence, DECREE_INVALID, "an address is longer than %u bytes",
                                 URL_BYTES - 1);
        error = cluster_address_parse(address.host, &address.port, entry, true, sentence);
        if (error == 0)
            error = add(ret_addresses, &address, sentence);
        if (error != 0)
            return error;
    }
    return 0;
}

/* ---- members ---- */

static int compare(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* From "name=http://host:port" to "name=host:port". */
static int strip_member(const char *label, char *entry, char *sentence)
{
    char *url = strchr(entry, '='), *host_port;
    int error;

    if (url == NULL)
        return sentence_fail(sentence, DECREE_INVALID,
                             "%s: '%s' is not name=http://host:port: there is no '='", label,
                             entry);
    error = strip_url(label, ++url, &host_port, sentence);
    if (error == 0)
        memmove(url, host_port, strlen(host_port) + 1);
    return error;
}

/* Behind the entries of the same name after sorting. */
static int check_names(const char *label, char (*entries)[URL_BYTES], size_t count, char *sentence)
{
    for (size_t i = 1; i < count; i++) {
        size_t size = strcspn(entries[i], "=") + 1;

        if (strncmp(entries[i - 1], entries[i], size) == 0)
            return sentence_fail(sentence, DECREE_INVALID,
                                 "%s: %.*s has two URLs; a member of decree has one", label,
                                 (int)size - 1, entries[i]);
    }
    return 0;
}

static int join(const char *label, char (*entries)[URL_BYTES], size_t count,
                struct cluster_spec *ret_cluster, char *sentence)
{
    char text[DECREE_MEMBERS_MAX * URL_BYTES], why[SENTENCE_BYTES];
    size_t size = 0;
    int error;

    for (size_t i = 0; i < count; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s", i > 0 ? "," : "",
                                 entries[i]);
    assert(size < sizeof(text));
    error = cluster_spec_parse(ret_cluster, text, false, why);
    return error == 0 ? 0 : sentence_fail(sentence, DECREE_INVALID, "%s: %s", label, why);
}

int etcd_cluster_parse(const char *label, const char *text, struct cluster_spec *ret_cluster,
                       char *sentence)
{
    char entries[DECREE_MEMBERS_MAX][URL_BYTES];
    size_t count = 0;
    int error = 0;

    assert(text != NULL);
    for (; text != NULL; count++) {
        if (count == DECREE_MEMBERS_MAX)
            return sentence_fail(sentence, DECREE_INVALID, "%s has more than %u members", label,
                                 DECREE_MEMBERS_MAX);
        if (!next_entry(&text, entries[count]))
            return sentence_fail(sentence, DECREE_INVALID, "%s: a member is longer than %u bytes",
                                 label, URL_BYTES - 1);
        error = strip_member(label, entries[count], sentence);
        if (error != 0)
            return error;
    }
    qsort(entries, count, sizeof(entries[0]), compare);
    error = check_names(label, entries, count, sentence);
    return error == 0 ? join(label, entries, count, ret_cluster, sentence) : error;
}

void etcd_urls_print(char *text, size_t size, const struct serve_addresses *addresses)
{
    size_t used = 0;

    assert(size > 0);
    text[0] = '\0';
    for (size_t i = 0; i < addresses->count; i++) {
        const struct serve_address *address = &addresses->list[i];

        used += (size_t)snprintf(text + used, size - used,
                                 strchr(address->host, ':') == NULL ? "%shttp://%s:%u"
                                                                    : "%shttp://[%s]:%u",
                                 i > 0 ? "," : "", address->host, (unsigned)address->port);
        assert(used < size);
    }
}
