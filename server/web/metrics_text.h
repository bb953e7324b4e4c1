/* SPDX-License-Identifier: MIT */
/* metrics_text.h -- the text form of Prometheus: families of numbers, one after another.
 *
 *     # HELP name what it is
 *     # TYPE name counter
 *     name{label="value"} 7
 *
 * Labels are given as they are written, without the braces; NULL: there are none.
 */
#ifndef DECREE_SERVER_METRICS_TEXT_H
#define DECREE_SERVER_METRICS_TEXT_H

#include "byte_buffer.h"
#include "histogram.h"

#define METRICS_LABELS_BYTES 256u

void metrics_family(struct byte_buffer *out, const char *name, const char *type, const char *help);
void metrics_number(struct byte_buffer *out, const char *name, const char *labels, uint64_t number);
void metrics_real(struct byte_buffer *out, const char *name, const char *labels, double number);

/* Buckets, sum and count. unit: how many of the histogram's make one of the reader's. */
void metrics_histogram(struct byte_buffer *out, const char *name, const char *labels,
                       const struct histogram *histogram, double unit);

/* A label's value with what has to be escaped; cut if it does not fit. */
void metrics_escape(const char *value, char *ret_escaped, size_t size);

#endif
