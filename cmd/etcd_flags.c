/* SPDX-License-Identifier: MIT */
/* etcd_flags.c -- see etcd_flags.h. */
#include "etcd_flags.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "go_values.h"

#define VARIABLE_PREFIX "ETCD_"
#define PREFIX_BYTES (sizeof(VARIABLE_PREFIX) - 1)

extern char **environ;

const struct etcd_flag_row etcd_flag_rows[ETCD_FLAG_COUNT] = {
#define ETCD_FLAG_ROW(id, name, kind, use, word, help) \
    [ETCD_FLAG_##id] = {name, ETCD_FLAG_##kind, ETCD_FLAG_##use, word, help},
    ETCD_FLAG_TABLE(ETCD_FLAG_ROW)
#undef ETCD_FLAG_ROW
};

/* ---- names ---- */

enum etcd_flag etcd_flags_find(const char *name, size_t size)
{
    enum etcd_flag flag = 0;

    while (flag < ETCD_FLAG_COUNT && (strncmp(etcd_flag_rows[flag].name, name, size) != 0 ||
                                      etcd_flag_rows[flag].name[size] != '\0'))
        flag++;
    return flag;
}

static void print_variable(char *variable, enum etcd_flag flag)
{
    int size = snprintf(variable, ETCD_FLAG_LABEL_BYTES, VARIABLE_PREFIX "%s",
                        etcd_flag_rows[flag].name);

    assert(size > 0 && (size_t)size < ETCD_FLAG_LABEL_BYTES);
    for (char *at = variable; *at != '\0'; at++)
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
}

const char *etcd_flags_label(const struct etcd_flags *flags, enum etcd_flag flag, char *label)
{
    assert(flag < ETCD_FLAG_COUNT);
    if (flags->from_variable[flag])
        print_variable(label, flag);
    else
        snprintf(label, ETCD_FLAG_LABEL_BYTES, "--%s", etcd_flag_rows[flag].name);
    return label;
}

/* ---- values ---- */

static bool parse_time(const struct etcd_flags *flags, const char *value, int64_t *ret_ns)
{
    return go_duration_parse(value, ret_ns) || (flags->from_file && go_number_parse(value, ret_ns));
}

static int check_kind(const struct etcd_flags *flags, const char *label, enum etcd_flag_kind kind,
                      const char *value, char *sentence)
{
    int64_t number;
    bool is_on;

    switch (kind) {
    case ETCD_FLAG_TEXT:
        return 0;
    case ETCD_FLAG_NUMBER:
        return go_number_parse(value, &number)
                   ? 0
                   : sentence_fail(sentence, DECREE_INVALID, "%s must be a number, not '%.100s'",
                                   label, value);
    case ETCD_FLAG_TIME:
        return parse_time(flags, value, &number)
                   ? 0
                   : sentence_fail(sentence, DECREE_INVALID,
                                   "%s must be a time such as 30s or 1h30m, not '%.100s'", label,
                                   value);
    case ETCD_FLAG_SWITCH:
        return go_bool_parse(value, &is_on)
                   ? 0
                   : sentence_fail(sentence, DECREE_INVALID,
                                   "%s must be true or false, not '%.100s'", label, value);
    }
    assert(false);
    return 0;
}

static bool asks_for_nothing(enum etcd_flag_kind kind, const char *value)
{
    bool is_on = true;

    if (value[0] == '\0' || strcmp(value, "off") == 0 || strcmp(value, "*") == 0)
        return true;
    return kind == ETCD_FLAG_SWITCH && go_bool_parse(value, &is_on) && !is_on;
}

int etcd_flags_set(struct etcd_flags *flags, enum etcd_flag flag, const char *value, char *sentence)
{
    const struct etcd_flag_row *row = &etcd_flag_rows[flag];
    char label[ETCD_FLAG_LABEL_BYTES];
    int error;

    assert(flag < ETCD_FLAG_COUNT);
    etcd_flags_label(flags, flag, label);
    if (value == NULL)
        value = "true";
    error = check_kind(flags, label, row->kind, value, sentence);
    if (error == 0 && row->use == ETCD_FLAG_REFUSED && !asks_for_nothing(row->kind, value))
        error = sentence_fail(sentence, DECREE_INVALID, "%s can not be had: %s", label, row->help);
    if (error == 0)
        flags->values[flag] = value;
    return error;
}

int etcd_flags_set_from_environment(struct etcd_flags *flags, char *sentence)
{
    char variable[ETCD_FLAG_LABEL_BYTES];

    for (enum etcd_flag flag = 0; flag < ETCD_FLAG_COUNT; flag++) {
        const char *value;
        int error;

        if (flags->values[flag] != NULL)
            continue;
        print_variable(variable, flag);
        value = getenv(variable);
        if (value == NULL || value[0] == '\0')
            continue;
        flags->from_variable[flag] = true;
        error = etcd_flags_set(flags, flag, value, sentence);
        if (error != 0)
            return error;
    }
    return 0;
}

bool etcd_flags_given(const struct etcd_flags *flags, enum etcd_flag flag)
{
    assert(flag < ETCD_FLAG_COUNT);
    return flags->values[flag] != NULL && flags->values[flag][0] != '\0';
}

int64_t etcd_flags_number(const struct etcd_flags *flags, enum etcd_flag flag)
{
    int64_t number = 0;
    bool is_number = go_number_parse(flags->values[flag], &number);

    assert(is_number);
    return number;
}

int64_t etcd_flags_time_ns(const struct etcd_flags *flags, enum etcd_flag flag)
{
    int64_t ns = 0;
    bool is_time = parse_time(flags, flags->values[flag], &ns);

    assert(is_time);
    return ns;
}

bool etcd_flags_switch(const struct etcd_flags *flags, enum etcd_flag flag)
{
    bool is_on = false, is_switch = go_bool_parse(flags->values[flag], &is_on);

    assert(is_switch);
    return is_on;
}

void etcd_flags_release(struct etcd_flags *flags)
{
    free(flags->file_text);
    flags->file_text = NULL;
}

/* ---- what the log says of them ---- */

static enum etcd_flag find_variable(const char *variable, size_t size)
{
    char name[ETCD_FLAG_LABEL_BYTES];

    for (enum etcd_flag flag = 0; flag < ETCD_FLAG_COUNT; flag++) {
        print_variable(name, flag);
        if (strlen(name) == size && memcmp(name, variable, size) == 0)
            return flag;
    }
    return ETCD_FLAG_COUNT;
}

static void tell_variable(const struct etcd_flags *flags, const char *entry,
                          const struct logger *logger)
{
    size_t size = strcspn(entry, "=");
    enum etcd_flag flag = find_variable(entry, size);

    if (flag == ETCD_FLAG_COUNT)
        log_warn(logger, "variable_unknown", "variable=%.*s", (int)size, entry);
    else if (!flags->from_variable[flag] && flags->values[flag] != NULL && entry[size] == '=' &&
             entry[size + 1] != '\0')
        log_warn(logger, "variable_overridden", "variable=%.*s flag=--%s", (int)size, entry,
                 etcd_flag_rows[flag].name);
}

void etcd_flags_tell(const struct etcd_flags *flags, const struct logger *logger)
{
    char label[ETCD_FLAG_LABEL_BYTES];

    for (enum etcd_flag flag = 0; flag < ETCD_FLAG_COUNT; flag++)
        if (flags->values[flag] != NULL && etcd_flag_rows[flag].use == ETCD_FLAG_NEEDLESS)
            log_info(logger, "flag_without_effect", "flag=%s reason=\"%s\"",
                     etcd_flags_label(flags, flag, label), etcd_flag_rows[flag].help);
    for (char **entry = environ; *entry != NULL; entry++)
        if (strncmp(*entry, VARIABLE_PREFIX, PREFIX_BYTES) == 0)
            tell_variable(flags, *entry, logger);
}
