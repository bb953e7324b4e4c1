/* SPDX-License-Identifier: MIT */
/* test_synod_journal.c -- what a synod owes its disk: what becomes of its records, one by one; then
 * whole synods over disks that fail, fill up and lose their power, which must still agree.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "disk_journal.h"
#include "fake_disk.h"
#include "synod_journal.h"

#define NODES 3u
#define QUEUE 200u
#define SEEDS 1500u
#define STEPS 400u
#define MS UINT64_C(1000000)

/* --- one by one ----------------------------------------------------------------------------- */

struct slow_port { /* keeps what it gets and says nothing */
    struct journal base;
    struct decree_record last[4];
    uint32_t last_count, appends;
    decree_lsn sync_lsn;
};

static void slow_append(struct journal *journal, const struct decree_record *records,
                        uint32_t count, decree_lsn sync_lsn)
{
    struct slow_port *port = (struct slow_port *)journal;

    assert_true(count <= 4);
    memcpy(port->last, records, count * sizeof(*records));
    port->last_count = count;
    port->appends++;
    port->sync_lsn = sync_lsn;
}

static const struct journal_ops slow_ops = {slow_append, NULL, NULL};

static struct decree_ballot ballot(uint64_t round, decree_node_id node)
{
    return (struct decree_ballot){round, node};
}

static void assert_ballot(struct decree_ballot is, uint64_t round, decree_node_id node)
{
    assert_int_equal(is.round, round);
    assert_int_equal(is.node, node);
}

static void a_record_becomes_what_is_new_of_it(void **state)
{
    struct slow_port port = {.base = {&slow_ops}};
    struct synod_journal journal;
    struct decree_value *value = decree_value_copy("v", 1);
    struct decree_synod_record record = {.version = 1, .promised = ballot(1, 2)};

    (void)state;
    synod_journal_init(&journal);
    assert_null(synod_journal_restored(&journal));
    synod_journal_start(&journal, &port.base, 7);
    synod_journal_keep(&journal, &record);
    assert_int_equal(port.last_count, 1);
    assert_int_equal(port.sync_lsn, 8);
    assert_int_equal(port.last[0].type, DECREE_RECORD_PROMISE);
    assert_ballot(port.last[0].pvalue.ballot, 1, 2);
    assert_int_equal(synod_journal_persisted(&journal, 8), 1);

    record = (struct decree_synod_record){2, ballot(1, 2), ballot(1, 2), value, false};
    synod_journal_keep(&journal, &record);
    assert_int_equal(port.last_count, 1);
    assert_int_equal(port.last[0].type, DECREE_RECORD_ACCEPT);
    assert_int_equal(port.last[0].pvalue.slot, 1);
    assert_ptr_equal(port.last[0].pvalue.command.value, value);
    assert_int_equal(synod_journal_persisted(&journal, 9), 2);

    record.version = 3;
    record.decided = true;
    synod_journal_keep(&journal, &record);
    assert_int_equal(port.last_count, 1);
    assert_int_equal(port.last[0].type, DECREE_RECORD_DECIDE);
    assert_int_equal(port.last[0].pvalue.slot, 1);
    assert_ptr_equal(port.last[0].pvalue.command.value, value);
    synod_journal_release(&journal);
    assert_int_equal(value->refs, 1);
    decree_value_unref(value);
}

/* However many ballots come while the disk hangs, it is owed the newest state only. */
static void the_newest_record_waits_for_the_one_on_its_way(void **state)
{
    struct slow_port port = {.base = {&slow_ops}};
    struct synod_journal journal;
    struct decree_value *value = decree_value_copy("v", 1);
    struct decree_synod_record record = {.version = 1, .promised = ballot(1, 2)};

    (void)state;
    synod_journal_init(&journal);
    synod_journal_start(&journal, &port.base, 0);
    synod_journal_keep(&journal, &record);
    record = (struct decree_synod_record){2, ballot(1, 2), ballot(1, 2), value, false};
    synod_journal_keep(&journal, &record);
    for (record.version = 3; record.version <= 1000; record.version++) {
        record.promised.round = record.version;
        synod_journal_keep(&journal, &record);
    }
    assert_int_equal(port.appends, 1);
    assert_int_equal(synod_journal_persisted(&journal, 0), 0);
    assert_int_equal(synod_journal_persisted(&journal, 1), 1);
    assert_int_equal(port.appends, 2);
    assert_int_equal(port.last_count, 2);
    assert_int_equal(port.last[0].type, DECREE_RECORD_ACCEPT);
    assert_ballot(port.last[0].pvalue.ballot, 1, 2);
    assert_int_equal(port.last[1].type, DECREE_RECORD_PROMISE);
    assert_ballot(port.last[1].pvalue.ballot, 1000, 2);
    assert_int_equal(synod_journal_persisted(&journal, 2), 0); /* half of it */
    assert_int_equal(synod_journal_persisted(&journal, 3), 1000);
    synod_journal_release(&journal);
    decree_value_unref(value);
}

