/* SPDX-License-Identifier: MIT */
/* client_register.c -- see client_register.h. */
#include "client_register.h"

#include "client_inside.h"

enum grpc_status client_register_set(struct client *client,
                                     const Decree__V1__RegisterSetRequest *request,
                                     Decree__V1__RegisterSetResponse **ret_response)
{
    struct method method = {"/decree.v1.Register/Set",
                            &decree__v1__register_set_response__descriptor,
                            request->named_case == DECREE__V1__REGISTER_SET_REQUEST__NAMED_VERSION};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

enum grpc_status client_register_get(struct client *client,
                                     const Decree__V1__RegisterGetRequest *request,
                                     Decree__V1__RegisterGetResponse **ret_response)
{
    static const struct method method = {"/decree.v1.Register/Get",
                                         &decree__v1__register_get_response__descriptor, true};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

enum grpc_status client_register_compare_and_set(
    struct client *client, const Decree__V1__RegisterCompareAndSetRequest *request,
    Decree__V1__RegisterCompareAndSetResponse **ret_response)
{
    static const struct method method = {"/decree.v1.Register/CompareAndSet",
                                         &decree__v1__register_compare_and_set_response__descriptor,
                                         false};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

enum grpc_status client_register_history(struct client *client,
                                         const Decree__V1__RegisterHistoryRequest *request,
                                         Decree__V1__RegisterHistoryResponse **ret_response)
{
    static const struct method method = {"/decree.v1.Register/History",
                                         &decree__v1__register_history_response__descriptor, true};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}

enum grpc_status client_register_compact(struct client *client,
                                         const Decree__V1__RegisterCompactRequest *request,
                                         Decree__V1__RegisterCompactResponse **ret_response)
{
    static const struct method method = {"/decree.v1.Register/Compact",
                                         &decree__v1__register_compact_response__descriptor, true};

    return client_call(client, &method, &request->base, (ProtobufCMessage **)ret_response);
}
