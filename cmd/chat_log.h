/* SPDX-License-Identifier: MIT */
/* chat_log.h -- the state machine of `decree process`: texts in the order in which they were
 * decided, each once.
 *
 * A command is a text as it is. One that is in the log already changes nothing, and its sender is
 * told the slot where it stands. Nothing here depends on more than the commands.
 */
#ifndef DECREE_CMD_CHAT_LOG_H
#define DECREE_CMD_CHAT_LOG_H

#include <decree/node.h>

struct chat_log;

/* Errors: NOMEM. */
int chat_log_new(struct chat_log **ret_log);
void chat_log_free(struct chat_log *log); /* NULL is fine */

/* What it returns for a command is a decree_slot: where the text stands. A process without memory
 * ends. */
struct decree_machine chat_log_machine(struct chat_log *log);

/* Where the text stands; 0: nowhere. */
decree_slot chat_log_find(const struct chat_log *log, const void *text, size_t size);

/* All texts with commas between, without a zero at the end, to be freed; NULL: no memory. */
char *chat_log_join(const struct chat_log *log, size_t *ret_size);

#endif
