/* SPDX-License-Identifier: MIT */
/* test_chat.c -- the parts of process and master that need neither: the log, the lines of a script,
 * run folders and pid files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "chat_log.h"
#include "master_script.h"
#include "pid_file.h"
#include "run_folder.h"

/* ---- the log ---- */

static decree_slot apply(struct chat_log *log, decree_slot slot, const char *text)
{
    struct decree_machine machine = chat_log_machine(log);

    return *(decree_slot *)machine.apply(machine.context, slot, (const uint8_t *)text,
                                         (uint32_t)strlen(text));
}

static void assert_log(const struct chat_log *log, const char *wanted)
{
    size_t size = 0;
    char *joined = chat_log_join(log, &size);

    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(joined, wanted, size);
    free(joined);
}

static void test_a_text_stands_once_where_it_came_first(void **state)
{
    struct chat_log *log;

    (void)state;
    assert_int_equal(chat_log_new(&log), 0);
    assert_log(log, "");
    assert_int_equal(apply(log, 1, "hello"), 1);
    assert_int_equal(apply(log, 4, "world"), 4);
    assert_int_equal(apply(log, 5, "hello"), 1);
    assert_int_equal(apply(log, 6, ""), 6);
    assert_int_equal(chat_log_find(log, "world", 5), 4);
    assert_int_equal(chat_log_find(log, "worl", 4), 0);
    assert_log(log, "hello,world,");
    chat_log_free(log);
}

static void test_many_texts(void **state)
{
    struct chat_log *log;
    char text[32];

    (void)state;
    assert_int_equal(chat_log_new(&log), 0);
    for (decree_slot round = 0; round < 2; round++)
        for (decree_slot i = 1; i <= 10000; i++) {
            snprintf(text, sizeof(text), "text %u", (unsigned)i);
            assert_int_equal(apply(log, round * 10000 + i, text), i);
        }
    chat_log_free(log);
    chat_log_free(NULL);
}

/* ---- scripts ---- */

static bool parse(const char *text, struct script_line *line, char *buffer, char *sentence)
{
    snprintf(buffer, 512, "%s", text);
    return script_parse(buffer, line, sentence);
}

static void test_lines_of_a_script(void **state)
{
    char buffer[512], sentence[SENTENCE_BYTES];
    struct script_line line;

    (void)state;
    assert_true(parse("  ", &line, buffer, sentence) && line.verb == SCRIPT_NOTHING);
    assert_true(parse("# 0 start", &line, buffer, sentence) && line.verb == SCRIPT_NOTHING);
    assert_true(parse("EXIT # now", &line, buffer, sentence) && line.verb == SCRIPT_EXIT);
    assert_true(parse("2 start 4 10021\r\n", &line, buffer, sentence));
    assert_true(line.verb == SCRIPT_START && line.id == 2 && line.count == 4 && line.port == 10021);
    assert_true(parse("0 msg 12  a #b  c \t\r\n", &line, buffer, sentence));
    assert_string_equal(line.name, "12");
    assert_string_equal(line.text, "a #b  c");
    assert_true(parse("-1 waitForAck 3", &line, buffer, sentence));
    assert_true(line.verb == SCRIPT_WAIT && line.id == -1);
    assert_true(parse("3 waitforack 3#4", &line, buffer, sentence));
    assert_string_equal(line.name, "3#4");
    assert_true(parse("1 get ChatLog", &line, buffer, sentence) && line.verb == SCRIPT_GET);
    assert_true(parse("1 crash", &line, buffer, sentence) && line.verb == SCRIPT_CRASH);
    assert_true(parse("1 crashP1a 0  2 # why", &line, buffer, sentence));
    assert_string_equal(line.text, "crashP1a 0 2");
    assert_true(parse("1 crashDecision", &line, buffer, sentence));
    assert_string_equal(line.text, "crashDecision");
}

static void test_lines_that_make_no_sense(void **state)
{
    static const char *const bad[] = {"start",
                                      "0",
                                      "0 start 0 1",
                                      "0 start 1",
                                      "0 start 1 1 1",
                                      "31 start 31 1",
                                      "4 start 4 1",
                                      "x start 1 1",
                                      "0 start 1 -1",
                                      "-1 msg 1 x",
                                      "0 msg",
                                      "0 msg 1",
                                      "0 msg 1   ",
                                      "-1 waitForAck",
                                      "0 waitForAck 1 2",
                                      "0 get",
                                      "0 get log",
                                      "0 get chatLog x",
                                      "0 crash 1",
                                      "0 crashAfterP1b 2",
                                      "0 crashP3a",
                                      "0 crashP1a x",
                                      "0 crashP1a 31",
                                      "exit now",
                                      "-2 waitForAck 1",
                                      "0 start 4294967297 1"};
    char buffer[512], sentence[SENTENCE_BYTES];
    struct script_line line;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sentence[0] = '\0';
        if (parse(bad[i], &line, buffer, sentence))
            fail_msg("'%s' is taken for a line", bad[i]);
        assert_true(sentence[0] != '\0');
    }
}

