/* SPDX-License-Identifier: MIT */
/* number.h -- whole numbers as people type them. */
#ifndef DECREE_CMD_NUMBER_H
#define DECREE_CMD_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Reads a whole number in decimal digits. False when it is none, or not from least to most. */
bool number_parse(const char *text, uint64_t least, uint64_t most, uint64_t *ret_number);

#endif
