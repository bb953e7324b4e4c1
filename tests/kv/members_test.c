/* SPDX-License-Identifier: MIT */
/* members_test.c -- what members tell of themselves: kept, replaced, and no part of the hash of
 * keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kv.h"
#include "kv_help.h"

static int set_up(void **state)
{
    *state = kv_new(NULL);
    return *state == NULL;
}

static int tear_down(void **state)
{
    kv_free(*state);
    return 0;
}

static struct kv_result tell(struct kv *kv, uint64_t id, const char *name, const char *url,
                             const char *other_url)
{
    const struct kv_bytes urls[] = {text(url), text(other_url)};
    const struct command command = {
        .op = COMMAND_MEMBER,
        .u.member = {
            .id = id, .name = text(name), .urls = urls, .url_count = other_url[0] == '\0' ? 1 : 2}};

    return apply(kv, &command);
}

/* Every string is used as C would, up to its zero byte. */
static const char *shown_members(const struct kv *kv)
{
    static char line[400];
    size_t count, used = 0;
    const struct kv_member *members = kv_members(kv, &count);

    line[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(line + used, sizeof(line) - used, "%d=%s", (int)members[i].id,
                                 (const char *)members[i].name.data);
        assert_int_equal(strlen((const char *)members[i].name.data), members[i].name.size);
        for (size_t j = 0; j < members[i].url_count; j++)
            used += (size_t)snprintf(line + used, sizeof(line) - used, " %s",
                                     (const char *)members[i].urls[j].data);
        used += (size_t)snprintf(line + used, sizeof(line) - used, "; ");
    }
    return line;
}

static void what_members_tell_is_kept_and_replaced(void **state)
{
    struct kv_result result = tell(*state, 7, "n7", "http://a:1", "");

    assert_string_equal(shown_result(&result), "ok 1 deleted=0 ");
    tell(*state, 3, "n3", "http://b:1", "http://b:2");
    assert_string_equal(shown_members(*state), "7=n7 http://a:1; 3=n3 http://b:1 http://b:2; ");
    tell(*state, 7, "n7", "http://c:1", "http://d:1");
    tell(*state, 3, "", "", "");
    assert_string_equal(shown_members(*state), "7=n7 http://c:1 http://d:1; 3= ; ");
    for (uint64_t id = 8; id < 20; id++)
        tell(*state, id, "n", "u", "");
    assert_non_null(strstr(shown_members(*state), "3= ; 8=n u; "));
    assert_non_null(strstr(shown_members(*state), "19=n u; "));
}

static void a_member_without_urls_can_tell_so(void **state)
{
    const struct command command = {.op = COMMAND_MEMBER,
                                    .u.member = {.id = 1, .name = text("n1")}};

    apply(*state, &command);
    assert_string_equal(shown_members(*state), "1=n1; ");
}

static void members_are_no_part_of_the_hash_and_make_no_revision(void **state)
{
    uint64_t before;

    put(*state, "a", "1");
    before = hash_of(*state);
    tell(*state, 7, "n7", "http://a:1", "");
    assert_int_equal(hash_of(*state), before);
    assert_int_equal(kv_revision(*state), 2);
}

static void no_alarm_forbids_a_member_to_tell(void **state)
{
    const struct command alarm = {
        .op = COMMAND_ALARM, .u.alarm = {.member = 1, .type = ALARM_CORRUPT, .activate = true}};

    apply(*state, &alarm);
    tell(*state, 7, "n7", "http://a:1", "");
    assert_string_equal(shown_members(*state), "7=n7 http://a:1; ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_members_tell_is_kept_and_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_member_without_urls_can_tell_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(members_are_no_part_of_the_hash_and_make_no_revision,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_alarm_forbids_a_member_to_tell, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
