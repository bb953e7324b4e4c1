/* SPDX-License-Identifier: MIT */
/* test_open.c -- every error of a configuration, and every allocation failing in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <decree/paxos.h>

static const decree_node_id members[] = {1, 2, 3, 4};

static struct decree_config good(void)
{
    return (struct decree_config){.self = 1,
                                  .members = members,
                                  .member_count = 3,
                                  .proposals_max = 64,
                                  .log_slots_max = 16,
                                  .reads_max = 4};
}

static void expect(struct decree_config config, int error)
{
    struct decree_paxos *paxos = NULL;

    assert_int_equal(decree_paxos_open(&paxos, &config), error);
    if (error == 0)
        assert_non_null(paxos);
    else
        assert_null(paxos);
    decree_paxos_close(paxos);
}

static void test_members(void **state)
{
    static const decree_node_id twice[] = {1, 2, 2}, zero[] = {1, 0, 2},
                                reserved[] = {1, UINT32_MAX, 2};
    decree_node_id many[DECREE_MEMBERS_MAX + 1];
    struct decree_config config = good();

    (void)state;
    for (uint32_t i = 0; i <= DECREE_MEMBERS_MAX; i++)
        many[i] = i + 1;
    expect(config, 0);
    config.members = many;
    config.member_count = DECREE_MEMBERS_MAX;
    expect(config, 0);
    config.member_count = DECREE_MEMBERS_MAX + 1;
    expect(config, DECREE_INVALID);
    config.member_count = 0;
    expect(config, DECREE_INVALID);
    config = good(), config.members = NULL;
    expect(config, DECREE_INVALID);
    config = good(), config.members = twice;
    expect(config, DECREE_INVALID);
    config = good(), config.members = zero;
    expect(config, DECREE_INVALID);
    config = good(), config.members = reserved;
    expect(config, DECREE_INVALID);
    config = good(), config.self = 4;
    expect(config, DECREE_INVALID);
    config = good(), config.self = 0;
    expect(config, DECREE_INVALID);
}

/* All sizes for up to four members: safe exactly if every vote quorum meets every prepare
 * quorum. */
static void test_quorums(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= 4; count++) {
        for (uint32_t prepare = 1; prepare <= 5; prepare++) {
            for (uint32_t vote = 1; vote <= 5; vote++) {
                struct decree_config config = good();
                bool safe = prepare <= count && vote <= count && prepare + vote > count;

                config.member_count = count;
                config.prepare_quorum = prepare;
                config.vote_quorum = vote;
                expect(config, safe ? 0 : DECREE_QUORUM);
            }
        }
    }
}

static void test_limits(void **state)
{
    struct decree_config config;

    (void)state;
    config = good(), config.proposals_max = 32;
    expect(config, DECREE_INVALID);
    config = good(), config.proposals_max = 65;
    expect(config, DECREE_INVALID);
    config = good(), config.log_slots_max = 8;
    expect(config, DECREE_INVALID);
    config = good(), config.log_slots_max = 17;
    expect(config, DECREE_INVALID);
    config = good(), config.reads_max = 3;
    expect(config, DECREE_INVALID);
    config = good(), config.heartbeat_every_ns = 5, config.suspect_after_ns = 5;
    expect(config, DECREE_INVALID);
    config = good(), config.heartbeat_every_ns = 5, config.suspect_after_ns = 6;
    expect(config, 0);
}

struct memory { /* counts what is allocated; the allocation with this number fails */
    uint32_t allocations, fails_at, live;
};

static void *allocate(void *context, size_t size)
{
    struct memory *memory = context;

    if (++memory->allocations == memory->fails_at)
        return NULL;
    memory->live++;
    return malloc(size);
}

static void deallocate(void *context, void *pointer)
{
    struct memory *memory = context;

    assert_non_null(pointer);
    memory->live--;
    free(pointer);
}

