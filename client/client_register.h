/* SPDX-License-Identifier: MIT */
/* client_register.h -- the client's calls of decree.v1.Register.
 *
 * As those of client.h: GRPC_OK, with a response to be freed by its _free_unpacked(response, NULL);
 * or another code. A set of a version that is named, and a compaction, are sent again to the next
 * server like reads are, since to do them twice is the same as once.
 */
#ifndef DECREE_CLIENT_CLIENT_REGISTER_H
#define DECREE_CLIENT_CLIENT_REGISTER_H

#include "client.h"
#include "register.pb-c.h"

enum grpc_status client_register_set(struct client *client,
                                     const Decree__V1__RegisterSetRequest *request,
                                     Decree__V1__RegisterSetResponse **ret_response);
enum grpc_status client_register_get(struct client *client,
                                     const Decree__V1__RegisterGetRequest *request,
                                     Decree__V1__RegisterGetResponse **ret_response);
enum grpc_status client_register_compare_and_set(
    struct client *client, const Decree__V1__RegisterCompareAndSetRequest *request,
    Decree__V1__RegisterCompareAndSetResponse **ret_response);
enum grpc_status client_register_history(struct client *client,
                                         const Decree__V1__RegisterHistoryRequest *request,
                                         Decree__V1__RegisterHistoryResponse **ret_response);
enum grpc_status client_register_compact(struct client *client,
                                         const Decree__V1__RegisterCompactRequest *request,
                                         Decree__V1__RegisterCompactResponse **ret_response);

#endif
