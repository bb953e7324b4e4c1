/* SPDX-License-Identifier: MIT */
/* synod_lines.c -- one line per happening:
 *
 *        3.004  prepare  ballot 1 of :5001, promised here, asks the others for promises
 *     {"time":3.004,"event":"prepare","ballot":{"round":1,"node":":5001"}}
 *
 * Times are seconds since the start. In JSON a value is "value" if it is UTF-8, else
 * "value_base64".
 */
#include "synod_lines.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "checksum.h"
#include "output.h"

#define TEXT_BYTES 96u
#define BALLOT_BYTES (SYNOD_NAME_BYTES + 32u)
#define SAY_AGAIN_NS (UINT64_C(10) * 1000000000)

static double seconds(const struct synod_lines *lines)
{
    return (double)(uv_hrtime() - lines->began_ns) / 1e9;
}

static const char *name(const struct synod_lines *lines, decree_node_id id)
{
    return synod_spec_name(&lines->arguments->spec, id);
}

/* --- for people ----------------------------------------------------------------------------- */

const char *synod_value_text(char *target, size_t size, const struct decree_value *value)
{
    static const char tail[] = "...\"";
    size_t used = 0;

    assert(size > 16);
    target[used++] = '"';
    for (uint32_t i = 0; i < value->size; i++) {
        unsigned char byte = value->data[i];
        bool plain = byte >= 0x20 && byte != 0x7f && byte != '"' && byte != '\\';

        if (used + 4 + sizeof(tail) > size) {
            while (used > 1 && (byte & 0xc0) == 0x80) /* no half characters */
                byte = (unsigned char)target[--used];
            memcpy(target + used, tail, sizeof(tail));
            return target;
        }
        if (plain)
            target[used++] = (char)byte;
        else if (byte == '"' || byte == '\\')
            used += (size_t)snprintf(target + used, size - used, "\\%c", byte);
        else
            used += (size_t)snprintf(target + used, size - used, "\\x%02x", byte);
    }
    target[used++] = '"';
    target[used] = '\0';
    return target;
}

static const char *ballot_text(const struct synod_lines *lines, char *target,
                               struct decree_ballot ballot)
{
    snprintf(target, BALLOT_BYTES, "ballot %" PRIu64 " of %s", ballot.round,
             name(lines, ballot.node));
    return target;
}

/* ", which voted for "x" in ballot 1 of :5001", or that it has not. */
static void print_last_vote(const struct synod_lines *lines,
                            const struct synod_happening *happening, const char *who)
{
    char ballot[BALLOT_BYTES], text[TEXT_BYTES];

    if (happening->value == NULL)
        printf(", %s has not voted yet", who);
    else
        printf(", %s voted for %s in %s", who,
               synod_value_text(text, sizeof(text), happening->value),
               ballot_text(lines, ballot, happening->voted));
}

static void print_restored(const struct synod_lines *lines, const struct synod_happening *happening)
{
    char ballot[BALLOT_BYTES], text[TEXT_BYTES];

    printf("from %s: ", lines->arguments->path);
    if (happening->decided)
        printf("the value %s", synod_value_text(text, sizeof(text), happening->value));
    else
        printf("promised %s", ballot_text(lines, ballot, happening->ballot));
    if (!happening->decided)
        print_last_vote(lines, happening, "and");
}

static void print_sentence(const struct synod_lines *lines, const struct synod_happening *happening)
{
    char ballot[BALLOT_BYTES], text[TEXT_BYTES] = "its value";
    const char *peer = name(lines, happening->peer);

    ballot_text(lines, ballot, happening->ballot);
    if (happening->value != NULL)
        synod_value_text(text, sizeof(text), happening->value);
    switch (happening->type) {
    case SYNOD_RESTORED:
        print_restored(lines, happening);
        break;
    case SYNOD_PROPOSING:
        printf("%s", text);
        break;
    case SYNOD_PREPARING:
        printf("%s: promised here, asks the others for promises", ballot);
        break;
    case SYNOD_PROMISE_HEARD:
        printf("%s: from %s", ballot, peer);
        print_last_vote(lines, happening, "which");
        break;
    case SYNOD_PROMISE_GIVEN:
        printf("%s: to %s", ballot, peer);
        print_last_vote(lines, happening, "this node");
        break;
    case SYNOD_ACCEPTING:
        printf("%s: asks for votes for %s", ballot, text);
        break;
    case SYNOD_VOTE_HEARD:
        printf("%s: from %s", ballot, peer);
        break;
    case SYNOD_VOTE_GIVEN:
        printf("%s: to %s, for %s", ballot, peer, text);
        break;
    case SYNOD_REFUSAL_HEARD:
        printf("from %s, which promised %s", peer, ballot);
        break;
    case SYNOD_REFUSAL_GIVEN:
        printf("to %s: this node promised %s", peer, ballot);
        break;
    case SYNOD_CHOSEN:
        printf("%s%s%s", text, happening->peer == 0 ? ": enough votes" : ": told by ",
               happening->peer == 0 ? "" : peer);
        break;
    case SYNOD_TOLD:
        printf("every node has the value on its disk");
        break;
    case SYNOD_HAPPENING_NONE:
        assert(false);
    }
}

