/* SPDX-License-Identifier: MIT */
/* file_shelf.h -- keeps pieces of memory that never change again in files, so that they need no
 * memory of the process' own: what is read of them is in the page cache, which the kernel takes
 * back when somebody needs it more.
 *
 * Each piece is a file without a name (O_TMPFILE) in the data directory, mapped for reading; it is
 * gone with the process, and nothing on disk depends on it. Its room is allocated before anything
 * is written, and it is read only when the disk has taken all of it: so a full disk and one that fails
 * to write are told here, and the piece stays where it was. It is never synced, for it need not outlast
 * the process.
 * A thread of its own copies, maps and unmaps, so that a slow disk keeps nobody waiting, and looks
 * once a second how much of files the process has mapped into its memory: above 64 MiB it lets go
 * of one piece in eight, in turn. That costs the next reader of such a page about a microsecond;
 * what is read all the time is thus mapped nearly always, and what was read once, not for long.
 *
 * If the kernel has given a page away and the disk fails to read it back, the process ends by
 * SIGBUS, as it does when a sync of the journal fails.
 *
 * give(), take() and drop() are those of kv/shelf.h and for one thread, the owner's. There a piece
 * is given only when the one before was taken.
 */
#ifndef DECREE_NODE_FILE_SHELF_H
#define DECREE_NODE_FILE_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger.h"

struct file_shelf;

/* directory is copied and need not exist before the first piece is given; logger is borrowed until
 * close, and used by the thread. Errors: NOMEM. */
int file_shelf_open(struct file_shelf **ret_shelf, const char *directory,
                    const struct logger *logger);

/* All pieces were taken and dropped. NULL is fine. */
void file_shelf_close(struct file_shelf *shelf);

/* context is the shelf. */
void file_shelf_give(void *context, const uint8_t *bytes, size_t size);
bool file_shelf_take(void *context, bool wait, const uint8_t **ret_copy);
void file_shelf_drop(void *context, const uint8_t *copy, size_t size);

#endif
