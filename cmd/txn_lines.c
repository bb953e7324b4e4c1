/* SPDX-License-Identifier: MIT */
/* txn_lines.c -- see txn_lines.h. */
#include "txn_lines.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "range_arguments.h"

#define WORDS_MAX 8u

__attribute__((format(printf, 2, 3))) static bool fail(struct txn_lines *txn, const char *format,
                                                       ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(txn->reason, sizeof(txn->reason), format, arguments);
    va_end(arguments);
    return false;
}

static ProtobufCBinaryData bytes_of(char *word)
{
    return (ProtobufCBinaryData){.len = strlen(word), .data = (uint8_t *)word};
}

/* ---- words ---- */

static int digit_of(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    letter = (char)(letter | 0x20);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* What stands behind a backslash at *from, which moves past it; 0: nothing that is known. */
static char unescape(char **from)
{
    char letter = *(*from)++;
    int high, low;

    if (letter == 'n')
        return '\n';
    if (letter == 't')
        return '\t';
    if (letter == '"' || letter == '\\')
        return letter;
    if (letter != 'x' || (high = digit_of((*from)[0])) < 0 || (low = digit_of((*from)[1])) < 0)
        return '\0';
    *from += 2;
    return (char)(high * 16 + low);
}

/* The word in quotes that begins at *at, which moves past it; in place, for it only gets shorter.
 * NULL: it has no end. */
static char *quoted(struct txn_lines *txn, char **at)
{
    char quote = **at;
    char *word = *at + 1, *to = word, *from = word;

    while (*from != quote) {
        char letter = *from;

        if (letter == '\0') {
            fail(txn, "a quote is not closed");
            return NULL;
        }
        from++;
        if (quote == '"' && letter == '\\') {
            letter = *from == '\0' ? '\0' : unescape(&from);
            if (letter == '\0') {
                fail(txn, "behind a backslash there may be \" \\ n t and xHH, which is not 00");
                return NULL;
            }
        }
        *to++ = letter;
    }
    *at = from + 1;
    *to = '\0';
    return word;
}

static char *skip_spaces(char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* Splits the line; false if it can not be. */
static bool split(struct txn_lines *txn, char *line, char *words[WORDS_MAX], size_t *ret_count)
{
    size_t count = 0;

    for (line = skip_spaces(line); *line != '\0'; line = skip_spaces(line)) {
        if (count == WORDS_MAX)
            return fail(txn, "too many words; a value with spaces needs quotes");
        if (*line == '"' || *line == '\'') {
            words[count] = quoted(txn, &line);
            if (words[count++] == NULL)
                return false;
            if (*line != '\0' && *line != ' ' && *line != '\t')
                return fail(txn, "a space is missing behind a quoted word");
            continue;
        }
        words[count++] = line;
        line += strcspn(line, " \t");
        if (*line != '\0')
            *line++ = '\0';
    }
    *ret_count = count;
    return true;
}

/* ---- compares ---- */

static const struct {
    const char *word;
    Etcdserverpb__Compare__CompareTarget target;
    Etcdserverpb__Compare__TargetUnionCase member;
} TARGETS[] = {
    {"version", ETCDSERVERPB__COMPARE__COMPARE_TARGET__VERSION,
     ETCDSERVERPB__COMPARE__TARGET_UNION_VERSION},
    {"ver", ETCDSERVERPB__COMPARE__COMPARE_TARGET__VERSION,
     ETCDSERVERPB__COMPARE__TARGET_UNION_VERSION},
    {"create", ETCDSERVERPB__COMPARE__COMPARE_TARGET__CREATE,
     ETCDSERVERPB__COMPARE__TARGET_UNION_CREATE_REVISION},
    {"mod", ETCDSERVERPB__COMPARE__COMPARE_TARGET__MOD,
     ETCDSERVERPB__COMPARE__TARGET_UNION_MOD_REVISION},
    {"lease", ETCDSERVERPB__COMPARE__COMPARE_TARGET__LEASE,
     ETCDSERVERPB__COMPARE__TARGET_UNION_LEASE},
    {"value", ETCDSERVERPB__COMPARE__COMPARE_TARGET__VALUE,
     ETCDSERVERPB__COMPARE__TARGET_UNION_VALUE},
    {"val", ETCDSERVERPB__COMPARE__COMPARE_TARGET__VALUE,
     ETCDSERVERPB__COMPARE__TARGET_UNION_VALUE},
};

static bool set_target(struct txn_lines *txn, Etcdserverpb__Compare *compare, const char *word)
{
    for (size_t i = 0; i < sizeof(TARGETS) / sizeof(TARGETS[0]); i++)
        if (strcmp(TARGETS[i].word, word) == 0) {
            compare->target = TARGETS[i].target;
            compare->target_union_case = TARGETS[i].member;
            return true;
        }
    return fail(txn, "value, version, create, mod or lease can be compared, not '%.40s'", word);
}

static bool set_result(struct txn_lines *txn, Etcdserverpb__Compare *compare, const char *word)
{
    if (strcmp(word, "=") == 0)
        compare->result = ETCDSERVERPB__COMPARE__COMPARE_RESULT__EQUAL;
    else if (strcmp(word, "!=") == 0)
        compare->result = ETCDSERVERPB__COMPARE__COMPARE_RESULT__NOT_EQUAL;
    else if (strcmp(word, "<") == 0)
        compare->result = ETCDSERVERPB__COMPARE__COMPARE_RESULT__LESS;
    else if (strcmp(word, ">") == 0)
        compare->result = ETCDSERVERPB__COMPARE__COMPARE_RESULT__GREATER;
    else
        return fail(txn, "a compare has = != < or >, not '%.40s'", word);
    return true;
}

/* All numbers of the union are at one place. A lease is written in hexadecimal, as etcdctl has it. */
static bool set_value(struct txn_lines *txn, Etcdserverpb__Compare *compare, char *word)
{
    bool is_lease = compare->target == ETCDSERVERPB__COMPARE__COMPARE_TARGET__LEASE;
    char *end;

    if (compare->target == ETCDSERVERPB__COMPARE__COMPARE_TARGET__VALUE) {
        compare->value = bytes_of(word);
        return true;
    }
    errno = 0;
    compare->version = strtoll(word, &end, is_lease ? 16 : 10);
    if (end == word || *end != '\0' || errno != 0)
        return fail(txn, "a number is wanted, not '%.40s'", word);
    return true;
}

static bool read_compare(struct txn_lines *txn, char *line)
{
    Etcdserverpb__Compare *compare = &txn->compares[txn->compare_count];
    char *words[WORDS_MAX], *key, *open = strchr(line, '(');
    size_t count;

    if (txn->compare_count == TXN_LINES_MAX)
        return fail(txn, "there are more than %u compares", TXN_LINES_MAX);
    if (open == NULL || (open[1] != '"' && open[1] != '\''))
        return fail(txn, "a compare looks like mod(\"key\") > \"0\"");
    etcdserverpb__compare__init(compare);
    *open++ = '\0';
    key = quoted(txn, &open);
    if (key == NULL)
        return false;
    if (*open++ != ')')
        return fail(txn, "a ) is missing behind the key");
    compare->key = bytes_of(key);
    if (!set_target(txn, compare, skip_spaces(line)) || !split(txn, open, words, &count))
        return false;
    if (count != 2)
        return fail(txn, "a compare looks like mod(\"key\") > \"0\"");
    txn->compare_pointers[txn->compare_count++] = compare;
    return set_result(txn, compare, words[0]) && set_value(txn, compare, words[1]);
}

/* ---- requests ---- */

struct op_words {
    char *command, *key, *second;
    bool prefix, from_key, prev_kv;
};

static bool sort_words(struct txn_lines *txn, char **words, size_t count,
                       struct op_words *ret_words)
{
    *ret_words = (struct op_words){.command = words[0]};
    for (size_t i = 1; i < count; i++) {
        if (strcmp(words[i], "--prefix") == 0)
            ret_words->prefix = true;
        else if (strcmp(words[i], "--from-key") == 0)
            ret_words->from_key = true;
        else if (strcmp(words[i], "--prev-kv") == 0)
            ret_words->prev_kv = true;
        else if (ret_words->key == NULL)
            ret_words->key = words[i];
        else if (ret_words->second == NULL)
            ret_words->second = words[i];
        else
            return fail(txn, "too many words: '%.40s'; a value with spaces needs quotes", words[i]);
    }
    if (ret_words->key == NULL)
        return fail(txn, "the key is missing");
    if (ret_words->prefix + ret_words->from_key + (ret_words->second != NULL) > 1)
        return fail(txn, "a second word, --prefix and --from-key exclude each other");
    return true;
}

static bool add_put(struct txn_lines *txn, struct txn_part *part, const struct op_words *words)
{
    Etcdserverpb__PutRequest *put = &part->requests[part->count].put;

    if (words->second == NULL)
        return fail(txn, "a put has a key and a value");
    etcdserverpb__put_request__init(put);
    put->key = bytes_of(words->key);
    put->value = bytes_of(words->second);
    put->prev_kv = words->prev_kv;
    part->ops[part->count].request_case = ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_PUT;
    part->ops[part->count].request_put = put;
    return true;
}

static bool add_range(struct txn_lines *txn, struct txn_part *part, const struct op_words *words)
{
    struct range_arguments range = {words->key, words->second, words->prefix, words->from_key,
                                    false};
    Etcdserverpb__RequestOp *op = &part->ops[part->count];
    ProtobufCBinaryData key, end;

    if (!range_of(&range, &key, &end, &part->memory[part->count]))
        return fail(txn, "out of memory");
    if (words->command[0] == 'g') {
        op->request_range = &part->requests[part->count].range;
        etcdserverpb__range_request__init(op->request_range);
        op->request_case = ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_RANGE;
        op->request_range->key = key;
        op->request_range->range_end = end;
    } else {
        op->request_delete_range = &part->requests[part->count].delete_range;
        etcdserverpb__delete_range_request__init(op->request_delete_range);
        op->request_case = ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_DELETE_RANGE;
        op->request_delete_range->key = key;
        op->request_delete_range->range_end = end;
        op->request_delete_range->prev_kv = words->prev_kv;
    }
    return true;
}

static bool read_op(struct txn_lines *txn, struct txn_part *part, char *line)
{
    struct op_words op_words;
    char *words[WORDS_MAX];
    size_t count;
    bool good;

    if (part->count == TXN_LINES_MAX)
        return fail(txn, "there are more than %u requests", TXN_LINES_MAX);
    if (!split(txn, line, words, &count) || !sort_words(txn, words, count, &op_words))
        return false;
    etcdserverpb__request_op__init(&part->ops[part->count]);
    part->pointers[part->count] = &part->ops[part->count];
    if (strcmp(words[0], "put") == 0)
        good = add_put(txn, part, &op_words);
    else if (strcmp(words[0], "get") == 0 || strcmp(words[0], "del") == 0)
        good = add_range(txn, part, &op_words);
    else
        return fail(txn, "a request is a put, get or del, not '%.40s'", words[0]);
    part->count += good;
    return good;
}

/* ---- the whole ---- */

static bool read_line(struct txn_lines *txn, unsigned section, char *line)
{
    switch (section) {
    case 0:
        return read_compare(txn, line);
    case 1:
        return read_op(txn, &txn->success, line);
    case 2:
        return read_op(txn, &txn->failure, line);
    default:
        return fail(txn, "nothing may follow the third part");
    }
}

static void fill(struct txn_lines *txn, Etcdserverpb__TxnRequest *request)
{
    etcdserverpb__txn_request__init(request);
    request->compare = txn->compare_pointers;
    request->n_compare = txn->compare_count;
    request->success = txn->success.pointers;
    request->n_success = txn->success.count;
    request->failure = txn->failure.pointers;
    request->n_failure = txn->failure.count;
}

bool txn_lines_read(struct txn_lines *txn, char *text, Etcdserverpb__TxnRequest *ret_request)
{
    unsigned section = 0;
    char *line;

    assert(txn->line == 0);
    while (*text != '\0') {
        line = text;
        text += strcspn(text, "\n");
        if (*text != '\0')
            *text++ = '\0';
        line[strcspn(line, "\r")] = '\0';
        line = skip_spaces(line);
        txn->line++;
        if (*line == '\0')
            section++;
        else if (!read_line(txn, section, line))
            return false;
    }
    fill(txn, ret_request);
    return true;
}

void txn_lines_release(struct txn_lines *txn)
{
    for (size_t i = 0; i < TXN_LINES_MAX; i++) {
        free(txn->success.memory[i]);
        free(txn->failure.memory[i]);
    }
}
