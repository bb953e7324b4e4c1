/* SPDX-License-Identifier: MIT */
/* sentence.h -- what goes with an error when a person is to read it: a sentence that says what was wrong,
 * where, and what to do. */
#ifndef DECREE_PORT_SENTENCE_H
#define DECREE_PORT_SENTENCE_H

#define SENTENCE_BYTES 1400u /* that a sentence may take; a longer one is cut */

/* Writes the sentence, and returns the error. */
__attribute__((format(printf, 3, 4))) int sentence_fail(char *sentence, int error,
                                                        const char *format, ...);

/* The same with what is always said of the error; 0 says nothing. */
int sentence_explain(char *sentence, int error);

#endif