static void what_contradicts_itself_is_corrupt(void **state)
{
    struct decree_value *value = decree_value_copy("v", 1);
    struct decree_record promise = {.type = DECREE_RECORD_PROMISE, .pvalue = {.ballot = {5, 1}}};
    struct decree_record accept = {.type = DECREE_RECORD_ACCEPT,
                                   .pvalue = {.ballot = {6, 1}, .slot = 1}};
    struct decree_record decide = {.type = DECREE_RECORD_DECIDE, .pvalue = {.slot = 1}};
    struct decree_record boot = {.type = DECREE_RECORD_BOOT};
    struct synod_journal journal;

    (void)state;
    accept.pvalue.command.value = decide.pvalue.command.value = value;
    synod_journal_init(&journal);
    assert_int_equal(synod_journal_restore(&journal, &boot), DECREE_CORRUPT);
    assert_int_equal(synod_journal_restore(&journal, &promise), 0);
    assert_int_equal(synod_journal_restore(&journal, &promise), DECREE_CORRUPT);
    accept.pvalue.ballot.round = 4;
    assert_int_equal(synod_journal_restore(&journal, &accept), DECREE_CORRUPT);
    accept.pvalue.ballot.round = 6;
    accept.pvalue.slot = 2;
    assert_int_equal(synod_journal_restore(&journal, &accept), DECREE_CORRUPT);
    accept.pvalue.slot = 1;
    accept.pvalue.command.value = NULL;
    assert_int_equal(synod_journal_restore(&journal, &accept), DECREE_CORRUPT);
    accept.pvalue.command.value = value;
    assert_int_equal(synod_journal_restore(&journal, &accept), 0);
    assert_ballot(synod_journal_restored(&journal)->promised, 6, 1);
    assert_int_equal(synod_journal_restore(&journal, &decide), 0);
    assert_true(synod_journal_restored(&journal)->decided);
    promise.pvalue.ballot.round = 7;
    assert_int_equal(synod_journal_restore(&journal, &promise), DECREE_CORRUPT);
    synod_journal_release(&journal);
    decree_value_unref(value);
}

/* --- whole synods --------------------------------------------------------------------------- */

struct disk_port { /* the journal port without a thread: tried again and again until it works */
    struct journal base;
    struct decree_record records[2];
    uint32_t count;
};

struct member {
    struct disk_port port;
    struct fake_disk *disk;
    struct disk_journal *journal;
    struct synod_journal state;
    struct decree_synod *core;
    uint64_t wake_at_ns;
    decree_lsn lsn;
};

struct letter { /* on its way */
    struct decree_synod_message message;
};

struct world {
    struct prng prng;
    uint64_t now_ns;
    uint32_t lost_of_ten; /* messages */
    struct member members[NODES];
    struct letter queue[QUEUE];
    uint32_t queued;
    char decided[8]; /* by anyone, ever; empty: nothing yet */
    uint32_t crashes, failures;
};

static void port_append(struct journal *journal, const struct decree_record *records,
                        uint32_t count, decree_lsn sync_lsn)
{
    struct disk_port *port = (struct disk_port *)journal;

    assert_int_equal(port->count, 0);
    assert_true(count <= 2);
    assert_true(sync_lsn > 0);
    memcpy(port->records, records, count * sizeof(*records));
    port->count = count;
    for (uint32_t i = 0; i < count; i++)
        decree_value_ref(records[i].pvalue.command.value);
}

static const struct journal_ops port_ops = {port_append, NULL, NULL};

static void port_clear(struct disk_port *port)
{
    for (uint32_t i = 0; i < port->count; i++)
        decree_value_unref(port->records[i].pvalue.command.value);
    port->count = 0;
}

