/* SPDX-License-Identifier: MIT */
/* client_options.h -- what all commands that ask a server have in common: where it is, how long to
 * wait, and how to print the answer.
 *
 * A command names client_options_argp as child of its own parser and gives a struct client_settings
 * as the child's input.
 */
#ifndef DECREE_CMD_CLIENT_OPTIONS_H
#define DECREE_CMD_CLIENT_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "endpoints.h"
#include "number.h"
#include "output.h"

struct client_settings {
    const char *endpoints;
    uint64_t timeout_ms, dial_timeout_ms;
    enum output_format format;
};

extern const struct argp client_options_argp;
extern const struct argp_child client_options_alone[]; /* for a command that has no other child */

/* Parses a command's line; on an error or after --help the process ends, as argp does. `command` is
 * what stands before the arguments in the usage line, such as "decree put". */
void client_parse(const struct argp *argp, const char *command, int argc, char **argv, void *input);

/* The same for a command whose options end with the first argument. */
void client_parse_in_order(const struct argp *argp, const char *command, int argc, char **argv,
                           void *input);

/* How many words at the front are such options and their values; for a line that begins with them. */
int client_options_count(int argc, char **argv);

/* The list of servers that the settings or the environment give. 0, or an exit status after a
 * sentence. */
int client_endpoints(const struct client_settings *settings, struct endpoints *ret_endpoints);

/* A client as the settings say. 0, or an exit status after a sentence on stderr. */
int client_connect(const struct client_settings *settings, struct client **ret_client);

/* Says on stderr what went wrong with a call, and returns the exit status for it. */
int client_failure(const struct client *client, enum grpc_status code);

/* Reads a lease's id, which is hexadecimal as etcdctl has it. */
bool lease_id_parse(const char *text, int64_t *ret_lease);

/* As number_parse(), for an argument or the value of an option; what: its name, for the sentence. */
uint64_t number_argument(const char *text, const char *what, uint64_t least, uint64_t most,
                         struct argp_state *state);

/* Reads "5s", "500ms", "1m30s" or plain seconds. False when it is none of these, or zero, or above a
 * day. */
bool duration_parse(const char *text, uint64_t *ret_ms);

#endif