static void test_alloc_without_dealloc(void **state)
{
    struct decree_config config = good();

    (void)state;
    config.alloc = allocate;
    expect(config, DECREE_INVALID);
    config = good();
    config.dealloc = deallocate;
    expect(config, DECREE_INVALID);
}

static void test_each_allocation_fails_in_turn(void **state)
{
    struct decree_config config = good();
    struct memory memory = {.fails_at = 0};
    uint32_t total;

    (void)state;
    config.alloc = allocate;
    config.dealloc = deallocate;
    config.context = &memory;
    expect(config, 0);
    total = memory.allocations;
    assert_true(total > 10);
    assert_int_equal(memory.live, 0);
    for (uint32_t i = 1; i <= total; i++) {
        memory = (struct memory){.fails_at = i};
        expect(config, DECREE_NOMEM);
        assert_int_equal(memory.live, 0);
    }
}

static void test_nothing_is_allocated_after_open(void **state)
{
    struct decree_config config = good();
    struct memory memory = {.fails_at = 0};
    struct decree_paxos *paxos = NULL;
    struct decree_event event = {.type = DECREE_EVENT_START};
    struct decree_effects effects;
    uint32_t total;

    (void)state;
    config.alloc = allocate;
    config.dealloc = deallocate;
    config.context = &memory;
    config.member_count = 1;
    assert_int_equal(decree_paxos_open(&paxos, &config), 0);
    total = memory.allocations;
    for (uint64_t i = 1; i < 100; i++) {
        struct decree_value *value = decree_value_copy("v", 1);

        event.now_ns = i * 10000000;
        (void)decree_paxos_step(paxos, &event);
        decree_paxos_take(paxos, &effects);
        event = (struct decree_event){
            .type = DECREE_EVENT_PROPOSE, .now_ns = event.now_ns, .u.propose = value};
        (void)decree_paxos_step(paxos, &event);
        decree_paxos_take(paxos, &effects);
        decree_value_unref(value);
        event = (struct decree_event){.type = DECREE_EVENT_WAKE};
        if (effects.sync_lsn > 0)
            event = (struct decree_event){.type = DECREE_EVENT_PERSISTED,
                                          .u.persisted = effects.sync_lsn};
    }
    assert_true(decree_paxos_last_sequence(paxos) > 0);
    assert_int_equal(memory.allocations, total);
    decree_paxos_close(paxos);
    decree_paxos_close(NULL);
}

static void test_misuse(void **state)
{
    struct decree_config config = good();
    struct decree_paxos *paxos = NULL;
    struct decree_event event = {.type = DECREE_EVENT_MESSAGE};

    (void)state;
    assert_int_equal(decree_paxos_open(&paxos, &config), 0);
    assert_int_equal(decree_paxos_step(paxos, &event), DECREE_MISUSE);
    event.type = DECREE_EVENT_PROPOSE;
    assert_int_equal(decree_paxos_step(paxos, &event), DECREE_MISUSE);
    event.type = DECREE_EVENT_READ;
    assert_int_equal(decree_paxos_step(paxos, &event), DECREE_MISUSE);
    event.type = DECREE_EVENT_FETCHED;
    assert_int_equal(decree_paxos_step(paxos, &event), DECREE_MISUSE);
    event.type = DECREE_EVENT_START;
    assert_int_equal(decree_paxos_step(paxos, &event), 0);
    assert_int_equal(decree_paxos_step(paxos, &event), DECREE_MISUSE);
    event.type = DECREE_EVENT_RESTORE;
    assert_int_equal(decree_paxos_step(paxos, &event), DECREE_MISUSE);
    decree_paxos_close(paxos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_quorums),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_alloc_without_dealloc),
        cmocka_unit_test(test_each_allocation_fails_in_turn),
        cmocka_unit_test(test_nothing_is_allocated_after_open),
        cmocka_unit_test(test_misuse),
    };

    return cmocka_run_group_tests_name("open", tests, NULL, NULL);
}
