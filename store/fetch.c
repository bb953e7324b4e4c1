/* SPDX-License-Identifier: MIT */
/* fetch.c -- reading decided slots back from the journal.
 *
 * Slots that follow each other mostly stand next to each other, so a window of the file is kept in
 * memory. Every record is checked again, from the checksum that stands before it.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disk_journal_inside.h"
#include "record.h"

#define FETCH_BYTES_MAX (UINT64_C(1) << 20)
#define WINDOW_BYTES ((size_t)64 << 10)
#define CHAIN_BYTES RECORD_CHECKSUM_BYTES

static void fetch_window_close(struct fetch_window *window, struct fs *fs)
{
    if (window->segment != 0)
        fs->ops->close(fs, window->file);
    window->segment = 0;
    window->size = 0;
}

void fetch_window_release(struct fetch_window *window, struct fs *fs)
{
    fetch_window_close(window, fs);
    free(window->data);
    *window = (struct fetch_window){.segment = 0};
}

static int fetch_io(struct disk_journal *journal, uint64_t segment, int result, const char *what,
                    struct store_error *error)
{
    char path[FS_PATH_MAX];

    assert(result < 0);
    disk_journal_path(journal, segment, path);
    return store_error_set(error, DECREE_IO, -result, "cannot %s %s: %s", what, path,
                           strerror(-result));
}

static int fetch_corrupt(struct disk_journal *journal, uint64_t position, struct store_error *error)
{
    char path[FS_PATH_MAX];

    disk_journal_path(journal, position_segment(position), path);
    return store_error_set(error, DECREE_CORRUPT, 0,
                           "%s is damaged at byte %" PRIu64
                           ": the record there does not check any more",
                           path, position_offset(position));
}

static int window_open(struct disk_journal *journal, uint64_t segment, struct store_error *error)
{
    struct fetch_window *window = &journal->window;
    struct fs *fs = journal->fs;
    char path[FS_PATH_MAX];
    int result;

    if (window->segment == segment)
        return 0;
    fetch_window_close(window, fs);
    disk_journal_path(journal, segment, path);
    if ((result = fs->ops->open(fs, path, FS_OPEN_READ, &window->file)) != 0)
        return fetch_io(journal, segment, result, "open", error);
    window->segment = segment;
    return 0;
}

/* Makes size bytes from offset present in the window, and more if that costs no further read; what
 * is not there because the file ends is left out. */
static int window_ensure(struct disk_journal *journal, uint64_t offset, size_t size,
                         struct store_error *error)
{
    struct fetch_window *window = &journal->window;
    size_t wanted = size > WINDOW_BYTES ? size : WINDOW_BYTES;
    ssize_t got;

    if (offset >= window->offset && offset + size <= window->offset + window->size)
        return 0;
    window->size = 0;
    if (wanted > window->capacity) {
        free(window->data);
        window->capacity = 0;
        window->data = malloc(wanted);
        if (window->data == NULL)
            return store_error_set(error, DECREE_NOMEM, 0,
                                   "out of memory for reading records back");
        window->capacity = wanted;
    }
    got = fs_read_all(journal->fs, window->file, window->data, wanted, offset);
    if (got < 0)
        return fetch_io(journal, window->segment, (int)got, "read", error);
    window->offset = offset;
    window->size = (size_t)got;
    return 0;
}

/* A reader over the window from offset on. */
static struct reader window_reader(const struct fetch_window *window, uint64_t offset)
{
    struct reader reader;
    uint64_t skip = offset - window->offset;

    assert(offset >= window->offset);
    assert(skip <= window->size);
    reader_init(&reader, window->data + skip, window->size - skip);
    return reader;
}

/* Reads the record at the position and checks it; the value's bytes are in the window. */
static int fetch_record(struct disk_journal *journal, uint64_t position,
                        struct record_image *ret_image, struct store_error *error)
{
    uint64_t start = position_offset(position) - CHAIN_BYTES, chain;
    struct record_image image;
    struct reader reader;
    size_t size;
    int result;

    if ((result = window_open(journal, position_segment(position), error)) != 0)
        return result;
    if ((result = window_ensure(journal, start, CHAIN_BYTES + RECORD_BYTES_MAX, error)) != 0)
        return result;
    reader = window_reader(&journal->window, start);
    read_u64(&reader);
    if (!record_read_header(&reader, &image) || image.value_size > SEGMENT_BYTES_MAX)
        return fetch_corrupt(journal, position, error);
    size = CHAIN_BYTES + RECORD_BYTES_MAX + image.value_size;
    if ((result = window_ensure(journal, start, size, error)) != 0)
        return result;
    reader = window_reader(&journal->window, start);
    chain = read_u64(&reader);
    if (!record_read(&reader, &chain, ret_image))
        return fetch_corrupt(journal, position, error);
    return 0;
}

static int fetch_slot(struct disk_journal *journal, decree_slot slot, uint64_t position,
                      struct decree_pvalue *ret_pvalue, struct store_error *error)
{
    struct decree_value *value = NULL;
    struct record_image image;
    int result = fetch_record(journal, position, &image, error);

    if (result != 0)
        return result;
    if (image.record.type != DECREE_RECORD_ACCEPT || image.record.pvalue.slot != slot)
        return fetch_corrupt(journal, position, error);
    if (image.has_value) {
        value = decree_value_copy(image.value, image.value_size);
        if (value == NULL)
            return store_error_set(error, DECREE_NOMEM, 0,
                                   "out of memory for reading records back");
    }
    *ret_pvalue = image.record.pvalue;
    ret_pvalue->command.value = value;
    return 0;
}

int disk_journal_fetch(struct disk_journal *journal, decree_slot first, decree_slot last,
                       struct decree_pvalue *pvalues, uint32_t pvalues_max, uint32_t *ret_count,
                       struct store_error *ret_error)
{
    uint64_t bytes = 0;
    uint32_t count = 0;
    int result = 0;

    assert(journal->recovered);
    assert(pvalues_max > 0);
    journal->window.size = 0; /* the segment may have grown since */
    for (decree_slot slot = first; slot <= last && count < pvalues_max && bytes < FETCH_BYTES_MAX;
         slot++) {
        uint64_t position = slot_index_get(&journal->index, slot);

        if (position == 0 ||
            (result = fetch_slot(journal, slot, position, &pvalues[count], ret_error)) != 0)
            break;
        if (pvalues[count].command.value != NULL)
            bytes += pvalues[count].command.value->size;
        count++;
    }
    if (result != 0) {
        while (count > 0)
            decree_value_unref(pvalues[--count].command.value);
        return result;
    }
    *ret_count = count;
    return 0;
}
