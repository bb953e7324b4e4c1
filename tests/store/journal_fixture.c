/* SPDX-License-Identifier: MIT */
/* journal_fixture.c -- records that can be made again from their lsn, and a journal over the fake
 * disk. */
#include "journal_fixture.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct decree_record fixture_record(decree_lsn lsn, uint32_t value_max)
{
    struct decree_record record = {.lsn = lsn};
    struct decree_pvalue *pvalue = &record.pvalue;
    uint8_t data[FIXTURE_VALUE_MAX];
    struct prng prng;
    uint32_t size;

    prng_init(&prng, lsn);
    record.type = (enum decree_record_type)(1 + prng_below(&prng, 4));
    if (prng_below(&prng, 3) > 0)
        record.type = DECREE_RECORD_ACCEPT;
    pvalue->ballot.round = prng_next(&prng) >> prng_below(&prng, 64);
    pvalue->ballot.node = (decree_node_id)prng_below(&prng, 32);
    pvalue->slot = 1 + prng_below(&prng, lsn);
    if (record.type != DECREE_RECORD_ACCEPT || prng_below(&prng, 5) == 0)
        return record;
    pvalue->command.origin = 1;
    pvalue->command.incarnation = prng_next(&prng) >> prng_below(&prng, 64);
    pvalue->command.sequence = lsn;
    size = (uint32_t)prng_below(&prng, value_max + 1);
    assert(size <= FIXTURE_VALUE_MAX);
    for (uint32_t i = 0; i < size; i++)
        data[i] = (uint8_t)prng_next(&prng);
    pvalue->command.value = decree_value_copy(data, size);
    assert(pvalue->command.value != NULL);
    return record;
}

void fixture_records(struct decree_record *records, uint32_t count, decree_lsn lsn,
                     uint32_t value_max)
{
    for (uint32_t i = 0; i < count; i++)
        records[i] = fixture_record(lsn + i, value_max);
}

void fixture_drop(struct decree_record *records, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        decree_value_unref(records[i].pvalue.command.value);
}

void fixture_init(struct fixture *fixture, uint64_t seed, uint32_t value_max)
{
    *fixture = (struct fixture){.disk = fake_disk_new(seed), .value_max = value_max};
}

void fixture_release(struct fixture *fixture)
{
    fixture_close(fixture);
    fake_disk_free(fixture->disk);
}

static void check_same(const struct decree_record *wanted, const struct decree_record *found)
{
    const struct decree_pvalue *a = &wanted->pvalue, *b = &found->pvalue;

    assert(wanted->lsn == found->lsn);
    assert(wanted->type == found->type);
    assert(a->ballot.round == b->ballot.round);
    assert(a->ballot.node == b->ballot.node);
    assert(a->slot == b->slot);
    assert(a->command.origin == b->command.origin);
    assert(a->command.incarnation == b->command.incarnation);
    assert(a->command.sequence == b->command.sequence);
    assert((a->command.value == NULL) == (b->command.value == NULL));
    if (a->command.value == NULL)
        return;
    assert(a->command.value->size == b->command.value->size);
    assert(memcmp(a->command.value->data, b->command.value->data, a->command.value->size) == 0);
}

static int fixture_restore(void *context, const struct decree_record *record)
{
    struct fixture *fixture = context;
    struct decree_record wanted;

    if (record->lsn == fixture->refuse)
        return DECREE_CORRUPT;
    assert(record->lsn == fixture->restored + 1);
    wanted = fixture_record(record->lsn, fixture->value_max);
    check_same(&wanted, record);
    fixture_drop(&wanted, 1);
    fixture->restored = record->lsn;
    return 0;
}

int fixture_open(struct fixture *fixture)
{
    struct disk_journal_options options = {.fs = &fixture->disk->fs,
                                           .directory = FIXTURE_DIRECTORY,
                                           .member_name = "n1",
                                           .member_id = 1,
                                           .segment_bytes = FIXTURE_SEGMENT_BYTES,
                                           .value_bytes_max = FIXTURE_VALUE_MAX};
    int result;

    assert(fixture->journal == NULL);
    fixture->restored = 0;
    fixture->error = (struct store_error){.code = 0};
    result = disk_journal_open(&fixture->journal, &options, &fixture->error);
    if (result != 0) {
        fixture->journal = NULL;
        return result;
    }
    result = disk_journal_recover(fixture->journal, fixture_restore, fixture, &fixture->error);
    if (result != 0)
        fixture_close(fixture);
    else
        assert(disk_journal_synced_lsn(fixture->journal) == fixture->restored);
    return result;
}

void fixture_close(struct fixture *fixture)
{
    disk_journal_close(fixture->journal);
    fixture->journal = NULL;
}

void fixture_kill(struct fixture *fixture)
{
    struct fake_disk *copy = fake_disk_copy(fixture->disk, prng_next(&fixture->disk->prng));

    fixture_close(fixture);
    fake_disk_free(fixture->disk);
    fixture->disk = copy;
}

void fixture_crash(struct fixture *fixture)
{
    struct fake_disk *disk = fixture->disk, *copy;

    disk->fail_at = 1; /* the close that frees the memory reaches the disk no more */
    disk->fail_op = 0;
    disk->fail_errno = EIO;
    disk->fail_all_after = true;
    disk->short_writes = false;
    disk->count = 1;
    fake_disk_crash(disk);
    for (int i = 0; i < FAKE_HANDLES_MAX; i++)
        disk->handles[i] = 1;
    fixture_close(fixture);
    fake_disk_kill(disk);
    copy = fake_disk_copy(disk, prng_next(&disk->prng));
    fake_disk_free(disk);
    fixture->disk = copy;
}

int fixture_append(struct fixture *fixture, uint32_t count)
{
    int result = fixture_write(fixture, count);

    return result != 0 ? result : disk_journal_sync(fixture->journal, &fixture->error);
}

int fixture_write(struct fixture *fixture, uint32_t count)
{
    struct decree_record records[FIXTURE_BATCH_MAX];
    uint32_t done = 0, written = 0;
    int result = 0;

    assert(count <= FIXTURE_BATCH_MAX);
    fixture_records(records, count, disk_journal_written_lsn(fixture->journal) + 1,
                    fixture->value_max);
    while (done < count && result == 0) {
        result = disk_journal_write(fixture->journal, records + done, count - done, &written,
                                    &fixture->error);
        if (result == 0)
            done += written;
    }
    fixture_drop(records, count);
    return result;
}
