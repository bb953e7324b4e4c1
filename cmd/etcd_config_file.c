/* SPDX-License-Identifier: MIT */
/* etcd_config_file.c -- see etcd_config_file.h. */
#include "etcd_config_file.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (1u << 20)
#define NAME_BYTES_MAX 200

struct place {
    const char *path;
    unsigned line;
    char *sentence;
};

__attribute__((format(printf, 3, 4))) static int fail(const struct place *place, int error,
                                                      const char *format, ...)
{
    char what[SENTENCE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    return sentence_fail(place->sentence, error, "%.*s, line %u: %.250s", NAME_BYTES_MAX,
                         place->path, place->line, what);
}

static char *trim(char *text)
{
    size_t size;

    text += strspn(text, " \t");
    size = strlen(text);
    while (size > 0 && strchr(" \t\r", text[size - 1]) != NULL)
        size--;
    text[size] = '\0';
    return text;
}

/* Takes off a comment: a # at the beginning, or behind a space. */
static void strip_comment(char *text)
{
    for (char *at = text; *at != '\0'; at++)
        if (*at == '#' && (at == text || at[-1] == ' ' || at[-1] == '\t'))
            *at = '\0';
}

static bool is_end(const char *text)
{
    text += strspn(text, " \t");
    return *text == '\0' || *text == '#';
}

/* 'it''s' or "it is"; the quotes are taken off in place. False: there is something that is not understood. */
static bool unquote(char *text, char **ret_value)
{
    char quote = text[0], *to = text, *from = text + 1;

    for (;; from++) {
        if (*from == '\0' || (quote == '"' && *from == '\\'))
            return false;
        if (*from == quote && (quote == '"' || from[1] != '\''))
            break;
        from += *from == quote;
        *to++ = *from;
    }
    if (!is_end(from + 1))
        return false;
    *to = '\0';
    *ret_value = text;
    return true;
}

/* The value that stands behind "key:", without quotes, comment and brackets; empty if it is none. */
static bool take_value(char *text, char **ret_value)
{
    size_t size;

    text = trim(text);
    if (text[0] == '\'' || text[0] == '"')
        return unquote(text, ret_value);
    strip_comment(text);
    text = trim(text);
    size = strlen(text);
    if (text[0] == '[') {
        if (text[size - 1] != ']')
            return false;
        text[size - 1] = '\0';
        text = trim(text + 1);
    } else if (text[0] != '\0' && strchr("{&*|>!%@`", text[0]) != NULL && text[1] != '\0') {
        return false;
    }
    if (strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "{}") == 0)
        text[0] = '\0';
    *ret_value = text;
    return true;
}

static int set(struct etcd_flags *flags, const struct place *place, enum etcd_flag flag,
               char *value)
{
    char why[SENTENCE_BYTES];

    if (flag == ETCD_FLAG_CONFIG_FILE)
        return fail(place, DECREE_INVALID, "a configuration file can not name another");
    return etcd_flags_set(flags, flag, value, why) == 0 ? 0
                                                        : fail(place, DECREE_INVALID, "%s", why);
}

/* What stands within something else: items of a list, or a section about TLS and the like. */
static int check_inner(const struct place *place, const char *key, char *value)
{
    if (value[0] == '\0' || strcmp(value, "false") == 0)
        return 0;
    return fail(place, DECREE_INVALID, "'%.100s' can not be had", key);
}

static int take_line(struct etcd_flags *flags, const struct place *place, char *line)
{
    bool inner = line[0] == ' ' || line[0] == '\t';
    char *key = trim(line), *colon, *value;
    enum etcd_flag flag;

    if (is_end(key) || strcmp(key, "---") == 0 || strcmp(key, "...") == 0)
        return 0;
    if (key[0] == '-' && key[1] == ' ')
        return fail(place, DECREE_INVALID, "write a list in one line: [a, b]");
    colon = key + strcspn(key, ":");
    if (*colon == '\0' || (colon[1] != '\0' && colon[1] != ' ' && colon[1] != '\t'))
        return fail(place, DECREE_INVALID, "there is no 'flag: value'");
    *colon = '\0';
    if (!take_value(colon + 1, &value))
        return fail(place, DECREE_INVALID, "the value of '%.100s' is not understood", key);
    if (inner)
        return check_inner(place, key, value);
    flag = etcd_flags_find(key, strlen(key));
    if (value[0] == '\0')
        return 0;
    if (flag == ETCD_FLAG_COUNT)
        return fail(place, DECREE_INVALID, "'%.100s' is no flag of etcd", key);
    return set(flags, place, flag, value);
}

int etcd_config_file_parse(struct etcd_flags *flags, const char *path, char *text, char *sentence)
{
    struct place place = {.path = path, .sentence = sentence};
    int error = 0;

    assert(text != NULL);
    *flags = (struct etcd_flags){.from_file = true};
    while (text != NULL && error == 0) {
        char *end = strchr(text, '\n');

        if (end != NULL)
            *end++ = '\0';
        place.line++;
        error = take_line(flags, &place, text);
        text = end;
    }
    return error;
}

static int read_all(FILE *file, char *text, size_t *ret_size)
{
    size_t size = fread(text, 1, FILE_BYTES_MAX, file);

    if (ferror(file))
        return errno != 0 ? errno : EIO;
    if (size == FILE_BYTES_MAX || memchr(text, '\0', size) != NULL)
        return EFBIG;
    *ret_size = size;
    return 0;
}

int etcd_config_file_read(struct etcd_flags *flags, const char *path, char *sentence)
{
    FILE *file = fopen(path, "r");
    char *text = file == NULL ? NULL : malloc(FILE_BYTES_MAX);
    size_t size = 0;
    int error = file == NULL ? errno : text == NULL ? ENOMEM : read_all(file, text, &size);

    if (file != NULL)
        fclose(file);
    if (error != 0) {
        snprintf(sentence, SENTENCE_BYTES, "cannot read %.*s: %s", NAME_BYTES_MAX, path,
                 error == EFBIG ? "it is no configuration file" : strerror(error));
        free(text);
        return error == ENOMEM ? DECREE_NOMEM : DECREE_IO;
    }
    text[size] = '\0';
    error = etcd_config_file_parse(flags, path, text, sentence);
    flags->file_text = text;
    return error;
}
