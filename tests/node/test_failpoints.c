/* SPDX-License-Identifier: MIT */
/* test_failpoints.c -- which point stops a node when, and what gets out before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "failpoints.h"
#include "format.h"

#define SELF 2u
#define COUNT 4u

struct bed { /* node 2 of 4, over a transport that notes what passes */
    struct transport transport;
    struct failpoints *failpoints;
    struct transport *port;
    struct decree_status status;
    char out[256]; /* "p1a>1 p1a>3 |": a bar for each flush */
    enum failpoint point;
    enum failpoint_when when;
    bool closed;
};

static void on_send(struct transport *transport, const struct peer_message *message)
{
    struct bed *bed = (struct bed *)transport;
    size_t used = strlen(bed->out);

    snprintf(bed->out + used, sizeof(bed->out) - used, "%s>%u ",
             message->protocol == PEER_PAXOS ? decree_message_name(message->u.paxos->type)
                                             : "other",
             peer_message_to(message));
}

static void on_flush(struct transport *transport)
{
    struct bed *bed = (struct bed *)transport;
    size_t used = strlen(bed->out);

    snprintf(bed->out + used, sizeof(bed->out) - used, "| ");
}

static void on_close(struct transport *transport, void (*closed)(void *context), void *context)
{
    ((struct bed *)transport)->closed = true;
    closed(context);
}

static void on_die(void *context, enum failpoint point, enum failpoint_when when)
{
    struct bed *bed = context;

    assert_int_equal(bed->point, FAILPOINT_NONE);
    bed->point = point;
    bed->when = when;
}

static void give_status(void *context, struct decree_status *ret_status)
{
    *ret_status = ((struct bed *)context)->status;
}

static void open_bed(struct bed *bed, decree_node_id self, uint32_t count)
{
    static const struct transport_ops ops = {on_send, on_flush, on_close};
    struct failpoints_options options = {
        .self = self, .member_count = count, .name = "n2", .die = on_die, .die_context = bed};

    *bed = (struct bed){.transport = {&ops}};
    assert_int_equal(failpoints_new(&bed->failpoints, &options), 0);
    bed->port = failpoints_transport(bed->failpoints, &bed->transport, give_status, bed);
}

static void close_bed(struct bed *bed)
{
    failpoints_free(bed->failpoints);
}

static void send(struct bed *bed, const struct decree_message *message)
{
    struct peer_message peer = {.protocol = PEER_PAXOS, .u.paxos = message};

    bed->port->ops->send(bed->port, &peer);
}

/* One message of this type to each of the others, and a flush, as in one turn. */
static void send_to_all(struct bed *bed, enum decree_message_type type, decree_slot slot,
                        decree_slot decided)
{
    for (decree_node_id id = 1; id <= COUNT; id++) {
        struct decree_message message = {.type = type,
                                         .from = SELF,
                                         .to = id,
                                         .ballot = {7, SELF},
                                         .slot = slot,
                                         .pvalue_count = 1,
                                         .decided = decided};

        if (id != SELF)
            send(bed, &message);
    }
    bed->port->ops->flush(bed->port);
}

static void assert_died(const struct bed *bed, enum failpoint point, enum failpoint_when when,
                        const char *out)
{
    assert_int_equal(bed->point, point);
    assert_int_equal(bed->when, when);
    assert_string_equal(bed->out, out);
}

static void test_nothing_armed_lets_all_pass(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    send_to_all(&bed, DECREE_P1A, 1, 0);
    send_to_all(&bed, DECREE_P2A, 1, 0);
    failpoints_on_decision(bed.failpoints, 1);
    assert_died(&bed, FAILPOINT_NONE, FAILPOINT_NEVER, "p1a>1 p1a>3 p1a>4 | p2a>1 p2a>3 p2a>4 | ");
    close_bed(&bed);
}

static void test_before_lets_nothing_out(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    failpoints_arm(bed.failpoints, FAILPOINT_P2A, FAILPOINT_BEFORE, FAILPOINT_TO_ALL);
    send_to_all(&bed, DECREE_HEARTBEAT, 0, 0);
    send_to_all(&bed, DECREE_P2A, 1, 0);
    send_to_all(&bed, DECREE_HEARTBEAT, 0, 0);
    assert_died(&bed, FAILPOINT_P2A, FAILPOINT_BEFORE, "heartbeat>1 heartbeat>3 heartbeat>4 | ");
    close_bed(&bed);
}

