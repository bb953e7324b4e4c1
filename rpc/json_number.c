/* SPDX-License-Identifier: MIT */
/* json_number.c -- a whole number may come as 12, as "12", or as 1.2e1; it is first read as its sign
 * and its magnitude, and then held against the bounds of its type.
 */
#include "json_number.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_REAL_MAX 9007199254740992.0 /* up to 2^53 every whole number is a double */

struct whole {
    bool negative;
    uint64_t magnitude;
};

static const char not_a_number[] = "not a number";
static const char out_of_range[] = "out of range";

static const char *whole_from_text(const char *text, size_t size, struct whole *ret_whole)
{
    bool negative = size > 0 && text[0] == '-';
    size_t at = negative ? 1 : 0;
    uint64_t magnitude = 0;

    if (at == size)
        return not_a_number;
    for (; at < size; at++) {
        unsigned digit = (unsigned)(unsigned char)text[at] - '0';

        if (digit > 9)
            return not_a_number;
        if (magnitude > (UINT64_MAX - digit) / 10)
            return out_of_range;
        magnitude = magnitude * 10 + digit;
    }
    *ret_whole = (struct whole){negative, magnitude};
    return NULL;
}

static const char *whole_from_real(double real, struct whole *ret_whole)
{
    if (!(fabs(real) <= WHOLE_REAL_MAX))
        return out_of_range;
    if (real != (double)(int64_t)real)
        return "not a whole number";
    *ret_whole = (struct whole){real < 0, (uint64_t)fabs(real)};
    return NULL;
}

static const char *whole_from(const json_t *json, struct whole *ret_whole)
{
    json_int_t integer = json_integer_value(json);

    if (json_is_integer(json)) {
        *ret_whole = (struct whole){integer < 0,
                                    integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer};
        return NULL;
    }
    if (json_is_real(json)) /* such as 1e3 */
        return whole_from_real(json_real_value(json), ret_whole);
    if (json_is_string(json))
        return whole_from_text(json_string_value(json), json_string_length(json), ret_whole);
    return not_a_number;
}

/* From -(max + 1) to max. */
static const char *read_signed(const json_t *json, int64_t max, int64_t *ret_number)
{
    struct whole whole;
    const char *wrong = whole_from(json, &whole);

    assert(max > 0);
    if (wrong != NULL)
        return wrong;
    if (whole.magnitude > (uint64_t)max + (whole.negative ? 1 : 0))
        return out_of_range;
    *ret_number = (int64_t)(whole.negative ? 0 - whole.magnitude : whole.magnitude);
    return NULL;
}

static const char *read_unsigned(const json_t *json, uint64_t max, uint64_t *ret_number)
{
    struct whole whole;
    const char *wrong = whole_from(json, &whole);

    assert(max > 0);
    if (wrong != NULL)
        return wrong;
    if ((whole.negative && whole.magnitude > 0) || whole.magnitude > max)
        return out_of_range;
    *ret_number = whole.magnitude;
    return NULL;
}

static const char *read_real(const json_t *json, double *ret_number)
{
    const char *text = json_string_value(json);
    double number;
    char *end;

    if (json_is_number(json)) {
        *ret_number = json_number_value(json);
        return NULL;
    }
    if (text == NULL)
        return not_a_number;
    number = strtod(text, &end);
    if (end == text || *end != '\0' || strlen(text) != json_string_length(json))
        return not_a_number;
    /* Of what strtod takes beside digits, JSON knows these three. */
    if (!isdigit((unsigned char)text[0]) && text[0] != '-' && strcmp(text, "NaN") != 0 &&
        strcmp(text, "Infinity") != 0)
        return not_a_number;
    *ret_number = number;
    return NULL;
}

static const char *read_int32(const json_t *json, int32_t *ret_number)
{
    int64_t number = 0;
    const char *wrong = read_signed(json, INT32_MAX, &number);

    if (wrong == NULL)
        *ret_number = (int32_t)number;
    return wrong;
}

static const char *read_uint32(const json_t *json, uint32_t *ret_number)
{
    uint64_t number = 0;
    const char *wrong = read_unsigned(json, UINT32_MAX, &number);

    if (wrong == NULL)
        *ret_number = (uint32_t)number;
    return wrong;
}

static const char *read_float(const json_t *json, float *ret_number)
{
    double number = 0;
    const char *wrong = read_real(json, &number);

    if (wrong == NULL)
        *ret_number = (float)number;
    return wrong;
}

const char *json_number_read(const json_t *json, ProtobufCType type, void *ret_number)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return read_int32(json, ret_number);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return read_signed(json, INT64_MAX, ret_number);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return read_uint32(json, ret_number);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return read_unsigned(json, UINT64_MAX, ret_number);
    case PROTOBUF_C_TYPE_FLOAT:
        return read_float(json, ret_number);
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_real(json, ret_number);
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    assert(0 && "no number");
    return not_a_number;
}
