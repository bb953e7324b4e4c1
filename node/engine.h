/* SPDX-License-Identifier: MIT */
/* engine.h -- a member of the cluster without its surroundings: core, journal, transport and
 * machine, in step.
 *
 *       messages, proposals, reads, time                    engine_turn()
 *     ----------------------------------->  core.step x N  -------------->  core.take
 *                                              ^                               |
 *                                              |          journal.append  <----+  records first: the disk starts
 *                                              |          transport.send, flush   while the rest is done
 *                                              |          machine.apply, done     decisions, then reads
 *                                              +--------  journal.fetch
 *                                              persisted, fetched
 *
 * Beside the core for the log there may be one for registers (decree/register.h). It is stepped and
 * taken in the same turns; its records go into the same journal, as foreign ones. So one sync
 * serves both, and lsn_map.h tells which of the two it has helped.
 *
 * It has no thread, socket, clock or stdio: the owner says what time it is, feeds it and calls
 * engine_turn() when nothing more is at hand. The same calls with the same bytes give the same
 * effects. The libuv host (host.h) and the simulator drive this same code.
 *
 *     engine_open(&engine, &config);
 *     ... journal opened with engine_journal_sink(engine); each record it finds: engine_restore() ...
 *     ... transport opened with engine_transport_sink(engine) ...
 *     engine_set_now(engine, now);
 *     engine_start(engine, journal, transport);
 *     for (;;) {                                      // an iteration of somebody's loop
 *         engine_set_now(engine, now);
 *         ... whatever came in: sinks, engine_propose(), engine_read() ...
 *         engine_turn(engine);
 *         ... sleep until engine_wake_at(engine) or until something comes in ...
 *     }
 *     ... close transport and journal ...
 *     engine_close(engine);
 *
 * All calls on one thread. Nothing here may be called from inside apply, a completion, on_decision,
 * or an adapter's append, send, flush or fetch, except the sink's persisted(), engine_status() and
 * the questions: the core's effects are borrowed while they are handed out.
 */
#ifndef DECREE_NODE_ENGINE_H
#define DECREE_NODE_ENGINE_H

#include <decree/node.h>

#include "histogram.h"
#include "journal.h"
#include "machine.h"
#include "transport.h"

struct engine;

struct engine_hooks { /* each may be NULL */
    void *context;
    /* Every decision, no-ops too, by slot, just before it is applied; also while restoring.
     * Borrowed. */
    void (*on_decision)(void *context, decree_slot slot, const struct decree_command *command);
    /* What the journal says through its sink. */
    void (*on_trouble)(void *context, int system_errno, const char *what);
};

struct engine_config {
    struct decree_config core; /* as for decree_paxos_open(), its trace hook too */
    const struct decree_registers_config *registers; /* NULL: left out */
    struct decree_machine machine;
    struct engine_hooks hooks;
};

struct engine_counters {
    uint64_t turns, takes;
    uint64_t messages_in, messages_out, messages_refused; /* refused: the core was full; dropped */
    uint64_t messages_foreign; /* of a protocol that nobody here speaks; dropped */
    uint64_t records, decisions, proposals, reads, register_requests;
    uint64_t sent[DECREE_MESSAGE_TYPES], received[DECREE_MESSAGE_TYPES]; /* of the log, by type */
};

/* Allocates everything that will ever be needed; config is copied. Errors: as
 * decree_paxos_open(). */
int engine_open(struct engine **ret_engine, const struct engine_config *config);

/* Drops everything; what is open completes with LOST, in the order of asking. NULL is fine. */
void engine_close(struct engine *engine);

/* What journal and transport are to be given. The sinks live as long as the engine. */
const struct journal_sink *engine_journal_sink(struct engine *engine);
const struct transport_sink *engine_transport_sink(struct engine *engine);

/* The time of everything that follows; monotonic, never goes back. */
void engine_set_now(struct engine *engine, uint64_t now_ns);

/* One record of the journal, oldest first, before engine_start(); decisions are applied on the way.
 * record is borrowed. Errors: CORRUPT. */
int engine_restore(struct engine *engine, const struct decree_record *record);

/* All is restored: from here on the node speaks. journal and transport are borrowed until
 * engine_close(). Runs the first turn. */
void engine_start(struct engine *engine, struct journal *journal, struct transport *transport);

/* Takes in a message. One that finds the core full is offered again after a turn, then dropped and
 * counted. The same as the transport sink's message() with one of paxos. */
void engine_on_message(struct engine *engine, const struct decree_message *message);

/* Asks for a command to be ordered; value is borrowed, the engine takes its own reference. done is
 * called from a later turn, once the command was applied here, with what apply returned; or LOST.
 * Errors, without a call of done: FULL (call again after a turn), TOO_LARGE. */
int engine_propose(struct engine *engine, struct decree_value *value, decree_done *done,
                   void *argument);

/* Asks for a linearizable read: done is called from a later turn with result NULL; or LOST. Errors:
 * FULL. */
int engine_read(struct engine *engine, decree_done *done, void *argument);

/* Asks something of the registers; the request is borrowed for the call, its name is not looked at.
 * done is called from a later turn. Errors, without a call of done: FULL (call again after a turn),
 * INVALID, TOO_LARGE, NOMEM; MISUSE: this engine has no registers. */
int engine_register(struct engine *engine, const struct decree_register_request *request,
                    decree_register_done *done, void *argument);

/* Called once; reply is borrowed for the call. error: 0, or LOST, and then reply is NULL. */
typedef void engine_register_replied(void *argument, int error,
                                     const struct decree_register_message *reply);

/* Asks this node's acceptor of registers, for a proposer that is no node: a PREPARE or an ACCEPT;
 * from, to and number are not looked at. done is called from a later turn, when what it tells is
 * durable. Errors, without a call of done: as for engine_register(). */
int engine_register_call(struct engine *engine, const struct decree_register_message *message,
                         engine_register_replied *done, void *argument);

/* Begins phase 1 now, whoever leads, in a ballot of this node's own; does nothing while the node
 * reaches no quorum or its disk stands still. */
void engine_campaign(struct engine *engine);

/* Asks a peer to lead instead: it then begins phase 1 as engine_campaign() does. Does nothing unless
 * this node leads, and may come to nothing: the message may be lost. */
void engine_hand_over(struct engine *engine, decree_node_id to);

/* Hands out everything that is due. True when something was handed out or the core was stepped. */
bool engine_turn(struct engine *engine);

/* When engine_turn() is to be called at the latest, nothing else happening; UINT64_MAX: never. */
uint64_t engine_wake_at(const struct engine *engine);

/* Proposals, reads, and what was asked of registers, whose completion is still to come. */
uint32_t engine_open_count(const struct engine *engine);

/* Every slot up to it was applied here. */
decree_slot engine_applied(const struct engine *engine);

void engine_status(const struct engine *engine, struct decree_status *ret_status);
void engine_counters(const struct engine *engine, struct engine_counters *ret_counters);

/* How long the answers of a member to heartbeats took, in nanoseconds; borrowed until the engine closes.
 */
const struct histogram *engine_round_trips(const struct engine *engine, decree_node_id member);

#endif
