/* SPDX-License-Identifier: MIT */
/* registers.h -- the state machine of the simulator: numbered registers, each holding one number,
 * at first 0.
 *
 * A command: 0x4b, as for kv/ | operation u64 | kind u8 | key u32 | value u64 | padding. It knows nothing of doing a
 * thing once: if the log has an operation twice, the registers change twice.
 */
#ifndef DECREE_SIM_REGISTERS_H
#define DECREE_SIM_REGISTERS_H

#include <decree/paxos.h>

#include "check_linearizability.h"

#define REGISTERS_COMMAND_BYTES 22u

struct registers {
    uint64_t *values;
    uint32_t count;
    uint64_t previous; /* what the last command found */
};

struct registers_command {
    uint64_t operation;
    enum operation_kind kind;
    uint32_t key;
    uint64_t value;
};

void registers_release(struct registers *registers);

/* A value with the command and padding bytes behind it, with one reference. */
struct decree_value *registers_encode(const struct registers_command *command, uint32_t padding);

/* False: these bytes are no command. */
bool registers_decode(struct registers_command *ret_command, const uint8_t *data, uint32_t size);

/* Returns what the register held before; valid until the next call. */
uint64_t *registers_apply(struct registers *registers, const struct registers_command *command);

uint64_t registers_read(const struct registers *registers, uint32_t key);

#endif
