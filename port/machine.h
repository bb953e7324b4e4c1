/* SPDX-License-Identifier: MIT */
/* machine.h -- the port to what is replicated: a deterministic state machine.
 *
 * The node calls apply() once per decided command, in slot order, no-ops left out, on its own
 * thread. The outcome must be a function of the commands applied before and of this one alone: no
 * clock, no randomness.
 */
#ifndef DECREE_PORT_MACHINE_H
#define DECREE_PORT_MACHINE_H

#include <decree/node.h>

#endif
