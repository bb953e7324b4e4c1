/* SPDX-License-Identifier: MIT */
/* golden_script.c -- see golden_script.h. */
#include "golden_script.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void golden_text_add(struct golden_text *text, const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(size >= 0);
    if (text->size + (size_t)size + 1 > text->room) {
        text->room = 2 * (text->room + (size_t)size + 1);
        text->data = realloc(text->data, text->room);
        assert(text->data != NULL);
    }
    va_start(arguments, format);
    vsnprintf(text->data + text->size, text->room - text->size, format, arguments);
    va_end(arguments);
    text->size += (size_t)size;
}

int golden_split(char *line, char **words, int words_max)
{
    char *rest = line, *token;
    int count = 0;

    while (count < words_max && (token = strsep(&rest, " ")) != NULL)
        if (*token != '\0')
            words[count++] = token;
    return count;
}

/* Plays the script; out is then what the file should be. */
static void play_script(const struct golden_player *player, void *context, struct golden_text *out,
                        const char *script)
{
    bool printed = false; /* below a command: skip what was expected */

    while (*script != '\0') {
        size_t size = strcspn(script, "\n");
        char line[200];

        snprintf(line, sizeof(line), "%.*s", (int)size, script);
        script += size + (script[size] == '\n');
        if (strncmp(line, "> ", 2) == 0) {
            golden_text_add(out, "%s\n", line);
            player->play(context, line + 2);
            printed = true;
        } else if (line[0] == '\0' || line[0] == '#' || !printed) {
            golden_text_add(out, "%s\n", line);
            printed = false;
        }
    }
}

static char *read_script(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct golden_text text = {.data = NULL};
    char line[400];

    if (file == NULL) {
        perror(path);
        return NULL;
    }
    golden_text_add(&text, "%s", "");
    while (fgets(line, sizeof(line), file) != NULL)
        golden_text_add(&text, "%s", line);
    fclose(file);
    return text.data;
}

static int rewrite(const char *path, const struct golden_text *text)
{
    FILE *file = fopen(path, "wb");

    if (file == NULL || fwrite(text->data, 1, text->size, file) != text->size ||
        fclose(file) != 0) {
        perror(path);
        return 1;
    }
    return 0;
}

/* Tells the first line that differs, and the command above it. */
static void tell_difference(const char *path, const char *expected, const char *actual)
{
    const char *command = expected;
    int number = 1;

    for (;; number++) {
        size_t size = strcspn(expected, "\n");

        if (strncmp(expected, "> ", 2) == 0)
            command = expected;
        if (strncmp(expected, actual, size + 1) != 0)
            break;
        expected += size + 1;
        actual += size + 1;
    }
    printf("%s:%d: after %.*s\n  expected: %.*s\n  happened: %.*s\n", path, number,
           (int)strcspn(command, "\n"), command, (int)strcspn(expected, "\n"), expected,
           (int)strcspn(actual, "\n"), actual);
}

static int play_file(const struct golden_player *player, const char *path, bool rewrites)
{
    struct golden_text out = {.data = NULL};
    void *context = player->begin(&out);
    char *script = read_script(path);
    int result = 1;

    golden_text_add(&out, "%s", "");
    if (script != NULL) {
        play_script(player, context, &out, script);
        result = strcmp(script, out.data) != 0;
    }
    if (result != 0 && script != NULL) {
        if (rewrites)
            result = rewrite(path, &out);
        else
            tell_difference(path, script, out.data);
    }
    player->end(context);
    free(out.data);
    free(script);
    return result;
}

int golden_main(int argc, char **argv, const struct golden_player *player)
{
    bool rewrites = getenv("GOLDEN_REWRITE") != NULL;
    int failed = 0, played = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--rewrite") == 0) {
            rewrites = true;
            continue;
        }
        failed += play_file(player, argv[i], rewrites);
        played++;
    }
    if (played == 0)
        fprintf(stderr, "usage: golden [--rewrite] FILE...\n");
    return failed > 0 || played == 0;
}
