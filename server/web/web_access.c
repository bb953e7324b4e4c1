/* SPDX-License-Identifier: MIT */
/* web_access.c -- see web_access.h. What is said to a browser is written down for each origin once. */
#include "web_access.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <decree/error.h>

#define ORIGIN_BYTES_MAX 200u

/* ---- lists ---- */

static void free_list(char **list)
{
    for (char **at = list; at != NULL && *at != NULL; at++)
        free(*at);
    free(list);
}

static size_t count_items(const char *text)
{
    size_t count = 1;

    for (; *text != '\0'; text++)
        count += *text == ',';
    return count;
}

static bool has_item(char **list, const char *item, size_t size)
{
    for (; *list != NULL; list++)
        if (strlen(*list) == size && strncmp(*list, item, size) == 0)
            return true;
    return false;
}

/* A NULL list: all are welcome. Errors: NOMEM. */
static int read_list(const char *text, char ***ret_list)
{
    size_t count = 0;
    char **list;

    *ret_list = NULL;
    if (text == NULL || *text == '\0')
        return 0;
    list = calloc(count_items(text) + 1, sizeof(*list));
    if (list == NULL)
        return DECREE_NOMEM;
    for (;;) {
        size_t size = strcspn(text, ",");

        list[count] = strndup(text, size);
        if (list[count++] == NULL) {
            free_list(list);
            return DECREE_NOMEM;
        }
        if (text[size] == '\0')
            break;
        text += size + 1;
    }
    if (has_item(list, "*", 1)) {
        free_list(list);
        list = NULL;
    }
    *ret_list = list;
    return 0;
}

/* ---- origins ---- */

static int write_headers(const char *origin, char **ret_headers)
{
    for (const char *at = origin; *at != '\0'; at++)
        if (*at <= ' ' || *at == 0x7f)
            return DECREE_INVALID;
    if (strlen(origin) > ORIGIN_BYTES_MAX)
        return DECREE_INVALID;
    if (asprintf(ret_headers,
                 "Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE\r\n"
                 "Access-Control-Allow-Origin: %s\r\n"
                 "Access-Control-Allow-Headers: accept, content-type, authorization\r\n",
                 origin) < 0) {
        *ret_headers = NULL;
        return DECREE_NOMEM;
    }
    return 0;
}

static int write_all_headers(struct web_access *access)
{
    static char ALL[] = "*";
    char *all[] = {ALL, NULL}, **origins = access->origins != NULL ? access->origins : all;
    size_t count = 0;
    int error = 0;

    while (origins[count] != NULL)
        count++;
    access->origin_headers = calloc(count + 1, sizeof(*access->origin_headers));
    if (access->origin_headers == NULL)
        return DECREE_NOMEM;
    for (size_t i = 0; error == 0 && i < count; i++)
        error = write_headers(origins[i], &access->origin_headers[i]);
    return error;
}

int web_access_open(struct web_access *access, const char *origins, const char *hosts)
{
    int error;

    *access = (struct web_access){0};
    error = read_list(origins, &access->origins);
    if (error == 0)
        error = read_list(hosts, &access->hosts);
    if (error == 0)
        error = write_all_headers(access);
    if (error != 0)
        web_access_release(access);
    return error;
}

void web_access_release(struct web_access *access)
{
    free_list(access->hosts);
    free_list(access->origins);
    free_list(access->origin_headers);
    *access = (struct web_access){0};
}

/* NULL: the page may not read our answers. */
static const char *headers_for(const struct web_access *access, const char *origin)
{
    if (access->origins == NULL)
        return access->origin_headers[0];
    for (size_t i = 0; origin != NULL && access->origins[i] != NULL; i++)
        if (strcmp(access->origins[i], origin) == 0)
            return access->origin_headers[i];
    return NULL;
}

/* ---- requests ---- */

/* The name in "name", "name:port" or "[address]:port"; what looks otherwise is taken as it is. */
static bool host_allowed(const struct web_access *access, const char *host)
{
    const char *colon, *bracket;

    if (access->hosts == NULL)
        return true;
    if (host == NULL)
        return false;
    bracket = *host == '[' ? strchr(host, ']') : NULL;
    if (bracket != NULL && bracket[1] == ':')
        return has_item(access->hosts, host + 1, (size_t)(bracket - host - 1));
    colon = strchr(host, ':');
    if (colon == NULL || strchr(colon + 1, ':') != NULL)
        colon = host + strlen(host);
    return has_item(access->hosts, host, (size_t)(colon - host));
}

static bool wants_websocket(const struct http1_call *call)
{
    const char *upgrade = http1_header(call, "upgrade");

    return upgrade != NULL && strcasecmp(upgrade, "websocket") == 0;
}

unsigned web_access_admit(const struct web_access *access, struct http1_call *call,
                          const char **ret_text)
{
    const char *headers;

    if (!host_allowed(access, http1_header(call, "host"))) {
        *ret_text =
            "decree: this host is not known here by the name in the Host header; whoever runs "
            "it may add the name to --host-whitelist";
        return 421;
    }
    headers = headers_for(access, http1_header(call, "origin"));
    if (headers != NULL)
        http1_set_headers(call, headers);
    if (strcmp(http1_request_of(call)->method, "OPTIONS") == 0) {
        *ret_text = "";
        return 200;
    }
    if (wants_websocket(call)) {
        *ret_text =
            "decree: no WebSocket is spoken here; POST the request, and the answer is a stream "
            "of JSON, an object a line";
        return 501;
    }
    return 0;
}
