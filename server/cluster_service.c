/* SPDX-License-Identifier: MIT */
/* cluster_service.c -- etcdserverpb.Cluster: who the members are. */
#include <assert.h>

#include "rpc.pb-c.h"
#include "services.h"

struct member_message {
    Etcdserverpb__Member message;
    char *peer_urls[1], *client_urls[1];
};

static void fill_member(struct member_message *place, const struct backend_member *member)
{
    etcdserverpb__member__init(&place->message);
    place->message.id = member->id;
    place->message.name = (char *)(uintptr_t)member->name;
    place->peer_urls[0] = (char *)(uintptr_t)member->peer_url;
    place->message.peerurls = place->peer_urls;
    place->message.n_peerurls = 1;
    place->client_urls[0] = (char *)(uintptr_t)member->client_url;
    place->message.clienturls = place->client_urls;
    place->message.n_clienturls = member->client_url != NULL ? 1 : 0;
}

static void reply_members(struct grpc_call *call)
{
    struct backend *backend = call_backend(call);
    struct member_message places[DECREE_MEMBERS_MAX];
    Etcdserverpb__Member *members[DECREE_MEMBERS_MAX];
    Etcdserverpb__ResponseHeader header = ETCDSERVERPB__RESPONSE_HEADER__INIT;
    Etcdserverpb__MemberListResponse response = ETCDSERVERPB__MEMBER_LIST_RESPONSE__INIT;
    struct backend_member member;
    size_t count = 0;

    for (; backend->ops->member(backend, count, &member); count++) {
        assert(count < DECREE_MEMBERS_MAX);
        fill_member(&places[count], &member);
        members[count] = &places[count].message;
    }
    header.cluster_id = backend->cluster_id;
    header.member_id = backend->member_id;
    header.raft_term = backend->ops->term(backend);
    response.header = &header;
    response.members = members;
    response.n_members = count;
    grpc_reply(call, &response.base);
}

static void member_list_done(void *argument, int error, decree_slot slot, void *result)
{
    (void)slot;
    (void)result;
    if (services_resume(argument, error))
        reply_members(argument);
}

static int member_list(struct grpc_call *call, const uint8_t *message, size_t size)
{
    struct backend *backend = call_backend(call);
    const Etcdserverpb__MemberListRequest *request =
        (const Etcdserverpb__MemberListRequest *)(const void *)grpc_decode(
            call, &etcdserverpb__member_list_request__descriptor, message, size);

    if (request == NULL)
        return 0;
    if (!request->linearizable) {
        reply_members(call);
        return 0;
    }
    grpc_keep(call);
    return services_after_ask(call, backend->ops->read(backend, member_list_done, call));
}

const struct grpc_route cluster_routes[] = {
    {"/etcdserverpb.Cluster/MemberList", member_list},
    {NULL, NULL},
};
