/* SPDX-License-Identifier: MIT */
/* go_values.h -- the values of flags as programs written in Go read them, and so etcd: 5m, 1h30m, 1.5s;
 * true, T, 1; 0x10. */
#ifndef DECREE_CMD_GO_VALUES_H
#define DECREE_CMD_GO_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* Each is false for what is no such value, or does not fit into the result. */
bool go_bool_parse(const char *text, bool *ret_value);
bool go_number_parse(const char *text, int64_t *ret_value);
bool go_duration_parse(const char *text, int64_t *ret_ns);

#endif
