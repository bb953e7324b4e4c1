/* SPDX-License-Identifier: MIT */
/* spin.h -- runs a loop, and stays awake a moment longer where that has lately paid off. */
#ifndef DECREE_NODE_SPIN_H
#define DECREE_NODE_SPIN_H

#include <uv.h>

/* As uv_run(loop, UV_RUN_DEFAULT). */
int spin_run(uv_loop_t *loop);

#endif
