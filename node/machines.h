/* SPDX-License-Identifier: MIT */
/* machines.h -- several state machines on one decided log.
 *
 *     decided command --> its first byte --> the machine of that byte
 *
 * The first byte of a command names its machine: 0x4b the key-value store (kv/command.h), 0x4c the
 * ordered log (log/log_command.h), 0x42 broadcast (broadcast/envelope.h). A machine sees its own
 * commands alone, that byte included. A command that names none of those at hand, or has no byte at
 * all, changes nothing and is counted: it comes from a member with more machines than this one.
 */
#ifndef DECREE_NODE_MACHINES_H
#define DECREE_NODE_MACHINES_H

#include <decree/node.h>

struct machines {
    struct decree_machine by_byte[256]; /* apply NULL: none */
    uint64_t unknown;                   /* commands without a machine */
};

void machines_init(struct machines *machines);

/* Commands that begin with this byte go to machine from now on. */
void machines_add(struct machines *machines, uint8_t byte, const struct decree_machine *machine);

/* What the node is to be opened with; machines is borrowed. A command without a machine results in
 * NULL. */
struct decree_machine machines_all(struct machines *machines);

#endif
