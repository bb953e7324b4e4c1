/* SPDX-License-Identifier: MIT */
/* failpoint_port.h -- the port at which failpoints are armed, by hand or by a program.
 *
 *     arm POINT before|after [IDS]    the next time there, the node stops; IDS: only these are sent to
 *     disarm [POINT]                  that one, or all
 *     list                            every point, how it is armed, and what it is
 *     crash                           the node stops now
 *     help, quit
 *
 * Each answer ends with a line that begins with OK or ERROR. IDS are names or numbers of members,
 * with blanks or commas between. Who reaches this port can end the process, so it opens on a
 * loopback address only.
 */
#ifndef DECREE_SERVER_FAILPOINT_PORT_H
#define DECREE_SERVER_FAILPOINT_PORT_H

#include <uv.h>

#include "cluster_spec.h"
#include "failpoints.h"
#include "sentence.h"

struct failpoint_port;

/* What is not a loopback address is refused; sentence says so. "localhost" is one. */
bool failpoint_host_is_safe(const char *host, char *sentence);

/* Listens on host, which is safe; port 0 takes a free one. failpoints, cluster and logger are
 * borrowed. Errors: NOMEM, IO, with a sentence of SENTENCE_BYTES. */
int failpoint_port_open(struct failpoint_port **ret_port, uv_loop_t *loop,
                        struct failpoints *failpoints, const struct cluster_spec *cluster,
                        const char *host, uint16_t port, const struct logger *logger,
                        char *sentence);

uint16_t failpoint_port_number(const struct failpoint_port *port);

/* closed(context) is called, from the loop, when it is gone. */
void failpoint_port_close(struct failpoint_port *port, void (*closed)(void *context),
                          void *context);

#endif
