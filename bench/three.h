/* SPDX-License-Identifier: MIT */
/* three.h -- the frame of the library benchmarks: three processes, one of which leads and is
 * loaded.
 *
 *     PROGRAM OUTSTANDING SECONDS
 *
 * three_run() forks three children with a folder each; the child that leads runs the load and
 * reports. The parent prints "mean_us", "per_second" and "cpu_us" (of all three, per command), one
 * a line, and ends the children.
 */
#ifndef DECREE_BENCH_THREE_H
#define DECREE_BENCH_THREE_H

#include <stdbool.h>
#include <stdint.h>

#define THREE_SIZE 256u /* bytes of a command */

struct three_load {
    uint32_t outstanding;
    double seconds;
    int result; /* of the parent's pipe */
    uint64_t started, finished;
    double begin, latency_sum;
};

double three_now(void); /* seconds */

/* One command has ended that was started at this time; true: start another. Reports at the end of
 * the load. */
bool three_finished(struct three_load *load, double started_at);

/* child(index, folder, ports, load) does not return. */
int three_run(int argc, char **argv,
              void (*child)(int index, const char *folder, const int ports[3],
                            struct three_load *load));

#endif