static void print_text(const struct synod_lines *lines, const struct synod_happening *happening)
{
    printf("%9.3f  %-8s ", seconds(lines), synod_happening_name(happening->type));
    print_sentence(lines, happening);
    printf("\n");
}

/* --- for programs --------------------------------------------------------------------------- */

static void set_value(json_t *line, const uint8_t *data, size_t size)
{
    json_t *text = json_stringn((const char *)data, size);
    size_t encoded_size = base64_encoded_size(size);
    char *encoded;

    if (text != NULL) {
        json_object_set_new(line, "value", text);
        return;
    }
    encoded = malloc(encoded_size);
    if (encoded == NULL)
        return;
    base64_encode(encoded, data, size);
    json_object_set_new(line, "value_base64", json_stringn(encoded, encoded_size));
    free(encoded);
}

static void set_ballot(const struct synod_lines *lines, json_t *line, const char *key,
                       struct decree_ballot ballot)
{
    if (ballot.round != 0)
        json_object_set_new(line, key,
                            json_pack("{sIss}", "round", (json_int_t)ballot.round, "node",
                                      name(lines, ballot.node)));
}

static void print_object(json_t *line)
{
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
    printf("\n");
    json_decref(line);
}

void synod_print_value_json(const uint8_t *data, size_t size)
{
    json_t *line = json_object();

    set_value(line, data, size);
    print_object(line);
}

static json_t *new_object(const struct synod_lines *lines, const char *event)
{
    /* Microseconds: more would be noise. */
    double time = (double)(uint64_t)(seconds(lines) * 1e6 + 0.5) / 1e6;

    return json_pack("{sfss}", "time", time, "event", event);
}

static const char *peer_key(enum synod_happening_type type)
{
    return type == SYNOD_PROMISE_GIVEN || type == SYNOD_VOTE_GIVEN || type == SYNOD_REFUSAL_GIVEN
               ? "to"
               : "from";
}

static void print_json(const struct synod_lines *lines, const struct synod_happening *happening)
{
    json_t *line = new_object(lines, synod_happening_name(happening->type));

    if (happening->peer != 0)
        json_object_set_new(line, peer_key(happening->type),
                            json_string(name(lines, happening->peer)));
    set_ballot(lines, line, "ballot", happening->ballot);
    set_ballot(lines, line, "voted", happening->voted);
    if (happening->value != NULL)
        set_value(line, happening->value->data, happening->value->size);
    if (happening->type == SYNOD_RESTORED)
        json_object_set_new(line, "decided", json_boolean(happening->decided));
    print_object(line);
}

/* --- lines ---------------------------------------------------------------------------------- */

static bool is_the_end(const struct synod_happening *happening)
{
    return happening->type == SYNOD_CHOSEN ||
           (happening->type == SYNOD_RESTORED && happening->decided);
}

/* The value once more, where nobody misses it; as it is in --quiet, which is for programs. */
static void print_value(const struct synod_lines *lines, const struct decree_value *value)
{
    size_t size = 4 * (size_t)value->size + 32;
    char *text;

    if (lines->arguments->quiet) {
        output_line(value->data, value->size);
        return;
    }
    text = malloc(size);
    if (text == NULL)
        return;
    synod_value_text(text, size, value);
    text[strlen(text) - 1] = '\0';
    printf("chosen: %s\n", text + 1);
    free(text);
}

void synod_lines_print(void *context, const struct synod_happening *happening)
{
    const struct synod_lines *lines = context;

    if (lines->arguments->json)
        print_json(lines, happening);
    else if (!lines->arguments->quiet)
        print_text(lines, happening);
    if (is_the_end(happening) && !lines->arguments->json)
        print_value(lines, happening->value);
    fflush(stdout);
}

