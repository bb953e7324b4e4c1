/* SPDX-License-Identifier: MIT */
/* golden_script.h -- plays scripts and compares what happens with what is written below each
 * command.
 *
 *     golden [--rewrite] FILE...
 *
 * A line that begins with "> " is a command; the lines below it, up to the next command, comment or
 * empty line, are what it is expected to print. Lines that begin with # and empty lines are for the
 * reader. With --rewrite, or GOLDEN_REWRITE in the environment, the file gets what was printed
 * instead; read the difference before you keep it.
 */
#ifndef DECREE_TESTS_GOLDEN_SCRIPT_H
#define DECREE_TESTS_GOLDEN_SCRIPT_H

#include <stddef.h>

struct golden_text {
    char *data; /* ends with a zero */
    size_t size, room;
};

struct golden_player {
    void *(*begin)(struct golden_text *out); /* a script; the context of the others */
    void (*play)(void *context, char *line); /* one command; the line may be cut up */
    void (*end)(void *context);
};

/* For main(): plays the files named. The exit status. */
int golden_main(int argc, char **argv, const struct golden_player *player);

void golden_text_add(struct golden_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Cuts a line at spaces; how many words there are. */
int golden_split(char *line, char **words, int words_max);

#endif
