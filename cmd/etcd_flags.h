/* SPDX-License-Identifier: MIT */
/* etcd_flags.h -- the flags and variables of etcd that were given to `decree serve`: as text, checked for
 * their kind, and whether decree can do as they say. What they mean is for serve_settings.h.
 *
 * A flag wins over its variable, and an empty variable is as good as none.
 */
#ifndef DECREE_CMD_ETCD_FLAGS_H
#define DECREE_CMD_ETCD_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "etcd_flag_table.h"
#include "logger.h"
#include "sentence.h"

#define ETCD_FLAG_LABEL_BYTES 96u

enum etcd_flag {
#define ETCD_FLAG_ENUM(id, name, kind, use, word, help) ETCD_FLAG_##id,
    ETCD_FLAG_TABLE(ETCD_FLAG_ENUM)
#undef ETCD_FLAG_ENUM
        ETCD_FLAG_COUNT
};

enum etcd_flag_kind { ETCD_FLAG_TEXT, ETCD_FLAG_NUMBER, ETCD_FLAG_TIME, ETCD_FLAG_SWITCH };
enum etcd_flag_use { ETCD_FLAG_SERVES, ETCD_FLAG_NEEDLESS, ETCD_FLAG_REFUSED };

struct etcd_flag_row {
    const char *name;
    enum etcd_flag_kind kind;
    enum etcd_flag_use use;
    const char *word; /* for the value, in --help; NULL: not listed there */
    const char *help;
};

extern const struct etcd_flag_row etcd_flag_rows[ETCD_FLAG_COUNT];

struct etcd_flags {
    const char *values[ETCD_FLAG_COUNT]; /* borrowed; NULL: not given */
    bool from_variable[ETCD_FLAG_COUNT];
    bool from_file;  /* all of them; a time may be a bare number there, of nanoseconds */
    char *file_text; /* in which they lie, then; etcd_flags_release() frees it */
};

/* Frees what a file's flags lie in; the others own nothing. */
void etcd_flags_release(struct etcd_flags *flags);

/* The flag of this name, whatever follows it; ETCD_FLAG_COUNT: there is none. */
enum etcd_flag etcd_flags_find(const char *name, size_t size);

/* Takes in a flag's value; NULL is that of a switch without one. INVALID: sentence says why not. */
int etcd_flags_set(struct etcd_flags *flags, enum etcd_flag flag, const char *value,
                   char *sentence);

/* Takes in the variables of the environment, for flags that were not given. Errors as before. */
int etcd_flags_set_from_environment(struct etcd_flags *flags, char *sentence);

/* How the user has called it: "--data-dir" or "ETCD_DATA_DIR"; label holds ETCD_FLAG_LABEL_BYTES. */
const char *etcd_flags_label(const struct etcd_flags *flags, enum etcd_flag flag, char *label);

/* Given, and not empty. */
bool etcd_flags_given(const struct etcd_flags *flags, enum etcd_flag flag);

/* Of flags that were given: their values, by kind. */
int64_t etcd_flags_number(const struct etcd_flags *flags, enum etcd_flag flag);
int64_t etcd_flags_time_ns(const struct etcd_flags *flags, enum etcd_flag flag);
bool etcd_flags_switch(const struct etcd_flags *flags, enum etcd_flag flag);

/* A line for each that has no effect, each variable that a flag overrides, and each that is none. */
void etcd_flags_tell(const struct etcd_flags *flags, const struct logger *logger);

#endif
