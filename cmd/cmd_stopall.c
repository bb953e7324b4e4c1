/* SPDX-License-Identifier: MIT */
/* cmd_stopall.c -- decree stopall: ends processes that are provably those of `decree process`.
 *
 * The proof is the pid file that each wrote: see pid_file.h. Nothing is found by name, and a signal
 * goes through a handle that was opened before the proof, so it cannot reach somebody who got the
 * same number meanwhile.
 */
#include <argp.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <decree/paxos.h>

#include "client_options.h"
#include "commands.h"
#include "pid_file.h"
#include "run_folder.h"

#define GRACE_MS 5000
#define KILL_MS 5000

enum option_key { KEY_DIR = 'd' };

struct stopall {
    const char *folder;
    uint32_t found, failed;
};

static const struct argp_option options[] = {
    {"dir", KEY_DIR, "DIR", 0,
     "Only the processes of this folder (those of ./" RUN_FOLDER_DEFAULT
     ", or what " RUN_FOLDER_VARIABLE " says, and those of every master of yours)",
     0},
    {0},
};

static const char doc[] =
    "Ends the processes that `decree process` and `decree master` have started, and says which. It stops a process only "
    "if the pid file in its folder proves that it is one: the file is yours, who wrote it still holds the lock on it, began "
    "when the file says, and is the program decree. Files of processes that are gone are removed; journals stay.\v"
    "  $ decree process 0 2 10000 &\n"
    "  $ decree process 1 2 10001 &\n"
    "  $ decree stopall\n"
    "  stopped process 0 (pid 4711) of decree.run\n"
    "  stopped process 1 (pid 4712) of decree.run\n"
    "\n"
    "Exit status: 0 whatever was found does not run any more; 1 something could not be stopped.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct stopall *stopall = state->input;

    switch (key) {
    case KEY_DIR:
        stopall->folder = argument;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "stopall takes no arguments: '%s'", argument);
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {options, parse_option, NULL, doc, NULL, NULL, NULL};

/* Whether the process of the handle ends within that time. */
static bool ends(int handle, int patience_ms)
{
    struct pollfd watched = {.fd = handle, .events = POLLIN};
    int result;

    do
        result = poll(&watched, 1, patience_ms);
    while (result < 0 && errno == EINTR);
    return result > 0;
}

static void send_signal(int handle, int number)
{
    (void)syscall(SYS_pidfd_send_signal, handle, number, NULL, 0);
}

static void end(struct stopall *stopall, const char *folder, uint32_t id, pid_t pid, int handle)
{
    send_signal(handle, SIGTERM);
    if (ends(handle, GRACE_MS)) {
        printf("stopped process %u (pid %d) of %s\n", id, (int)pid, folder);
        return;
    }
    send_signal(handle, SIGKILL);
    if (ends(handle, KILL_MS)) {
        printf("killed process %u (pid %d) of %s: it did not end by itself\n", id, (int)pid,
               folder);
        return;
    }
    fprintf(stderr, "decree stopall: process %u (pid %d) of %s does not end\n", id, (int)pid,
            folder);
    stopall->failed++;
}

static void look_at_process(struct stopall *stopall, const char *folder, uint32_t id)
{
    char path[RUN_PATH_BYTES];
    struct pid_claim claim;
    int handle = -1;

    run_folder_path(folder, id, "pid", path);
    if (!pid_file_read(path, &claim))
        return;
    stopall->found++;
    switch (pid_file_judge(path, &claim, &handle)) {
    case PID_OURS:
        end(stopall, folder, id, claim.pid, handle);
        close(handle);
        (void)unlink(path);
        return;
    case PID_GONE:
        printf("process %u (pid %d) of %s is gone; its pid file is removed\n", id, (int)claim.pid,
               folder);
        (void)unlink(path);
        return;
    case PID_DOUBTFUL:
        fprintf(stderr, "decree stopall: pid %d is left alone: nothing proves that it wrote %s\n",
                (int)claim.pid, path);
        stopall->failed++;
        return;
    }
}

static void look_at_folder(struct stopall *stopall, const char *folder)
{
    if (strlen(folder) >= RUN_PATH_BYTES - 32)
        return;
    for (uint32_t id = 0; id < DECREE_MEMBERS_MAX; id++)
        look_at_process(stopall, folder, id);
}

/* The folders that masters have made. */
static void look_at_masters(struct stopall *stopall)
{
    char root[RUN_PATH_BYTES], folder[RUN_PATH_BYTES + 260];
    DIR *directory;
    const struct dirent *entry;

    run_folder_fresh_root(root);
    directory = opendir(root);
    if (directory == NULL)
        return;
    while ((entry = readdir(directory)) != NULL) {
        if (strncmp(entry->d_name, "master-", 7) != 0)
            continue;
        snprintf(folder, sizeof(folder), "%s/%s", root, entry->d_name);
        look_at_folder(stopall, folder);
    }
    closedir(directory);
}

int cmd_stopall(int argc, char **argv)
{
    struct stopall stopall = {0};

    client_parse(&argp, "decree stopall", argc, argv, &stopall);
    look_at_folder(&stopall, run_folder_name(stopall.folder));
    if (stopall.folder == NULL)
        look_at_masters(&stopall);
    if (stopall.found == 0)
        printf("nothing runs that is to be stopped\n");
    assert(argc > 0);
    return stopall.failed > 0 ? EXIT_FAILED : EXIT_OK;
}
