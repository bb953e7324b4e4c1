/* SPDX-License-Identifier: MIT */
/* engine_registers.h -- the registers of an engine: a second pure core beside the first, stepped
 * and taken in the same turns, over the same journal, transport and clock.
 *
 * Only the files of the engine include it. An engine without registers has a NULL in their place;
 * every function here then does nothing.
 */
#ifndef DECREE_NODE_ENGINE_REGISTERS_H
#define DECREE_NODE_ENGINE_REGISTERS_H

#include "engine.h"

struct engine_registers;

/* Errors: as decree_registers_open(). */
int engine_registers_open(struct engine_registers **ret_registers,
                          const struct decree_registers_config *config);

/* Completes what is open with LOST and frees; NULL is fine. */
void engine_registers_close(struct engine_registers *registers);

/* A record that they once handed out. Errors: CORRUPT, NOMEM. */
int engine_registers_restore(struct engine *engine, struct decree_value *value);

void engine_registers_start(struct engine *engine);

/* Whether a turn would do something, and when it will. */
bool engine_registers_due(const struct engine *engine);
uint64_t engine_registers_wake_at(const struct engine *engine);

/* For a turn, one after the other: steps what the journal and the clock brought; takes the effects,
 * none if nothing is due; queues the records with the journal (true: somebody waits for them, so a
 * sync is wanted, which is left to the caller); queues the messages for peers (true: flush);
 * answers. */
void engine_registers_step_due(struct engine *engine);
void engine_registers_take(struct engine *engine, struct decree_register_effects *ret_effects);
bool engine_registers_append(struct engine *engine, const struct decree_register_effects *effects);
bool engine_registers_send(struct engine *engine, const struct decree_register_effects *effects);
void engine_registers_answer(struct engine *engine, const struct decree_register_effects *effects);

/* From a peer. */
void engine_registers_on_message(struct engine *engine,
                                 const struct decree_register_message *message);

/* Requests and calls whose completion is still to come. */
uint32_t engine_registers_open_count(const struct engine *engine);

#endif
