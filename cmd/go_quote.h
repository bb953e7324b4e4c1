/* SPDX-License-Identifier: MIT */
/* go_quote.h -- bytes between quotes, as Go's %q has them, which is what etcdctl prints. */
#ifndef DECREE_CMD_GO_QUOTE_H
#define DECREE_CMD_GO_QUOTE_H

#include <stddef.h>

/* A string, which the caller frees; NULL when out of memory. */
char *go_quote(const void *data, size_t size);

#endif
