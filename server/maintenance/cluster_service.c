/* SPDX-License-Identifier: MIT */
/* cluster_service.c -- etcdserverpb.Cluster: who the members are.
 *
 * Who is a member says the backend; where clients reach a member, what it told through the log
 * (publisher.h), and until it did, nobody but itself knows.
 */
#include <assert.h>

#include "kv_propose.h"
#include "publisher.h"

#define URLS_TOLD_MAX 64u /* of all members together, 2 at least for each */
_Static_assert(URLS_TOLD_MAX >= 2 * DECREE_MEMBERS_MAX, "each member can be told of");

struct member_message {
    Etcdserverpb__Member message;
    char *peer_urls[1];
};

struct answer { /* what one answer is made of */
    struct member_message places[DECREE_MEMBERS_MAX];
    Etcdserverpb__Member *members[DECREE_MEMBERS_MAX];
    char *urls[URLS_TOLD_MAX];
    size_t url_count;
};

static void add_url(struct answer *answer, Etcdserverpb__Member *message, const void *url,
                    size_t left_for_others)
{
    if (answer->url_count + left_for_others >= URLS_TOLD_MAX)
        return;
    answer->urls[answer->url_count++] = (char *)(uintptr_t)url;
    message->n_clienturls++;
}

static void fill_client_urls(struct answer *answer, Etcdserverpb__Member *message,
                             const struct backend_member *member, const struct kv *kv)
{
    const struct kv_member *told = publisher_find(kv, member->id);
    size_t others = DECREE_MEMBERS_MAX;

    message->clienturls = &answer->urls[answer->url_count];
    if (told == NULL && member->client_url != NULL)
        add_url(answer, message, member->client_url, 0);
    for (size_t i = 0; told != NULL && i < told->url_count; i++)
        add_url(answer, message, told->urls[i].data, i == 0 ? 0 : others);
}

static void fill_member(struct answer *answer, size_t at, const struct backend_member *member,
                        const struct kv *kv)
{
    struct member_message *place = &answer->places[at];

    etcdserverpb__member__init(&place->message);
    place->message.id = member->id;
    place->message.name = (char *)(uintptr_t)member->name;
    place->peer_urls[0] = (char *)(uintptr_t)member->peer_url;
    place->message.peerurls = place->peer_urls;
    place->message.n_peerurls = 1;
    fill_client_urls(answer, &place->message, member, kv);
    answer->members[at] = &place->message;
}

static void reply_members(struct grpc_call *call)
{
    struct backend *backend = call_backend(call);
    struct answer answer;
    Etcdserverpb__ResponseHeader header = kv_header_message(call, 0); /* as in etcd */
    Etcdserverpb__MemberListResponse response = ETCDSERVERPB__MEMBER_LIST_RESPONSE__INIT;
    struct backend_member member;
    size_t count = 0;

    answer.url_count = 0;
    for (; backend->ops->member(backend, count, &member); count++) {
        assert(count < DECREE_MEMBERS_MAX);
        fill_member(&answer, count, &member, backend->ops->kv(backend));
    }
    response.header = &header;
    response.members = answer.members;
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
    const Etcdserverpb__MemberListRequest *request = grpc_decode(
        call, &etcdserverpb__member_list_request__descriptor, message, size);

    if (request == NULL)
        return 0;
    if (request->linearizable)
        return services_read(call, member_list_done);
    reply_members(call);
    return 0;
}

/* ---- changes ---- */

static int refuse_change(struct grpc_call *call, const uint8_t *message, size_t size)
{
    (void)message;
    (void)size;
    grpc_fail(
        call, GRPC_UNIMPLEMENTED,
        "decree: members cannot be added, removed or changed yet: the cluster is the one that "
        "it was started as");
    return 0;
}

const struct grpc_route cluster_routes[] = {
    {"/etcdserverpb.Cluster/MemberList", member_list},
    {"/etcdserverpb.Cluster/MemberAdd", refuse_change},
    {"/etcdserverpb.Cluster/MemberRemove", refuse_change},
    {"/etcdserverpb.Cluster/MemberUpdate", refuse_change},
    {"/etcdserverpb.Cluster/MemberPromote", refuse_change},
    {NULL, NULL},
};
