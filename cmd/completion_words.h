/* SPDX-License-Identifier: MIT */
/* completion_words.h -- the words and options of every command, as its help has them, so that there is
 * no second list of them. */
#ifndef DECREE_CMD_COMPLETION_WORDS_H
#define DECREE_CMD_COMPLETION_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define COMPLETION_WORD_BYTES 64u
#define COMPLETION_HELP_BYTES 100u
#define COMPLETION_WORDS_MAX 160u

struct completion_word {
    char text[COMPLETION_WORD_BYTES];     /* "--limit", "-w" or "grant" */
    char argument[COMPLETION_WORD_BYTES]; /* of an option: "N", "FILE", "json|text"; or empty */
    char help[COMPLETION_HELP_BYTES];     /* of an option, its first sentence; may be empty */
};

struct completion_words {
    struct completion_word items[COMPLETION_WORDS_MAX];
    size_t count;
    bool files; /* names of files may stand there, too */
};

struct subcommand;

/* What may stand behind the command's own word. 0, or an exit status after a sentence. */
int completion_words_of(const struct subcommand *command, struct completion_words *ret_words);

/* True for an option whose value is the name of a file or of a folder. */
bool completion_word_is_path(const struct completion_word *word);

/* True for an option whose value is one of a few words, as "json|text". */
bool completion_word_is_choice(const struct completion_word *word);

/* Adds those that the text of a help tells, which is changed on the way. */
void completion_words_read(char *help, struct completion_words *words);

#endif
