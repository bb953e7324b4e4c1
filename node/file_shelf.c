/* SPDX-License-Identifier: MIT */
/* file_shelf.c -- the thread and what it shares with the owner: a piece to copy, and pieces to
 * unmap. */
#include "file_shelf.h"

#include <assert.h>
#include <decree/paxos.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "thread_util.h"

#define LOOK_EVERY_NS UINT64_C(1000000000)
#define RESIDENT_BYTES_MAX (UINT64_C(64) << 20) /* of files, the program's own text too */
#define LOOKS_PER_ROUND 8u                      /* in which all pieces have their turn */

enum job_state { JOB_NONE = 1, JOB_GIVEN, JOB_DONE };

struct piece {
    uint8_t *bytes;
    size_t size;
};

struct pieces {
    struct piece *list;
    size_t count, capacity;
};

struct file_shelf {
    char *directory;
    const struct logger *logger;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    /* Under the mutex: */
    enum job_state state;
    struct piece job;      /* to copy; then the copy, bytes NULL if there is none */
    struct pieces dropped; /* to unmap */
    bool closing;
    /* The thread's: */
    struct pieces mapped;
    size_t next; /* of mapped: the one whose turn it is to be let go */
    bool failed; /* the last piece; it was told */
};

static bool pieces_add(struct pieces *pieces, struct piece piece)
{
    if (pieces->count == pieces->capacity) {
        size_t capacity = pieces->capacity == 0 ? 64 : 2 * pieces->capacity;
        struct piece *list = realloc(pieces->list, capacity * sizeof(*list));

        if (list == NULL)
            return false;
        pieces->list = list;
        pieces->capacity = capacity;
    }
    pieces->list[pieces->count++] = piece;
    return true;
}

/* ---- the thread ---- */

/* Returns 0 or what went wrong. */
static int write_all(int file, struct piece piece)
{
    if (fallocate(file, 0, 0, (off_t)piece.size) != 0)
        return errno;
    for (size_t at = 0; at < piece.size;) {
        ssize_t wrote = pwrite(file, piece.bytes + at, piece.size - at, (off_t)at);

        if (wrote < 0 && errno != EINTR)
            return errno;
        if (wrote > 0)
            at += (size_t)wrote;
    }
    return 0;
}

/* The disk has it when this returns, though perhaps not yet for good: from then on what the kernel gives
 * away can be read again. Errors as before. */
static int hand_to_disk(int file, struct piece piece)
{
    return sync_file_range(file, 0, (off_t)piece.size,
                           SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) == 0
               ? 0
               : errno;
}

static int map_copy(int file, struct piece piece, uint8_t **ret_copy)
{
    void *copy;
    int error = write_all(file, piece);

    if (error == 0)
        error = hand_to_disk(file, piece);
    if (error != 0)
        return error;
    copy = mmap(NULL, piece.size, PROT_READ, MAP_SHARED, file, 0);
    if (copy == MAP_FAILED)
        return errno;
    *ret_copy = copy;
    return 0;
}

static void tell(struct file_shelf *shelf, int error)
{
    if (error != 0 && !shelf->failed)
        log_warn(shelf->logger, "no_shelf",
                 "path=%s errno=%d reason=\"%s\" effect=\"values stay in memory\"",
                 shelf->directory, error, strerror(error));
    shelf->failed = error != 0;
}