static void test_after_lets_a_turn_out(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    failpoints_arm(bed.failpoints, FAILPOINT_P1A, FAILPOINT_AFTER, FAILPOINT_TO_ALL);
    send_to_all(&bed, DECREE_P1A, 1, 0);
    send_to_all(&bed, DECREE_P2A, 1, 0);
    assert_died(&bed, FAILPOINT_P1A, FAILPOINT_AFTER, "p1a>1 p1a>3 p1a>4 | ");
    close_bed(&bed);
}

static void test_who_is_not_named_gets_nothing(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    failpoints_arm(bed.failpoints, FAILPOINT_P1A, FAILPOINT_AFTER, 1u << 2);
    send_to_all(&bed, DECREE_P1A, 1, 0);
    assert_died(&bed, FAILPOINT_P1A, FAILPOINT_AFTER, "p1a>3 | ");
    close_bed(&bed);
}

static void test_a_point_that_is_disarmed_is_none(void **state)
{
    struct bed bed;
    uint32_t receivers;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    failpoints_arm(bed.failpoints, FAILPOINT_P2B, FAILPOINT_AFTER, 1u << 3);
    assert_int_equal(failpoints_armed(bed.failpoints, FAILPOINT_P2B, &receivers), FAILPOINT_AFTER);
    assert_int_equal(receivers, 1u << 3);
    failpoints_disarm(bed.failpoints, FAILPOINT_P2B);
    send_to_all(&bed, DECREE_P2B, 1, 0);
    assert_died(&bed, FAILPOINT_NONE, FAILPOINT_NEVER, "p2b>1 p2b>3 p2b>4 | ");
    close_bed(&bed);
}

static void test_its_own_promise_counts_before_others_are_asked(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    failpoints_arm(bed.failpoints, FAILPOINT_P1B, FAILPOINT_AFTER, FAILPOINT_TO_ALL);
    send_to_all(&bed, DECREE_P1A, 1, 0);
    assert_died(&bed, FAILPOINT_P1B, FAILPOINT_AFTER, "");
    close_bed(&bed);
}

static void test_its_own_vote_counts_when_it_is_on_disk(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    failpoints_arm(bed.failpoints, FAILPOINT_P2B, FAILPOINT_AFTER, FAILPOINT_TO_ALL);
    bed.status = (struct decree_status){.promised = {7, SELF}, .appended = 5, .persisted = 4};
    send_to_all(&bed, DECREE_P2A, 1, 0);
    send_to_all(&bed, DECREE_HEARTBEAT, 0, 0);
    assert_int_equal(bed.point, FAILPOINT_NONE);
    bed.status.persisted = 5;
    failpoints_on_decision(bed.failpoints, 1);
    assert_died(&bed, FAILPOINT_P2B, FAILPOINT_AFTER,
                "p2a>1 p2a>3 p2a>4 | heartbeat>1 heartbeat>3 heartbeat>4 | ");
    close_bed(&bed);
}

/* The core has led to the decision of slot 1, and would tell of it. */
static void lead_to_a_decision(struct bed *bed)
{
    bed->status.promised = (struct decree_ballot){7, SELF};
    send_to_all(bed, DECREE_P2A, 1, 0);
    bed->out[0] = '\0';
    send_to_all(bed, DECREE_HEARTBEAT, 0, 1); /* it rides on whatever is sent first */
    failpoints_on_decision(bed->failpoints, 1);
}

static void test_nobody_hears_of_a_decision(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    failpoints_arm(bed.failpoints, FAILPOINT_DECISION, FAILPOINT_BEFORE, FAILPOINT_TO_ALL);
    lead_to_a_decision(&bed);
    assert_died(&bed, FAILPOINT_DECISION, FAILPOINT_BEFORE, "| ");
    close_bed(&bed);
}

static void test_only_the_named_hear_of_a_decision(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    failpoints_arm(bed.failpoints, FAILPOINT_DECISION, FAILPOINT_AFTER, 1u << 3);
    lead_to_a_decision(&bed);
    assert_died(&bed, FAILPOINT_DECISION, FAILPOINT_AFTER, "heartbeat>4 | decision>4 | ");
    close_bed(&bed);
}

