/* SPDX-License-Identifier: MIT */
/* pid_file.c -- writes and judges pid files; see pid_file.h. */
#include "pid_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STAT_BYTES 1024u
#define START_FIELD 22

static ssize_t read_text(const char *path, char *text, size_t text_bytes)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size;

    if (descriptor < 0)
        return -1;
    size = read(descriptor, text, text_bytes - 1);
    close(descriptor);
    text[size < 0 ? 0 : size] = '\0';
    return size;
}

/* When the process began; 0: there is none. Field 2, the name, may contain anything, so counting
 * begins behind its last bracket. */
static uint64_t start_of(pid_t pid)
{
    char path[64], text[STAT_BYTES];
    char *at;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (read_text(path, text, sizeof(text)) <= 0 || (at = strrchr(text, ')')) == NULL)
        return 0;
    for (int field = 2; field < START_FIELD && at != NULL; field++)
        at = strchr(at + 1, ' ');
    return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

/* ---- one's own ---- */

/* True if path still names the file that is open. */
static bool is_current(int descriptor, const char *path)
{
    struct stat opened, named;

    return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

int pid_file_take(struct pid_file *file, const char *path)
{
    for (;;) {
        int error, descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (descriptor < 0)
            return -errno;
        error = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
        if (error == 0 && is_current(descriptor, path)) {
            *file = (struct pid_file){.descriptor = descriptor, .path = path};
            return 0;
        }
        close(descriptor);
        if (error != 0)
            return error;
    }
}

int pid_file_write(struct pid_file *file, uint16_t port)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "%d %llu %u\n", (int)getpid(),
                        (unsigned long long)start_of(getpid()), (unsigned)port);

    assert(size > 0);
    if (ftruncate(file->descriptor, 0) != 0 || lseek(file->descriptor, 0, SEEK_SET) != 0 ||
        write(file->descriptor, text, (size_t)size) != size)
        return -errno;
    return 0;
}

void pid_file_drop(struct pid_file *file)
{
    assert(file->path != NULL);
    unlink(file->path);
    close(file->descriptor);
}

/* ---- others' ---- */

static bool next_number(char **at, unsigned long long most, unsigned long long *ret_number)
{
    char *end;

    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    *ret_number = strtoull(*at, &end, 10);
    *at = *end == ' ' ? end + 1 : end;
    return errno == 0 && *ret_number <= most;
}

bool pid_file_read(const char *path, struct pid_claim *ret_claim)
{
    char text[64];
    char *at = text;
    unsigned long long pid, start, port;

    if (read_text(path, text, sizeof(text)) <= 0 || !next_number(&at, INT32_MAX, &pid) ||
        !next_number(&at, UINT64_MAX, &start) || !next_number(&at, UINT16_MAX, &port) ||
        *at != '\n' || pid == 0)
        return false;
    *ret_claim = (struct pid_claim){(pid_t)pid, start, (uint16_t)port};
    return true;
}

enum hold { HOLD_FREE = 1, HOLD_HELD, HOLD_UNKNOWN };

/* Whether somebody holds the lock; of a file that is not this user's nothing is known. */
static enum hold hold_of(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum hold hold = HOLD_UNKNOWN;
    struct stat status;

    if (descriptor < 0)
        return HOLD_UNKNOWN;
    if (fstat(descriptor, &status) == 0 && status.st_uid == geteuid()) {
        if (flock(descriptor, LOCK_SH | LOCK_NB) == 0)
            hold = HOLD_FREE;
        else if (errno == EWOULDBLOCK)
            hold = HOLD_HELD;
    }
    close(descriptor);
    return hold;
}

static bool runs_decree(pid_t pid)
{
    char path[64], program[4096];
    const char *name;
    ssize_t size;

    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    size = readlink(path, program, sizeof(program) - 1);
    if (size <= 0)
        return false;
    program[size] = '\0';
    name = strrchr(program, '/');
    return name != NULL && (strcmp(name, "/decree") == 0 || strcmp(name, "/decree (deleted)") == 0);
}

enum pid_verdict pid_file_judge(const char *path, const struct pid_claim *claim,
                                int *ret_descriptor)
{
    /* First the handle, then the questions: what they say is then true of who has the handle. */
    int descriptor = (int)syscall(SYS_pidfd_open, claim->pid, 0);
    enum hold hold = hold_of(path);
    enum pid_verdict verdict = PID_DOUBTFUL;

    assert(claim->pid > 0);
    if (hold == HOLD_FREE)
        verdict = PID_GONE;
    else if (hold == HOLD_HELD && descriptor >= 0 && start_of(claim->pid) == claim->start &&
             runs_decree(claim->pid))
        verdict = PID_OURS;
    if (verdict == PID_OURS)
        *ret_descriptor = descriptor;
    else if (descriptor >= 0)
        close(descriptor);
    return verdict;
}
