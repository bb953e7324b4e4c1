/* SPDX-License-Identifier: MIT */
/* each_endpoint.h -- commands that ask each server for itself: those of --endpoints, or with --cluster
 * all members.
 *
 * Such a command names each_endpoint_argp as child, in place of client_options_argp, whose options it
 * has, too; it takes no arguments.
 */
#ifndef DECREE_CMD_EACH_ENDPOINT_H
#define DECREE_CMD_EACH_ENDPOINT_H

#include "client_options.h"
#include "table.h"

struct each_endpoint_settings {
    struct client_settings client;
    bool cluster;
};

extern const struct argp each_endpoint_argp;

/* Asks one server, by a client of it alone. The exit status that it alone would give; what is not
 * EXIT_OK was told. */
typedef int each_endpoint_ask(void *context, struct client *client, const char *endpoint);

/* Asks them one after the other; the worst exit status. One whom there is no client for is told of. */
int each_endpoint_run(const struct each_endpoint_settings *settings, each_endpoint_ask *ask,
                      void *context);

/* What a command shows of each: one message, as a row of a table or of simple lines, as JSON or as
 * fields. */
struct each_endpoint_view {
    enum output_format without_format; /* simple or table */
    const char *const *heads;
    size_t columns;
    const char *name; /* of the message, in JSON */
    enum grpc_status (*ask)(void *context, struct client *client, ProtobufCMessage **ret_message);
    void (*add_row)(struct table *table, const char *endpoint, const ProtobufCMessage *message);
    void (*print_fields)(const char *endpoint, const ProtobufCMessage *message);
};

/* The exit status. */
int each_endpoint_show(const struct each_endpoint_settings *settings,
                       const struct each_endpoint_view *view, void *context);

#endif
