/* SPDX-License-Identifier: MIT */
/* metrics_text.c -- see metrics_text.h. */
#include "metrics_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define LINE_BYTES 768u

static void put(struct byte_buffer *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct byte_buffer *out, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    assert(size >= 0);
    assert((size_t)size < sizeof(line));
    byte_buffer_append(out, line, (size_t)size);
}

void metrics_family(struct byte_buffer *out, const char *name, const char *type, const char *help)
{
    put(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The name of a line, with its labels and one more. */
static void put_name(struct byte_buffer *out, const char *name, const char *suffix,
                     const char *labels)
{
    bool bare = labels == NULL || *labels == '\0';

    put(out, bare ? "%s%s%s" : "%s%s{%s}", name, suffix, bare ? "" : labels);
}

void metrics_number(struct byte_buffer *out, const char *name, const char *labels, uint64_t number)
{
    put_name(out, name, "", labels);
    put(out, " %" PRIu64 "\n", number);
}

void metrics_real(struct byte_buffer *out, const char *name, const char *labels, double number)
{
    put_name(out, name, "", labels);
    put(out, " %.12g\n", number);
}

static void put_bucket(struct byte_buffer *out, const char *name, const char *labels,
                       const char *bound, uint64_t count)
{
    bool bare = labels == NULL || *labels == '\0';

    put(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, bare ? "" : labels, bare ? "" : ",",
        bound, count);
}

void metrics_histogram(struct byte_buffer *out, const char *name, const char *labels,
                       const struct histogram *histogram, double unit)
{
    uint64_t count = 0;
    char bound[32];

    for (uint32_t i = 0; i < histogram->bound_count; i++) {
        count += histogram->counts[i];
        (void)snprintf(bound, sizeof(bound), "%.9g", (double)histogram->bounds[i] / unit);
        put_bucket(out, name, labels, bound, count);
    }
    count += histogram->counts[histogram->bound_count];
    put_bucket(out, name, labels, "+Inf", count);
    put_name(out, name, "_sum", labels);
    put(out, " %.12g\n", (double)histogram->sum / unit);
    put_name(out, name, "_count", labels);
    put(out, " %" PRIu64 "\n", count);
}

void metrics_escape(const char *value, char *ret_escaped, size_t size)
{
    size_t used = 0;

    assert(size > 2);
    for (; *value != '\0' && used + 3 <= size; value++) {
        if (*value == '\\' || *value == '"')
            ret_escaped[used++] = '\\';
        ret_escaped[used++] = *value;
    }
    ret_escaped[used] = '\0';
}