/* NULL: there is no room. */
static uint8_t *copy_piece(struct file_shelf *shelf, struct piece piece)
{
    uint8_t *copy = NULL;
    int file = open(shelf->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int error = file < 0 ? errno : map_copy(file, piece, &copy);

    if (file >= 0)
        close(file);
    if (error == 0 && !pieces_add(&shelf->mapped, (struct piece){copy, piece.size})) {
        munmap(copy, piece.size);
        error = ENOMEM;
    }
    tell(shelf, error);
    return error == 0 ? copy : NULL;
}

static void unmap_piece(struct file_shelf *shelf, struct piece piece)
{
    size_t at = 0;

    while (at < shelf->mapped.count && shelf->mapped.list[at].bytes != piece.bytes)
        at++;
    assert(at < shelf->mapped.count);
    assert(shelf->mapped.list[at].size == piece.size);
    shelf->mapped.list[at] = shelf->mapped.list[--shelf->mapped.count];
    munmap(piece.bytes, piece.size);
}

/* What the process has of files in its memory; 0 if that cannot be known. */
static uint64_t resident_file_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    uint64_t pages = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %*u %lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Takes mapped pages out of the process' memory, not out of the page cache, if there are many. A
 * page that is in use comes back at the cost of a fault, hence only a few pieces each time. */
static void let_go(struct file_shelf *shelf)
{
    size_t count = shelf->mapped.count / LOOKS_PER_ROUND + 1;

    assert(shelf->mapped.count > 0);
    if (resident_file_bytes() <= RESIDENT_BYTES_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct piece *piece;

        if (shelf->next >= shelf->mapped.count)
            shelf->next = 0;
        piece = &shelf->mapped.list[shelf->next++];
        (void)madvise(piece->bytes, piece->size, MADV_DONTNEED);
    }
}

/* Does what there is to do, once; called with the mutex held, which it gives up meanwhile. False:
 * there was nothing. */
static bool work_once(struct file_shelf *shelf)
{
    struct piece piece;

    if (shelf->dropped.count > 0) {
        piece = shelf->dropped.list[--shelf->dropped.count];
        pthread_mutex_unlock(&shelf->mutex);
        unmap_piece(shelf, piece);
        pthread_mutex_lock(&shelf->mutex);
        return true;
    }
    if (shelf->state != JOB_GIVEN)
        return false;
    piece = shelf->job;
    pthread_mutex_unlock(&shelf->mutex);
    piece.bytes = copy_piece(shelf, piece);
    pthread_mutex_lock(&shelf->mutex);
    shelf->job = piece;
    shelf->state = JOB_DONE;
    pthread_cond_signal(&shelf->done);
    return true;
}

static void *run(void *argument)
{
    struct file_shelf *shelf = argument;
    uint64_t look_at_ns = thread_now_ns() + LOOK_EVERY_NS;

    pthread_mutex_lock(&shelf->mutex);
    for (;;) {
        if (shelf->mapped.count > 0 && thread_now_ns() >= look_at_ns) {
            pthread_mutex_unlock(&shelf->mutex);
            let_go(shelf);
            look_at_ns = thread_now_ns() + LOOK_EVERY_NS;
            pthread_mutex_lock(&shelf->mutex);
        }
        if (work_once(shelf))
            continue;
        if (shelf->closing)
            break;
        (void)thread_wait(&shelf->work, &shelf->mutex,
                          shelf->mapped.count > 0 ? look_at_ns : UINT64_MAX);
    }
    pthread_mutex_unlock(&shelf->mutex);
    return NULL;
}

/* ---- the owner ---- */

void file_shelf_give(void *context, const uint8_t *bytes, size_t size)
{
    struct file_shelf *shelf = context;

    assert(size > 0);
    pthread_mutex_lock(&shelf->mutex);
    assert(shelf->state == JOB_NONE);
    shelf->job = (struct piece){(uint8_t *)(uintptr_t)bytes, size};
    shelf->state = JOB_GIVEN;
    pthread_mutex_unlock(&shelf->mutex);
    pthread_cond_signal(&shelf->work);
}

bool file_shelf_take(void *context, bool wait, const uint8_t **ret_copy)
{
    struct file_shelf *shelf = context;
    bool done;

    pthread_mutex_lock(&shelf->mutex);
    assert(shelf->state != JOB_NONE);
    while (wait && shelf->state != JOB_DONE)
        pthread_cond_wait(&shelf->done, &shelf->mutex);
    done = shelf->state == JOB_DONE;
    if (done) {
        *ret_copy = shelf->job.bytes;
        shelf->state = JOB_NONE;
    }
    pthread_mutex_unlock(&shelf->mutex);
    return done;
}

void file_shelf_drop(void *context, const uint8_t *copy, size_t size)
{
    struct file_shelf *shelf = context;
    struct piece piece = {(uint8_t *)(uintptr_t)copy, size};

    pthread_mutex_lock(&shelf->mutex);
    if (!pieces_add(&shelf->dropped, piece))
        abort(); /* the list of what is there could be made, and is as long */
    pthread_mutex_unlock(&shelf->mutex);
    pthread_cond_signal(&shelf->work);
}

static void free_shelf(struct file_shelf *shelf)
{
    pthread_cond_destroy(&shelf->work);
    pthread_cond_destroy(&shelf->done);
    pthread_mutex_destroy(&shelf->mutex);
    free(shelf->dropped.list);
    free(shelf->mapped.list);
    free(shelf->directory);
    free(shelf);
}

int file_shelf_open(struct file_shelf **ret_shelf, const char *directory,
                    const struct logger *logger)
{
    struct file_shelf *shelf = calloc(1, sizeof(*shelf));

    if (shelf == NULL)
        return DECREE_NOMEM;
    shelf->logger = logger;
    shelf->state = JOB_NONE;
    pthread_mutex_init(&shelf->mutex, NULL);
    thread_condition_init(&shelf->work);
    thread_condition_init(&shelf->done);
    shelf->directory = strdup(directory);
    if (shelf->directory == NULL || thread_start(&shelf->thread, "shelf", run, shelf) != 0) {
        free_shelf(shelf);
        return DECREE_NOMEM;
    }
    *ret_shelf = shelf;
    return 0;
}

void file_shelf_close(struct file_shelf *shelf)
{
    if (shelf == NULL)
        return;
    pthread_mutex_lock(&shelf->mutex);
    assert(shelf->state == JOB_NONE);
    shelf->closing = true;
    pthread_mutex_unlock(&shelf->mutex);
    pthread_cond_signal(&shelf->work);
    pthread_join(shelf->thread, NULL);
    assert(shelf->mapped.count == 0);
    free_shelf(shelf);
}
