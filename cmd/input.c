/* SPDX-License-Identifier: MIT */
/* input.c -- see input.h. */
#include "input.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

#define VALUE_BYTES_MAX \
    ((size_t)64 * 1024 * 1024) /* far above what any server takes; bounds our memory */

/* All of standard input. 0 or a negative errno; the memory is the caller's. */
static int read_input(uint8_t **ret_data, size_t *ret_size)
{
    size_t room = 4096, size = 0;
    uint8_t *data = malloc(room);

    while (data != NULL) {
        size_t got = fread(data + size, 1, room - size, stdin);
        uint8_t *larger;

        size += got;
        if (got == 0 || feof(stdin)) /* a terminal would be read again */
            break;
        if (size > VALUE_BYTES_MAX) {
            free(data);
            return -EFBIG;
        }
        if (size < room)
            continue;
        room *= 2;
        larger = realloc(data, room);
        if (larger == NULL)
            free(data);
        data = larger;
    }
    if (data == NULL)
        return -ENOMEM;
    if (ferror(stdin)) {
        free(data);
        return -EIO;
    }
    *ret_data = data;
    *ret_size = size;
    return 0;
}

static int copy_argument(const char *argument, uint8_t **ret_data, size_t *ret_size)
{
    char *copy = strdup(argument);

    if (copy == NULL)
        return -ENOMEM;
    *ret_data = (uint8_t *)copy;
    *ret_size = strlen(copy);
    return 0;
}

int input_value(const char *argument, const char *command, uint8_t **ret_data, size_t *ret_size)
{
    bool is_given = argument != NULL && strcmp(argument, "-") != 0;
    int error;

    assert(command != NULL);
    if (!is_given &&
        isatty(STDIN_FILENO)) /* who waits for an answer should know what it waits for */
        fprintf(stderr, "%s: reads from the terminal; Ctrl-D at the start of a line ends it\n",
                command);
    error = is_given ? copy_argument(argument, ret_data, ret_size) : read_input(ret_data, ret_size);
    if (error == 0)
        return EXIT_OK;
    fprintf(stderr, "%s: cannot read the value: %s\n", command, strerror(-error));
    return EXIT_FAILED;
}