static void send_later(struct world *world, const struct decree_synod_message *message)
{
    if (world->queued == QUEUE || prng_below(&world->prng, 10) < world->lost_of_ten)
        return;
    decree_value_ref(message->value);
    world->queue[world->queued++].message = *message;
}

static void note_decision(struct world *world, const struct decree_value *value)
{
    char text[8] = "";

    assert_true(value->size < sizeof(text));
    memcpy(text, value->data, value->size);
    if (world->decided[0] == '\0')
        memcpy(world->decided, text, sizeof(text));
    assert_string_equal(world->decided, text);
}

static void step(struct world *world, struct member *member, struct decree_synod_event event)
{
    struct decree_synod_effects effects;

    if (member->core == NULL)
        return;
    event.now_ns = world->now_ns;
    assert_int_equal(decree_synod_step(member->core, &event), 0);
    decree_synod_take(member->core, &effects);
    if (effects.record != NULL)
        synod_journal_keep(&member->state, effects.record);
    for (uint32_t i = 0; i < effects.message_count; i++)
        send_later(world, &effects.messages[i]);
    member->wake_at_ns = effects.wake_at_ns;
    if (effects.decided != NULL)
        note_decision(world, effects.decided);
}

/* What the journal does from here on, to free its memory, reaches the disk no more. */
static void cut_off(struct fake_disk *disk)
{
    fake_disk_heal(disk);
    disk->fail_at = disk->count = 1;
    disk->fail_errno = EIO;
    disk->fail_all_after = true;
    disk->short_writes = false;
}

static void go_down(struct member *member, bool power_fails)
{
    struct fake_disk *disk = member->disk;

    cut_off(disk);
    if (power_fails) {
        fake_disk_crash(disk);
        for (int i = 0; i < FAKE_HANDLES_MAX; i++)
            disk->handles[i] = 1;
    }
    disk_journal_close(member->journal);
    fake_disk_kill(disk);
    member->disk = fake_disk_copy(disk, prng_next(&disk->prng));
    fake_disk_free(disk);
    member->journal = NULL;
    decree_synod_close(member->core);
    member->core = NULL;
    port_clear(&member->port);
    synod_journal_release(&member->state);
}

static int restore_record(void *context, const struct decree_record *record)
{
    return synod_journal_restore(context, record);
}

static bool open_disk(struct member *member, decree_node_id self)
{
    struct disk_journal_options options = {.fs = &member->disk->fs,
                                           .directory = "data",
                                           .member_name = "n",
                                           .member_id = self,
                                           .segment_bytes = 16384,
                                           .value_bytes_max = 1000};
    struct store_error error = {0};
    int result = disk_journal_open(&member->journal, &options, &error);

    if (result != 0)
        member->journal = NULL;
    else
        result = disk_journal_recover(member->journal, restore_record, &member->state, &error);
    if (result != 0 && result != DECREE_IO)
        fail_msg("node %u: %s", self, error.text);
    return result == 0;
}

static void come_up(struct world *world, uint32_t i)
{
    static const decree_node_id ids[NODES] = {1, 2, 3};
    static const char *const texts[NODES] = {"one", "two", "three"};
    struct member *member = &world->members[i];
    struct decree_synod_config config = {
        .self = i + 1, .members = ids, .member_count = NODES, .seed = prng_next(&world->prng)};
    struct decree_value *value = decree_value_copy(texts[i], (uint32_t)strlen(texts[i]));
    const struct decree_synod_record *restored;

    synod_journal_init(&member->state);
    if (!open_disk(member, i + 1)) {
        go_down(member, false);
        decree_value_unref(value);
        return;
    }
    restored = synod_journal_restored(&member->state);
    assert_int_equal(decree_synod_open(&member->core, &config), 0);
    if (restored != NULL && restored->decided)
        note_decision(world, restored->value);
    synod_journal_start(&member->state, &member->port.base,
                        disk_journal_written_lsn(member->journal));
    if (restored != NULL)
        step(world, member,
             (struct decree_synod_event){.type = DECREE_SYNOD_RESTORE, .u.restore = *restored});
    step(world, member,
         (struct decree_synod_event){.type = DECREE_SYNOD_PROPOSE, .u.propose = value});
    step(world, member, (struct decree_synod_event){.type = DECREE_SYNOD_LEARN});
    decree_value_unref(value);
}

