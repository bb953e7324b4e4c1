/* SPDX-License-Identifier: MIT */
/* lease_print.h -- what `decree lease` prints, word for word as etcdctl does. */
#ifndef DECREE_CMD_LEASE_PRINT_H
#define DECREE_CMD_LEASE_PRINT_H

#include <stdbool.h>

#include "output.h"

void lease_print_grant(enum output_format format, const Etcdserverpb__LeaseGrantResponse *response);
void lease_print_revoke(enum output_format format, int64_t lease,
                        const Etcdserverpb__LeaseRevokeResponse *response);
void lease_print_time_to_live(enum output_format format, bool keys,
                              const Etcdserverpb__LeaseTimeToLiveResponse *response);
void lease_print_list(enum output_format format, const Etcdserverpb__LeaseLeasesResponse *response);
void lease_print_renewal(enum output_format format,
                         const Etcdserverpb__LeaseKeepAliveResponse *response);

#endif