static void test_who_follows_comes_to_no_decision(void **state)
{
    struct bed bed;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    failpoints_arm(bed.failpoints, FAILPOINT_DECISION, FAILPOINT_BEFORE, FAILPOINT_TO_ALL);
    bed.status.promised = (struct decree_ballot){8, 1};
    send_to_all(&bed, DECREE_HEARTBEAT, 0, 1);
    failpoints_on_decision(bed.failpoints, 1);
    send_to_all(&bed, DECREE_DECISION, 0, 1); /* for who catches up */
    assert_died(&bed, FAILPOINT_NONE, FAILPOINT_NEVER,
                "heartbeat>1 heartbeat>3 heartbeat>4 | decision>1 decision>3 decision>4 | ");
    close_bed(&bed);
}

static void test_other_protocols_pass(void **state)
{
    struct decree_synod_message synod = {.type = DECREE_SYNOD_PREPARE, .from = SELF, .to = 1};
    struct peer_message message = {.protocol = PEER_SYNOD, .u.synod = &synod};
    struct bed bed;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    failpoints_arm(bed.failpoints, FAILPOINT_P1A, FAILPOINT_BEFORE, FAILPOINT_TO_ALL);
    bed.port->ops->send(bed.port, &message);
    assert_died(&bed, FAILPOINT_NONE, FAILPOINT_NEVER, "other>1 ");
    close_bed(&bed);
}

static void note(void *context)
{
    *(bool *)context = true;
}

static void test_closing_goes_through(void **state)
{
    struct bed bed;
    bool told = false;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    bed.port->ops->close(bed.port, note, &told);
    assert_true(bed.closed);
    assert_true(told);
    close_bed(&bed);
}

static void take_in(void *context, const struct peer_message *message)
{
    assert_int_equal(message->protocol, PEER_PAXOS);
    (*(unsigned *)context)++;
}

static void take_in_refusal(void *context, decree_node_id peer)
{
    assert_int_equal(peer, 3);
    (*(unsigned *)context)++;
}

static void test_who_has_answered_is_reached(void **state)
{
    unsigned heard = 0;
    struct transport_sink inner = {&heard, take_in, take_in_refusal}, sink;
    struct decree_message ack = {.type = DECREE_HEARTBEAT_ACK, .from = 3, .to = SELF};
    struct peer_message message = {.protocol = PEER_PAXOS, .u.paxos = &ack};
    struct bed bed;

    (void)state;
    open_bed(&bed, SELF, COUNT);
    sink = failpoints_sink(bed.failpoints, &inner);
    assert_true(failpoints_reaches(bed.failpoints, 1u << (SELF - 1)));
    assert_false(failpoints_reaches(bed.failpoints, 1u << 2));
    sink.message(sink.context, &message);
    assert_true(failpoints_reaches(bed.failpoints, 1u << 2));
    assert_false(failpoints_reaches(bed.failpoints, 1u << 2 | 1u));
    sink.unreachable(sink.context, 3);
    assert_false(failpoints_reaches(bed.failpoints, 1u << 2));
    assert_int_equal(heard, 2);
    close_bed(&bed);
}

static void test_names(void **state)
{
    (void)state;
    for (int point = FAILPOINT_NONE + 1; point < FAILPOINTS; point++)
        assert_int_equal(failpoint_find(failpoint_name((enum failpoint)point)), point);
    assert_int_equal(failpoint_find("p3a"), FAILPOINT_NONE);
    assert_int_equal(failpoint_find(""), FAILPOINT_NONE);
    assert_true(failpoint_sends(FAILPOINT_DECISION));
    assert_false(failpoint_sends(FAILPOINT_JOURNAL_SYNC));
}

/* ---- files ---- */

struct files {
    struct bed bed;
    struct fs *fs;
    char path[64];
    int file;
};

static void open_files(struct files *files)
{
    snprintf(files->path, sizeof(files->path), "/tmp/failpoints-XXXXXX");
    close(mkstemp(files->path));
    open_bed(&files->bed, SELF, COUNT);
    files->fs = failpoints_fs(files->bed.failpoints);
    assert_int_equal(files->fs->ops->open(files->fs, files->path, FS_OPEN_WRITE, &files->file), 0);
}

static void close_files(struct files *files)
{
    files->fs->ops->close(files->fs, files->file);
    unlink(files->path);
    close_bed(&files->bed);
}

static ssize_t write_at(struct files *files, int file, uint64_t offset)
{
    struct iovec piece = {.iov_base = "frame", .iov_len = 5};

    return files->fs->ops->write(files->fs, file, &piece, 1, offset);
}

