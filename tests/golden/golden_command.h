/* SPDX-License-Identifier: MIT */
/* golden_command.h -- the command under way: its words, what they mean, and the table by which it is
 * found. Each player of scripts has a struct golden of its own, which begins with this. */
#ifndef DECREE_TESTS_GOLDEN_COMMAND_H
#define DECREE_TESTS_GOLDEN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "golden_script.h"

#define GOLDEN_WORDS_MAX 12

struct golden;

struct golden_command {
    struct golden_text *out;
    unsigned kinds;      /* of lines that are wanted, as bits */
    uint32_t node_count; /* 0: none were made */
    int word_count;
    char *words[GOLDEN_WORDS_MAX];
    bool wrong; /* it made no sense */
};

struct golden_row {
    const char *name;
    void (*play)(struct golden *golden);
    const char *usage;
    bool needs_no_nodes;
};

/* Plays the line: a row of the table, or a line that tells what is wrong. */
void golden_play(struct golden *golden, char *line, const struct golden_row *rows,
                 size_t row_count);

/* What is not there, or is something else, makes the command wrong. */
const char *golden_word(struct golden *golden, int index);
uint64_t golden_number(struct golden *golden, const char *text, const char *unit);
uint32_t golden_node(struct golden *golden, const char *text);

/* "1->2" */
void golden_link(struct golden *golden, int index, uint32_t *ret_from, uint32_t *ret_to);

/* Sets the kinds of lines by the names that the command has: "all", "nothing", or of these. */
void golden_show(struct golden *golden, const char *const *names, size_t count);

void golden_print_error(struct golden *golden, int error); /* 0: nothing */

#endif
