/* SPDX-License-Identifier: MIT */
/* input.h -- a value given on the command line or on standard input, byte for byte. */
#ifndef DECREE_CMD_INPUT_H
#define DECREE_CMD_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of argument, or, if it is NULL or "-", all of standard input. The memory is the
 * caller's. 0, or an exit status after a sentence that begins with the command. */
int input_value(const char *argument, const char *command, uint8_t **ret_data, size_t *ret_size);

#endif
