/* SPDX-License-Identifier: MIT */
/* spin.c -- runs the loop. */
#include "spin.h"

int spin_run(uv_loop_t *loop)
{
    return uv_run(loop, UV_RUN_DEFAULT);
}
