/* SPDX-License-Identifier: MIT */
/* test_file_shelf.c -- pieces are copied to files that nobody sees, and read back from there; where
 * there is no room, that is said. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "file_shelf.h"

#define PIECE_BYTES (300u << 10)
#define PIECES 300u /* more than may be resident */

struct fixture {
    char directory[64];
    struct file_shelf *shelf;
    struct logger logger;
    unsigned warnings;
};

static void count_warning(void *context, enum decree_log_level level, const char *event,
                          const char *details)
{
    struct fixture *fixture = context;

    assert_int_equal(level, DECREE_LOG_WARN);
    assert_string_equal(event, "no_shelf");
    assert_non_null(strstr(details, "reason="));
    fixture->warnings++;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    memcpy(fixture->directory, "/tmp/shelf-XXXXXX", sizeof("/tmp/shelf-XXXXXX"));
    assert_non_null(mkdtemp(fixture->directory));
    fixture->logger = (struct logger){fixture, DECREE_LOG_WARN, count_warning};
    assert_int_equal(file_shelf_open(&fixture->shelf, fixture->directory, &fixture->logger), 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    file_shelf_close(fixture->shelf);
    rmdir(fixture->directory); /* fails if anything was left in it, or it is gone */
    assert_int_not_equal(access(fixture->directory, F_OK), 0);
    free(fixture);
    return 0;
}

static const uint8_t *shelve(struct fixture *fixture, unsigned number)
{
    static uint8_t bytes[PIECE_BYTES];
    const uint8_t *copy = bytes;

    memset(bytes, (int)number, sizeof(bytes));
    memcpy(bytes + PIECE_BYTES / 2, &number, sizeof(number));
    file_shelf_give(fixture->shelf, bytes, PIECE_BYTES - number);
    assert_true(file_shelf_take(fixture->shelf, true, &copy));
    memset(bytes, 0xee, sizeof(bytes));
    return copy;
}

static void assert_piece(const uint8_t *copy, unsigned number)
{
    unsigned found;

    assert_int_equal(copy[0], (uint8_t)number);
    memcpy(&found, copy + PIECE_BYTES / 2, sizeof(found));
    assert_int_equal(found, number);
    assert_int_equal(copy[PIECE_BYTES - number - 1], (uint8_t)number);
}

static void what_was_given_can_be_read_until_it_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t *copies[PIECES];

    for (unsigned i = 0; i < PIECES; i++) {
        copies[i] = shelve(fixture, i);
        assert_non_null(copies[i]);
    }
    for (unsigned i = 0; i < PIECES; i += 2)
        file_shelf_drop(fixture->shelf, copies[i], PIECE_BYTES - i);
    for (unsigned i = 1; i < PIECES; i += 2)
        assert_piece(copies[i], i);
    for (unsigned i = 1; i < PIECES; i += 2)
        file_shelf_drop(fixture->shelf, copies[i], PIECE_BYTES - i);
    assert_int_equal(fixture->warnings, 0);
}

static unsigned entries(const char *path)
{
    DIR *directory = opendir(path);
    unsigned count = 0;

    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 2; /* . and .. */
}

static void the_files_have_no_names(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t *copy = shelve(fixture, 7);

    assert_non_null(copy);
    assert_int_equal(entries(fixture->directory), 0);
    assert_piece(copy, 7);
    file_shelf_drop(fixture->shelf, copy, PIECE_BYTES - 7);
}

static void without_a_directory_it_has_no_room_and_says_so_once(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(rmdir(fixture->directory), 0);
    assert_null(shelve(fixture, 1));
    assert_null(shelve(fixture, 2));
    assert_int_equal(fixture->warnings, 1);
}

/* A bound on the size of files stands for a full disk. */
static void a_full_disk_is_told_and_may_be_mended(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, low;
    const uint8_t *copy;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low = before;
    low.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    assert_null(shelve(fixture, 1));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(fixture->warnings, 1);
    copy = shelve(fixture, 2);
    assert_non_null(copy);
    assert_piece(copy, 2);
    file_shelf_drop(fixture->shelf, copy, PIECE_BYTES - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_given_can_be_read_until_it_is_dropped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_files_have_no_names, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_directory_it_has_no_room_and_says_so_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_and_may_be_mended, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
