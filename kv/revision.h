/* SPDX-License-Identifier: MIT */
/* revision.h -- when a change was made: <main, sub>.
 *
 * main counts the commands that changed something and is what clients see; sub, from 0, tells apart
 * the changes of one command. Together they order all changes.
 */
#ifndef DECREE_KV_REVISION_H
#define DECREE_KV_REVISION_H

#include <stdint.h>

struct revision {
    int64_t main, sub;
};

/* -1, 0 or 1. */
static inline int revision_compare(struct revision a, struct revision b)
{
    if (a.main != b.main)
        return a.main < b.main ? -1 : 1;
    return (a.sub > b.sub) - (a.sub < b.sub);
}

#endif