static uint64_t size_of(struct files *files)
{
    uint64_t size = 0;

    assert_int_equal(files->fs->ops->size(files->fs, files->file, &size), 0);
    return size;
}

static void test_before_a_batch_is_written(void **state)
{
    struct files files;

    (void)state;
    open_files(&files);
    failpoints_arm(files.bed.failpoints, FAILPOINT_JOURNAL_WRITE, FAILPOINT_BEFORE,
                   FAILPOINT_TO_ALL);
    assert_true(write_at(&files, files.file, SEGMENT_FRAMES_AT) < 0);
    assert_died(&files.bed, FAILPOINT_JOURNAL_WRITE, FAILPOINT_BEFORE, "");
    assert_int_equal(size_of(&files), 0);
    close_files(&files);
}

static void test_after_a_batch_is_written(void **state)
{
    struct files files;

    (void)state;
    open_files(&files);
    failpoints_arm(files.bed.failpoints, FAILPOINT_JOURNAL_WRITE, FAILPOINT_AFTER,
                   FAILPOINT_TO_ALL);
    (void)write_at(&files, files.file, SEGMENT_FRAMES_AT);
    assert_died(&files.bed, FAILPOINT_JOURNAL_WRITE, FAILPOINT_AFTER, "");
    assert_int_equal(size_of(&files), SEGMENT_FRAMES_AT + 5);
    assert_true(files.fs->ops->sync(files.fs, files.file) < 0);
    close_files(&files);
}

static void test_before_and_after_a_sync(void **state)
{
    static const enum failpoint_when whens[] = {FAILPOINT_BEFORE, FAILPOINT_AFTER};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct files files;

        open_files(&files);
        failpoints_arm(files.bed.failpoints, FAILPOINT_JOURNAL_SYNC, whens[i], FAILPOINT_TO_ALL);
        assert_int_equal(write_at(&files, files.file, SEGMENT_FRAMES_AT), 5);
        (void)files.fs->ops->sync(files.fs, files.file);
        assert_died(&files.bed, FAILPOINT_JOURNAL_SYNC, whens[i], "");
        close_files(&files);
    }
}

static void test_what_is_no_batch_is_no_point(void **state)
{
    struct files files;
    char other_path[80];
    int other;

    (void)state;
    open_files(&files);
    snprintf(other_path, sizeof(other_path), "%s.new", files.path);
    assert_int_equal(files.fs->ops->open(files.fs, other_path, FS_OPEN_CREATE, &other), 0);
    failpoints_arm(files.bed.failpoints, FAILPOINT_JOURNAL_WRITE, FAILPOINT_BEFORE,
                   FAILPOINT_TO_ALL);
    failpoints_arm(files.bed.failpoints, FAILPOINT_JOURNAL_SYNC, FAILPOINT_BEFORE,
                   FAILPOINT_TO_ALL);
    assert_int_equal(write_at(&files, files.file, SEGMENT_SEAL_AT), 5);
    assert_int_equal(write_at(&files, other, SEGMENT_FRAMES_AT), 5);
    assert_int_equal(files.fs->ops->sync(files.fs, other), 0);
    assert_died(&files.bed, FAILPOINT_NONE, FAILPOINT_NEVER, "");
    files.fs->ops->close(files.fs, other);
    unlink(other_path);
    close_files(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_armed_lets_all_pass),
        cmocka_unit_test(test_before_lets_nothing_out),
        cmocka_unit_test(test_after_lets_a_turn_out),
        cmocka_unit_test(test_who_is_not_named_gets_nothing),
        cmocka_unit_test(test_a_point_that_is_disarmed_is_none),
        cmocka_unit_test(test_its_own_promise_counts_before_others_are_asked),
        cmocka_unit_test(test_its_own_vote_counts_when_it_is_on_disk),
        cmocka_unit_test(test_nobody_hears_of_a_decision),
        cmocka_unit_test(test_only_the_named_hear_of_a_decision),
        cmocka_unit_test(test_who_follows_comes_to_no_decision),
        cmocka_unit_test(test_other_protocols_pass),
        cmocka_unit_test(test_closing_goes_through),
        cmocka_unit_test(test_who_has_answered_is_reached),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_before_a_batch_is_written),
        cmocka_unit_test(test_after_a_batch_is_written),
        cmocka_unit_test(test_before_and_after_a_sync),
        cmocka_unit_test(test_what_is_no_batch_is_no_point),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