/* ---- folders ---- */

static char *make_folder(char *path)
{
    snprintf(path, RUN_PATH_BYTES, "/tmp/test_chat-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static void test_all_of_a_folder_have_the_same_addresses(void **state)
{
    char path[RUN_PATH_BYTES], below[RUN_PATH_BYTES + 8], sentence[SENTENCE_BYTES];
    struct run_folder first, second;
    struct cluster_spec cluster;

    (void)state;
    snprintf(below, sizeof(below), "%s/a/b", make_folder(path));
    assert_int_equal(run_folder_open(&first, below, 3, sentence), 0);
    assert_int_equal(run_folder_open(&second, below, 3, sentence), 0);
    assert_memory_equal(&first, &second, sizeof(first));
    assert_int_equal(run_folder_open(&second, below, 4, sentence), DECREE_INVALID);
    run_folder_cluster(&first, &cluster);
    assert_int_equal(cluster.count, 3);
    assert_string_equal(cluster.members[2].name, "2");
    assert_int_equal(cluster.members[2].port, first.port + 2);
    run_folder_remove(path);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void test_a_cluster_file_of_somebody_else(void **state)
{
    static const char *const bad[] = {"",
                                      "decree-processes 1 3 127.0.0.1 12000",
                                      "decree-processes 1 0 127.0.0.1 12000 t\n",
                                      "decree-processes 1 3 127.0.0.1 99999 t\n",
                                      "decree-processes 1 3 127.0.0.1.0.0.0.0 12000 t\n",
                                      "decree-processes 1 3 127.0.0.1 12000 t more\n",
                                      "decree-processes 2 3 127.0.0.1 12000 t\n",
                                      "something else\n"};
    char path[RUN_PATH_BYTES], name[RUN_PATH_BYTES + 8], sentence[SENTENCE_BYTES];
    struct run_folder folder;

    (void)state;
    snprintf(name, sizeof(name), "%s/cluster", make_folder(path));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        FILE *file = fopen(name, "w");

        assert_non_null(file);
        fputs(bad[i], file);
        fclose(file);
        assert_int_equal(run_folder_open(&folder, path, 3, sentence), DECREE_CORRUPT);
    }
    run_folder_remove(path);
}

static void test_where_the_folder_is(void **state)
{
    (void)state;
    unsetenv(RUN_FOLDER_VARIABLE);
    assert_string_equal(run_folder_name(NULL), RUN_FOLDER_DEFAULT);
    setenv(RUN_FOLDER_VARIABLE, "/somewhere", 1);
    assert_string_equal(run_folder_name(NULL), "/somewhere");
    assert_string_equal(run_folder_name("here"), "here");
    unsetenv(RUN_FOLDER_VARIABLE);
}

/* ---- pid files ---- */

static void test_a_pid_file_has_one_owner(void **state)
{
    char folder[RUN_PATH_BYTES], path[RUN_PATH_BYTES + 8];
    struct pid_file mine, other;
    struct pid_claim claim;
    int descriptor = -1;

    (void)state;
    snprintf(path, sizeof(path), "%s/pid", make_folder(folder));
    assert_false(pid_file_read(path, &claim));
    assert_int_equal(pid_file_take(&mine, path), 0);
    assert_true(pid_file_take(&other, path) < 0);
    assert_int_equal(pid_file_write(&mine, 4711), 0);
    assert_true(pid_file_read(path, &claim));
    assert_int_equal(claim.pid, getpid());
    assert_int_equal(claim.port, 4711);
    /* All is true but the name of the program. */
    assert_int_equal(pid_file_judge(path, &claim, &descriptor), PID_DOUBTFUL);
    close(mine.descriptor);
    assert_int_equal(pid_file_judge(path, &claim, &descriptor), PID_GONE);
    assert_int_equal(pid_file_take(&mine, path), 0);
    pid_file_drop(&mine);
    assert_false(pid_file_read(path, &claim));
    run_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_stands_once_where_it_came_first),
        cmocka_unit_test(test_many_texts),
        cmocka_unit_test(test_lines_of_a_script),
        cmocka_unit_test(test_lines_that_make_no_sense),
        cmocka_unit_test(test_all_of_a_folder_have_the_same_addresses),
        cmocka_unit_test(test_a_cluster_file_of_somebody_else),
        cmocka_unit_test(test_where_the_folder_is),
        cmocka_unit_test(test_a_pid_file_has_one_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
