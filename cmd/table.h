/* SPDX-License-Identifier: MIT */
/* table.h -- rows of texts: with lines around them, or a row a line with commas between. */
#ifndef DECREE_CMD_TABLE_H
#define DECREE_CMD_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS_MAX 12u

struct table { /* row by row, the first the heads; zeroed before the first cell is added */
    size_t columns;
    char **cells;
    size_t count, room;
    bool failed; /* there was no memory for a cell */
};

/* Begins with the heads. */
void table_init(struct table *table, const char *const *heads, size_t columns);

/* The next cell. */
__attribute__((format(printf, 2, 3))) void table_add(struct table *table, const char *format, ...);

/* Each prints the table and releases it; one that has only heads is not printed. 0, or EXIT_FAILED after a
 * sentence: there was no memory. */
int table_print(struct table *table);
int table_print_simple(struct table *table); /* a row a line, without the heads */

#endif