void synod_lines_start(const struct synod_lines *lines)
{
    const struct synod_arguments *arguments = lines->arguments;
    const struct synod_spec *spec = &arguments->spec;

    if (arguments->quiet)
        return;
    if (arguments->json) {
        json_t *line = new_object(lines, "start"), *nodes = json_array();

        for (decree_node_id id = 1; id <= spec->count; id++)
            json_array_append_new(nodes, json_string(name(lines, id)));
        json_object_set_new(line, "self", json_string(name(lines, spec->self)));
        json_object_set_new(line, "nodes", nodes);
        json_object_set_new(line, "kind", json_string(synod_kind_name(arguments->kind)));
        json_object_set_new(line, "prepareNum", json_integer(spec->prepare_quorum));
        json_object_set_new(line, "voteNum", json_integer(spec->vote_quorum));
        json_object_set_new(line, "path", json_string(arguments->path));
        print_object(line);
    } else {
        printf("%9.3f  %-8s %s, one of", seconds(lines), "start", name(lines, spec->self));
        for (decree_node_id id = 1; id <= spec->count; id++)
            printf(" %s", name(lines, id));
        printf("; prepareNum %u, voteNum %u; over %s; state in %s\n", spec->prepare_quorum,
               spec->vote_quorum, synod_kind_name(arguments->kind), arguments->path);
    }
    fflush(stdout);
}

/* --- complaints ----------------------------------------------------------------------------- */

/* What goes wrong goes wrong again and again; it is told once in a while. What it is, is the event
 * and the reason; ports and counts beside it may differ. */
static bool said_just_now(struct synod_lines *lines, const char *event, const char *details)
{
    const char *reason = strchr(details, '"');
    size_t size = reason == NULL ? strcspn(details, " ") : strcspn(reason + 1, "\"");
    uint64_t what = checksum(event, strlen(event), 0), now_ns = uv_hrtime();
    struct synod_complaint *oldest = lines->complaints;

    what = checksum(reason == NULL ? details : reason + 1, size, what);
    for (size_t i = 0; i < SYNOD_COMPLAINTS_MAX; i++) {
        struct synod_complaint *said = &lines->complaints[i];

        if (said->what == what && now_ns - said->at_ns < SAY_AGAIN_NS)
            return true;
        if (said->what == what || (oldest->what != what && said->at_ns < oldest->at_ns))
            oldest = said;
    }
    *oldest = (struct synod_complaint){what, now_ns};
    return false;
}

/* A node that was meant to understand this one does not: it said so, or gives no answer again and
 * again, though it is there. */
static bool is_disagreement(const char *event, const char *details)
{
    return strncmp(event, "peer_", 5) == 0 || strcmp(event, "hello_refused") == 0 ||
           strstr(details, "another cluster") != NULL;
}

static void log_line(void *context, enum decree_log_level level, const char *event,
                     const char *details)
{
    static const char explanation[] =
        "a node may disagree about who is in or how to talk; the same for all must be: -self "
        "and -others together, -kind (here %s), -prepareNum (%u) and -voteNum (%u)";
    struct synod_lines *lines = context;
    const struct synod_spec *spec = &lines->arguments->spec;
    const char *hint = strstr(details, " hint=");
    size_t size = strlen(details);

    (void)level;
    if (lines->arguments->quiet && is_disagreement(event, details))
        return;
    if (said_just_now(lines, event, details))
        return;
    if (hint != NULL) /* that is for `decree serve` */
        size = (size_t)(hint - details);
    fprintf(stderr, "%9.3f  %-8s %s %.*s\n", seconds(lines), "warning", event, (int)size, details);
    if (!is_disagreement(event, details) || said_just_now(lines, "explanation", "-"))
        return;
    fprintf(stderr, "%9.3f  %-8s ", seconds(lines), "warning");
    fprintf(stderr, explanation, synod_kind_name(lines->arguments->kind), spec->prepare_quorum,
            spec->vote_quorum);
    fprintf(stderr, "\n");
}

void synod_lines_init(struct synod_lines *lines, const struct synod_arguments *arguments)
{
    *lines = (struct synod_lines){.arguments = arguments, .began_ns = uv_hrtime()};
    lines->logger = (struct logger){lines, DECREE_LOG_WARN, log_line};
}
