/* SPDX-License-Identifier: MIT */
/* test_identity.c -- whose directory it is, who may use it, and on a real file system. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "disk_journal.h"
#include "journal_fixture.h"

static int restore_count(void *context, const struct decree_record *record)
{
    (void)record;
    ++*(uint64_t *)context;
    return 0;
}

static int try_open(struct fake_disk *disk, const char *token, const char *name, decree_node_id id,
                    struct store_error *error)
{
    struct disk_journal_options options = {.fs = &disk->fs,
                                           .directory = FIXTURE_DIRECTORY,
                                           .cluster_token = token,
                                           .member_name = name,
                                           .member_id = id,
                                           .segment_bytes = FIXTURE_SEGMENT_BYTES,
                                           .value_bytes_max = FIXTURE_VALUE_MAX};
    struct disk_journal *journal;
    int result = disk_journal_open(&journal, &options, error);

    if (result == 0)
        disk_journal_close(journal);
    return result;
}

static void test_only_its_member_may_use_a_directory(void **state)
{
    struct fake_disk *disk = fake_disk_new(1);
    struct store_error error;

    (void)state;
    assert_int_equal(try_open(disk, "blue", "n1", 1, &error), 0);
    assert_int_equal(try_open(disk, "blue", "n1", 1, &error), 0);
    assert_int_equal(try_open(disk, "red", "n1", 1, &error), DECREE_IDENTITY);
    assert_string_equal(error.text, "data belongs to cluster \"blue\", not to \"red\"");
    assert_int_equal(try_open(disk, NULL, "n1", 1, &error), DECREE_IDENTITY);
    assert_int_equal(try_open(disk, "blue", "n2", 1, &error), DECREE_IDENTITY);
    assert_string_equal(error.text,
                        "data belongs to member \"n1\" with id 1, not to \"n2\" with id 1");
    assert_int_equal(try_open(disk, "blue", "n1", 2, &error), DECREE_IDENTITY);
    assert_int_equal(try_open(disk, "blue", "n1", 1, &error), 0);
    fake_disk_free(disk);
}

static void test_names_that_would_break_the_file_are_refused(void **state)
{
    struct fake_disk *disk = fake_disk_new(1);
    struct store_error error;
    char long_name[300];

    (void)state;
    memset(long_name, 'x', sizeof(long_name));
    long_name[256] = '\0';
    assert_int_equal(try_open(disk, "", "n1", 1, &error), DECREE_INVALID);
    assert_int_equal(try_open(disk, "a\nb", "n1", 1, &error), DECREE_INVALID);
    assert_int_equal(try_open(disk, "a", "", 1, &error), DECREE_INVALID);
    assert_int_equal(try_open(disk, "a", NULL, 1, &error), DECREE_INVALID);
    assert_int_equal(try_open(disk, "a", long_name, 1, &error), DECREE_INVALID);
    assert_int_equal(try_open(disk, "a", "n1", 0, &error), DECREE_INVALID);
    long_name[255] = '\0';
    assert_int_equal(try_open(disk, long_name, long_name, UINT32_MAX, &error), 0);
    assert_int_equal(try_open(disk, long_name, long_name, UINT32_MAX, &error), 0);
    fake_disk_free(disk);
}

static void test_a_damaged_identity_is_no_identity(void **state)
{
    struct fixture fixture;
    struct fake_file *file;

    (void)state;
    fixture_init(&fixture, 2, 10);
    assert_int_equal(fixture_open(&fixture), 0);
    fixture_close(&fixture);
    file = fake_disk_file(fixture.disk, FIXTURE_DIRECTORY "/identity");
    for (uint64_t bit = 0; bit < file->seen_size * 8; bit++) {
        file->seen[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(fixture_open(&fixture), DECREE_CORRUPT);
        file->seen[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (uint64_t size = file->seen_size; size > 0; size--) {
        uint64_t whole = file->seen_size;

        file->seen_size = size - 1;
        assert_int_equal(fixture_open(&fixture), DECREE_CORRUPT);
        file->seen_size = whole;
    }
    assert_int_equal(fixture_open(&fixture), 0);
    fixture_release(&fixture);
}

static void test_a_lost_identity_or_journal_is_noticed(void **state)
{
    struct fixture fixture;
    struct fs *fs;

    (void)state;
    fixture_init(&fixture, 3, 10);
    assert_int_equal(fixture_open(&fixture), 0);
    assert_int_equal(fixture_append(&fixture, 2), 0);
    fixture_kill(&fixture);
    fs = &fixture.disk->fs;
    assert_int_equal(fs->ops->rename(fs, FIXTURE_DIRECTORY "/identity", "elsewhere"), 0);
    assert_int_equal(fixture_open(&fixture), DECREE_CORRUPT);
    assert_int_equal(fs->ops->rename(fs, "elsewhere", FIXTURE_DIRECTORY "/identity"), 0);
    assert_int_equal(fixture_open(&fixture), 0);
    fixture_close(&fixture);
    assert_int_equal(fs->ops->unlink(fs, FIXTURE_DIRECTORY "/0000000001.journal"), 0);
    assert_int_equal(fixture_open(&fixture), DECREE_CORRUPT);
    fixture_release(&fixture);
}

/* A power failure at any point of making a new directory leaves one that opens. */
static void test_a_new_directory_is_whole_or_made_again(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct fixture fixture;

        fixture_init(&fixture, seed, 10);
        fixture.disk->fail_at = 1 + seed % 25;
        fixture.disk->fail_all_after = true;
        (void)fixture_open(&fixture);
        fixture_crash(&fixture);
        if (fixture_open(&fixture) != 0)
            fail_msg("seed %d: %s", (int)seed, fixture.error.text);
        fixture_release(&fixture);
    }
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void test_a_directory_has_one_user_at_a_time(void **state)
{
    char base[] = "/tmp/decree-store-XXXXXX", directory[64];
    struct disk_journal_options options = {.member_name = "n1", .member_id = 1};
    struct disk_journal *journal, *other;
    struct store_error error;
    uint64_t restored = 0;

    (void)state;
    assert_non_null(mkdtemp(base));
    snprintf(directory, sizeof(directory), "%s/n1", base);
    options.directory = directory;
    options.first_segment_bytes = 65536;
    assert_int_equal(disk_journal_open(&journal, &options, &error), 0);
    assert_int_equal(disk_journal_open(&other, &options, &error), DECREE_LOCKED);
    assert_non_null(strstr(error.text, directory));
    assert_int_equal(disk_journal_recover(journal, restore_count, &restored, &error), 0);
    for (decree_lsn lsn = 1; lsn <= 10; lsn++) {
        struct decree_record record = {
            .lsn = lsn, .type = DECREE_RECORD_PROMISE, .pvalue = {.ballot = {lsn, 1}}};

        assert_int_equal(disk_journal_append(journal, &record, 1, &error), 0);
    }
    disk_journal_close(journal);
    assert_int_equal(disk_journal_open(&journal, &options, &error), 0);
    assert_int_equal(disk_journal_recover(journal, restore_count, &restored, &error), 0);
    assert_int_equal(restored, 10);
    disk_journal_close(journal);
    options.directory = "/nonexistent/n1";
    assert_int_equal(disk_journal_open(&journal, &options, &error), DECREE_IO);
    assert_non_null(strstr(error.text, "/nonexistent/n1"));
    nftw(base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void test_sizes_that_cannot_work_are_refused(void **state)
{
    struct fake_disk *disk = fake_disk_new(1);
    struct disk_journal_options options = {
        .fs = &disk->fs, .directory = "d", .member_name = "n1", .member_id = 1};
    struct disk_journal *journal;
    struct store_error error;

    (void)state;
    options.segment_bytes = 1 << 20;
    assert_int_equal(disk_journal_open(&journal, &options, &error), DECREE_INVALID);
    options.segment_bytes = UINT64_C(2) << 30;
    assert_int_equal(disk_journal_open(&journal, &options, &error), DECREE_INVALID);
    options.segment_bytes = 0;
    options.directory = "";
    assert_int_equal(disk_journal_open(&journal, &options, &error), DECREE_INVALID);
    fake_disk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_its_member_may_use_a_directory),
        cmocka_unit_test(test_names_that_would_break_the_file_are_refused),
        cmocka_unit_test(test_a_damaged_identity_is_no_identity),
        cmocka_unit_test(test_a_lost_identity_or_journal_is_noticed),
        cmocka_unit_test(test_a_new_directory_is_whole_or_made_again),
        cmocka_unit_test(test_a_directory_has_one_user_at_a_time),
        cmocka_unit_test(test_sizes_that_cannot_work_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
