/* SPDX-License-Identifier: MIT */
/* table.c -- see table.h. */
#include "table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"

void table_init(struct table *table, const char *const *heads, size_t columns)
{
    *table = (struct table){.columns = columns};
    for (size_t i = 0; i < columns; i++)
        table_add(table, "%s", heads[i]);
}

static void release(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct table){0};
}

static bool make_room(struct table *table)
{
    size_t room = table->room > 0 ? table->room * 2 : 64;
    char **cells;

    if (table->count < table->room)
        return true;
    cells = realloc(table->cells, room * sizeof(*cells));
    if (cells == NULL)
        return false;
    table->cells = cells;
    table->room = room;
    return true;
}

void table_add(struct table *table, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (!make_room(table) || vasprintf(&table->cells[table->count], format, arguments) < 0)
        table->failed = true;
    else
        table->count++;
    va_end(arguments);
}

/* Columns that a cell takes on the screen: one per character of UTF-8, near enough. */
static size_t cell_width(const char *cell)
{
    size_t width = 0;

    for (; *cell != '\0'; cell++)
        if (((unsigned char)*cell & 0xc0) != 0x80)
            width++;
    return width;
}

static void print_rule(const size_t *widths, size_t columns)
{
    for (size_t column = 0; column < columns; column++) {
        fputc('+', stdout);
        for (size_t i = 0; i < widths[column] + 2; i++)
            fputc('-', stdout);
    }
    puts("+");
}

static void print_lined(const struct table *table)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0}, columns = table->columns;

    for (size_t i = 0; i < table->count; i++)
        if (cell_width(table->cells[i]) > widths[i % columns])
            widths[i % columns] = cell_width(table->cells[i]);
    print_rule(widths, columns);
    for (size_t i = 0; i < table->count; i++) {
        size_t column = i % columns;

        printf("| %s%*s ", table->cells[i], (int)(widths[column] - cell_width(table->cells[i])),
               "");
        if (column + 1 == columns)
            puts("|");
        if (i + 1 == columns)
            print_rule(widths, columns);
    }
    print_rule(widths, columns);
}

static void print_plain(const struct table *table)
{
    for (size_t i = table->columns; i < table->count; i++)
        printf("%s%s", table->cells[i], (i + 1) % table->columns == 0 ? "\n" : ", ");
}

static int print_and_release(struct table *table, void (*print)(const struct table *table))
{
    int status = table->failed ? EXIT_FAILED : EXIT_OK;

    assert(table->columns > 0);
    assert(table->columns <= TABLE_COLUMNS_MAX);
    if (table->failed)
        fprintf(stderr, "decree: out of memory for the table\n");
    else if (table->count > table->columns)
        print(table);
    release(table);
    return status;
}

int table_print(struct table *table)
{
    return print_and_release(table, print_lined);
}

int table_print_simple(struct table *table)
{
    return print_and_release(table, print_plain);
}
