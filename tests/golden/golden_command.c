/* SPDX-License-Identifier: MIT */
/* golden_command.c -- see golden_command.h. */
#include "golden_command.h"

#include <decree/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct golden_command *command_of(struct golden *golden)
{
    return (struct golden_command *)(void *)golden;
}

const char *golden_word(struct golden *golden, int index)
{
    struct golden_command *command = command_of(golden);

    if (index >= command->word_count) {
        command->wrong = true;
        return "1";
    }
    return command->words[index];
}

uint64_t golden_number(struct golden *golden, const char *text, const char *unit)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);

    if (end == text || strcmp(end, unit) != 0)
        command_of(golden)->wrong = true;
    return number;
}

uint32_t golden_node(struct golden *golden, const char *text)
{
    struct golden_command *command = command_of(golden);
    uint64_t id = golden_number(golden, text, "");

    if (id < 1 || id > command->node_count)
        command->wrong = true;
    return command->wrong ? 1 : (uint32_t)id;
}

void golden_link(struct golden *golden, int index, uint32_t *ret_from, uint32_t *ret_to)
{
    char text[8] = "";
    char *arrow;

    snprintf(text, sizeof(text), "%s", golden_word(golden, index));
    arrow = strstr(text, "->");
    if (arrow == NULL) {
        command_of(golden)->wrong = true;
        return;
    }
    *arrow = '\0';
    *ret_from = golden_node(golden, text);
    *ret_to = golden_node(golden, arrow + 2);
}

void golden_show(struct golden *golden, const char *const *names, size_t count)
{
    struct golden_command *command = command_of(golden);

    command->kinds = 0;
    for (int i = 1; i < command->word_count; i++) {
        unsigned before = command->kinds;

        for (size_t j = 0; j < count; j++)
            if (strcmp(command->words[i], names[j]) == 0 || strcmp(command->words[i], "all") == 0)
                command->kinds |= 1u << j;
        if (command->kinds == before && strcmp(command->words[i], "nothing") != 0)
            command->wrong = true;
    }
}

void golden_print_error(struct golden *golden, int error)
{
    if (error != 0)
        golden_text_add(command_of(golden)->out, "error %s\n", decree_error_name(error));
}

void golden_play(struct golden *golden, char *line, const struct golden_row *rows, size_t row_count)
{
    struct golden_command *command = command_of(golden);
    bool known = false;

    command->word_count = golden_split(line, command->words, GOLDEN_WORDS_MAX);
    command->wrong = command->word_count == 0;
    for (size_t i = 0; i < row_count && !command->wrong; i++) {
        if (strcmp(rows[i].name, command->words[0]) != 0)
            continue;
        known = true;
        command->wrong = command->node_count == 0 && !rows[i].needs_no_nodes;
        if (!command->wrong)
            rows[i].play(golden);
        if (command->wrong)
            golden_text_add(command->out, "usage: %s %s\n", rows[i].name, rows[i].usage);
    }
    if (!known)
        golden_text_add(command->out, "no such command\n");
}
