/* SPDX-License-Identifier: MIT */
/* verdict.h -- what a checker says when a promise is broken. The first failure of a run counts.
 *
 * A checker judges what it sees from outside: decisions, completions, states. It shares no code
 * with what it judges, and knows nothing of how that works.
 */
#ifndef DECREE_SIM_VERDICT_H
#define DECREE_SIM_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#define VERDICT_TEXT_MAX 400

struct verdict {
    bool failed;
    const char *checker; /* a static name */
    uint64_t at_ns;
    char text[VERDICT_TEXT_MAX]; /* what was seen, and what was expected instead */
};

/* Keeps the first failure, drops later ones. */
__attribute__((format(printf, 4, 5))) void verdict_fail(struct verdict *verdict,
                                                        const char *checker, uint64_t at_ns,
                                                        const char *format, ...);

#endif
