/* SPDX-License-Identifier: MIT */
/* notify.h -- tells the service manager how the process is: systemd's protocol for units with
 * Type=notify, one datagram with a line such as READY=1 to the socket that $NOTIFY_SOCKET names. */
#ifndef DECREE_SERVER_NOTIFY_H
#define DECREE_SERVER_NOTIFY_H

/* Nothing happens if nobody asked to be told. Returns 0, or the system's error number. */
int notify_manager(const char *state);

#endif
