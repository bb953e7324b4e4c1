/* SPDX-License-Identifier: MIT */
/* commands.h -- the commands of the decree program, from one table. */
#ifndef DECREE_CMD_COMMANDS_H
#define DECREE_CMD_COMMANDS_H

#include <stdbool.h>

#define EXIT_OK 0
#define EXIT_FAILED 1       /* the request failed, and the sentence on stderr says why */
#define EXIT_USAGE 64       /* the command line makes no sense */
#define EXIT_UNAVAILABLE 69 /* no server could be reached, or none answered in time */

/* X(word, name of the function without cmd_, help) in the order of `decree help` */
#define COMMAND_TABLE(X)                                                            \
    X("serve", serve, "run a member of the cluster, or a store of one node")        \
    X("put", put, "write a key")                                                    \
    X("get", get, "read a key, or a range of keys")                                 \
    X("del", del, "delete a key, or a range of keys")                               \
    X("txn", txn, "do several things at once, if all is as expected")               \
    X("watch", watch, "see what happens to keys, from now or from the past on")     \
    X("compact", compact, "give up the past before a revision")                     \
    X("lease", lease, "grant leases, keep them alive, see what is left of them")    \
    X("alarm", alarm, "list the alarms that ring, or disarm them")                  \
    X("hash", hash, "ask each server for the hash of its store")                    \
    X("snapshot", snapshot, "save the store to a file, restore a cluster from it")  \
    X("lock", lock, "hold a lock, while a command runs or until Ctrl-C")            \
    X("elect", elect, "lead, or look on who leads")                                 \
    X("status", status, "ask each server how it is and who leads")                  \
    X("endpoint", endpoint, "health, status and hashkv of each server, as etcdctl") \
    X("member", member, "list the members of the cluster")                          \
    X("move-leader", move_leader, "have another member lead")                       \
    X("register", register, "set and get registers, which no leader is needed for") \
    X("synod", synod, "take part in choosing one value, once")                      \
    X("log", log, "run a member of an ordered log, for telnet and for programs")    \
    X("process", process, "run a process of a replicated chat log, to be crashed")  \
    X("master", master, "drive such processes with a script")                       \
    X("stopall", stopall, "end those processes, and only those")                    \
    X("demo", demo, "watch a cluster lose its leader and nothing else")             \
    X("sim", sim, "simulate whole clusters under faults")                           \
    X("completion", completion, "what a shell needs to complete all of this")

/* Each gets its own word as argv[0] and returns the exit status. */
#define COMMAND_FUNCTION(word, name, help) int cmd_##name(int argc, char **argv);
COMMAND_TABLE(COMMAND_FUNCTION)
#undef COMMAND_FUNCTION

struct subcommand {
    const char *word;
    int (*run)(int argc, char **argv);
    const char *help;
};

/* All of them; the last has a NULL word. */
extern const struct subcommand subcommands[];

/* The command of this word, or NULL. */
const struct subcommand *subcommand_find(const char *word);

/* True for a command whose next word says what of it is meant, before all options. */
bool subcommand_has_parts(const char *word);

struct command_part {
    const char *word;
    int (*run)(int argc, char **argv); /* gets its own word as argv[0] */
};

/* Runs the part that argv[1] names, or tells which there are; the last has a NULL word. The exit status. */
int command_run_part(const char *command, const struct command_part *parts, const char *help,
                     int argc, char **argv);

/* Why a command that etcdctl has is not there; NULL for any other word. */
const char *subcommand_why_not(const char *word);

/* The word that was most likely meant, or NULL when none is near. */
const char *subcommand_suggest(const char *word);

#endif