/* The disk's turn: what waits is written, or is not. */
static void write_somehow(struct world *world, struct member *member)
{
    decree_lsn first = disk_journal_written_lsn(member->journal);
    struct store_error error = {0};
    uint64_t version;
    uint32_t count = member->port.count;

    for (uint32_t i = 0; i < count; i++)
        member->port.records[i].lsn = first + 1 + i;
    if (count == 0)
        return;
    if (disk_journal_append(member->journal, member->port.records, count, &error) != 0) {
        world->failures++;
        if (error.fatal || disk_journal_written_lsn(member->journal) != first)
            go_down(member, true);
        return;
    }
    port_clear(&member->port);
    version = synod_journal_persisted(&member->state, first + count);
    assert_true(version != 0);
    step(world, member,
         (struct decree_synod_event){.type = DECREE_SYNOD_PERSISTED, .u.persisted = version});
}

static void deliver(struct world *world)
{
    uint32_t i = (uint32_t)prng_below(&world->prng, world->queued);
    struct decree_synod_message message = world->queue[i].message;

    world->queue[i] = world->queue[--world->queued];
    step(world, &world->members[message.to - 1],
         (struct decree_synod_event){.type = DECREE_SYNOD_MESSAGE, .u.message = message});
    decree_value_unref(message.value);
}

static void one_thing_happens(struct world *world, bool faults)
{
    struct member *member = &world->members[prng_below(&world->prng, NODES)];
    uint32_t number = (uint32_t)(member - world->members);
    uint64_t kind = prng_below(&world->prng, faults ? 24 : 21);

    if (member->core == NULL) {
        come_up(world, number);
    } else if (kind < 12) {
        if (world->queued > 0)
            deliver(world);
    } else if (kind < 19) {
        write_somehow(world, member);
    } else if (kind < 21) {
        world->now_ns += prng_below(&world->prng, 100 * MS);
        if (world->now_ns >= member->wake_at_ns)
            step(world, member, (struct decree_synod_event){.type = DECREE_SYNOD_WAKE});
        if (!faults)
            step(world, member, (struct decree_synod_event){.type = DECREE_SYNOD_LEARN});
    } else if (kind < 23) {
        world->crashes++;
        go_down(member, kind == 21);
    } else {
        fake_disk_heal(member->disk);
        member->disk->fail_at = 1 + prng_below(&world->prng, 12);
        member->disk->fail_errno = prng_below(&world->prng, 2) == 0 ? EIO : ENOSPC;
        member->disk->short_writes = prng_below(&world->prng, 2) == 0;
    }
}

static bool all_know(const struct world *world)
{
    for (uint32_t i = 0; i < NODES; i++) {
        const struct member *member = &world->members[i];

        if (member->core == NULL || !member->state.written.decided || member->port.count > 0)
            return false;
    }
    return true;
}

static void live(struct world *world, uint64_t seed)
{
    prng_init(&world->prng, seed);
    world->lost_of_ten = (uint32_t)prng_below(&world->prng, 9);
    for (uint32_t i = 0; i < NODES; i++) {
        world->members[i].disk = fake_disk_new(seed * NODES + i);
        world->members[i].port.base.ops = &port_ops;
    }
    for (uint32_t i = 0; i < STEPS; i++)
        one_thing_happens(world, true);
    world->lost_of_ten = 1;
    for (uint32_t i = 0; i < NODES; i++)
        fake_disk_heal(world->members[i].disk);
    for (uint32_t i = 0; i < 100 * STEPS && !all_know(world); i++)
        one_thing_happens(world, false);
    assert_true(all_know(world));
}

static void synods_agree_over_bad_disks(void **state)
{
    uint32_t crashes = 0, failures = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world world = {.now_ns = 0};

        live(&world, seed);
        for (uint32_t i = 0; i < world.queued; i++)
            decree_value_unref(world.queue[i].message.value);
        for (uint32_t i = 0; i < NODES; i++) {
            go_down(&world.members[i], false);
            fake_disk_free(world.members[i].disk);
        }
        crashes += world.crashes;
        failures += world.failures;
    }
    assert_true(crashes > SEEDS);
    assert_true(failures > SEEDS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_becomes_what_is_new_of_it),
        cmocka_unit_test(the_newest_record_waits_for_the_one_on_its_way),
        cmocka_unit_test(what_contradicts_itself_is_corrupt),
        cmocka_unit_test(synods_agree_over_bad_disks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
