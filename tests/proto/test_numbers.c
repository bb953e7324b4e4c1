/* SPDX-License-Identifier: MIT */
/* test_numbers.c -- the wire contract: names and numbers that every client of etcd was compiled
 * with.
 *
 * Each message is written down as "name=number" of all its fields, in order. A change here is a
 * break of the contract, not a test to be mended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth.pb-c.h"
#include "election.pb-c.h"
#include "health.pb-c.h"
#include "kv.pb-c.h"
#include "lock.pb-c.h"
#include "reflection.pb-c.h"
#include "rpc.pb-c.h"

static const struct {
    const ProtobufCMessageDescriptor *message;
    const char *fields;
} MESSAGES[] = {
    {&mvccpb__key_value__descriptor,
     "key=1 create_revision=2 mod_revision=3 version=4 value=5 lease=6"},
    {&mvccpb__event__descriptor, "type=1 kv=2 prev_kv=3"},
    {&authpb__user__descriptor, "name=1 password=2 roles=3 options=4"},
    {&authpb__permission__descriptor, "permType=1 key=2 range_end=3"},
    {&authpb__role__descriptor, "name=1 keyPermission=2"},
    {&etcdserverpb__response_header__descriptor, "cluster_id=1 member_id=2 revision=3 raft_term=4"},
    {&etcdserverpb__range_request__descriptor,
     "key=1 range_end=2 limit=3 revision=4 sort_order=5 sort_target=6 serializable=7 keys_only=8 "
     "count_only=9 min_mod_revision=10 max_mod_revision=11 min_create_revision=12 "
     "max_create_revision=13"},
    {&etcdserverpb__range_response__descriptor, "header=1 kvs=2 more=3 count=4"},
    {&etcdserverpb__put_request__descriptor,
     "key=1 value=2 lease=3 prev_kv=4 ignore_value=5 ignore_lease=6"},
    {&etcdserverpb__put_response__descriptor, "header=1 prev_kv=2"},
    {&etcdserverpb__delete_range_request__descriptor, "key=1 range_end=2 prev_kv=3"},
    {&etcdserverpb__delete_range_response__descriptor, "header=1 deleted=2 prev_kvs=3"},
    {&etcdserverpb__request_op__descriptor,
     "request_range=1 request_put=2 request_delete_range=3 request_txn=4"},
    {&etcdserverpb__response_op__descriptor,
     "response_range=1 response_put=2 response_delete_range=3 response_txn=4"},
    {&etcdserverpb__compare__descriptor,
     "result=1 target=2 key=3 version=4 create_revision=5 mod_revision=6 value=7 lease=8 "
     "range_end=64"},
    {&etcdserverpb__txn_request__descriptor, "compare=1 success=2 failure=3"},
    {&etcdserverpb__txn_response__descriptor, "header=1 succeeded=2 responses=3"},
    {&etcdserverpb__watch_create_request__descriptor,
     "key=1 range_end=2 start_revision=3 progress_notify=4 filters=5 prev_kv=6 watch_id=7 "
     "fragment=8"},
    {&etcdserverpb__watch_response__descriptor,
     "header=1 watch_id=2 created=3 canceled=4 compact_revision=5 cancel_reason=6 fragment=7 "
     "events=11"},
    {&etcdserverpb__lease_grant_response__descriptor, "header=1 ID=2 TTL=3 error=4"},
    {&etcdserverpb__lease_time_to_live_response__descriptor,
     "header=1 ID=2 TTL=3 grantedTTL=4 keys=5"},
    {&etcdserverpb__member__descriptor, "ID=1 name=2 peerURLs=3 clientURLs=4 isLearner=5"},
    {&etcdserverpb__status_response__descriptor,
     "header=1 version=2 dbSize=3 leader=4 raftIndex=5 raftTerm=6 raftAppliedIndex=7 errors=8 "
     "dbSizeInUse=9 isLearner=10 storageVersion=11 dbSizeQuota=12 downgradeInfo=13"},
    {&etcdserverpb__snapshot_response__descriptor, "header=1 remaining_bytes=2 blob=3 version=4"},
    {&etcdserverpb__hash_kvresponse__descriptor,
     "header=1 hash=2 compact_revision=3 hash_revision=4"},
    {&etcdserverpb__auth_user_add_request__descriptor,
     "name=1 password=2 options=3 hashedPassword=4"},
    {&v3lockpb__lock_request__descriptor, "name=1 lease=2"},
    {&v3lockpb__lock_response__descriptor, "header=1 key=2"},
    {&v3lockpb__unlock_request__descriptor, "key=1"},
    {&v3electionpb__campaign_request__descriptor, "name=1 lease=2 value=3"},
    {&v3electionpb__campaign_response__descriptor, "header=1 leader=2"},
    {&v3electionpb__leader_key__descriptor, "name=1 key=2 rev=3 lease=4"},
    {&v3electionpb__leader_response__descriptor, "header=1 kv=2"},
    {&v3electionpb__resign_request__descriptor, "leader=1"},
    {&v3electionpb__proclaim_request__descriptor, "leader=1 value=2"},
    {&grpc__health__v1__health_check_request__descriptor, "service=1"},
    {&grpc__health__v1__health_check_response__descriptor, "status=1"},
    {&grpc__health__v1__health_list_response__descriptor, "statuses=1"},
    {&grpc__reflection__v1__server_reflection_request__descriptor,
     "host=1 file_by_filename=3 file_containing_symbol=4 file_containing_extension=5 "
     "all_extension_numbers_of_type=6 list_services=7"},
    {&grpc__reflection__v1__server_reflection_response__descriptor,
     "valid_host=1 original_request=2 file_descriptor_response=4 all_extension_numbers_response=5 "
     "list_services_response=6 error_response=7"},
    {&grpc__reflection__v1__extension_request__descriptor, "containing_type=1 extension_number=2"},
    {&grpc__reflection__v1__error_response__descriptor, "error_code=1 error_message=2"},
};

static void write_fields(const ProtobufCMessageDescriptor *message, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        int count = snprintf(text + used, size - used, "%s%s=%u", i > 0 ? " " : "", field->name,
                             field->id);

        assert_true(count > 0 && (size_t)count < size - used);
        used += (size_t)count;
    }
}

static void test_messages(void **state)
{
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(MESSAGES) / sizeof(MESSAGES[0]); i++) {
        write_fields(MESSAGES[i].message, text, sizeof(text));
        assert_string_equal(text, MESSAGES[i].fields);
    }
}

static void assert_value(const ProtobufCEnumDescriptor *descriptor, const char *name, int number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(descriptor,
                                                                                   name);

    assert_non_null(value);
    assert_int_equal(value->value, number);
}

static void test_enums(void **state)
{
    (void)state;
    assert_value(&mvccpb__event__event_type__descriptor, "DELETE", 1);
    assert_value(&authpb__permission__type__descriptor, "READWRITE", 2);
    assert_value(&etcdserverpb__range_request__sort_order__descriptor, "DESCEND", 2);
    assert_value(&etcdserverpb__range_request__sort_target__descriptor, "VALUE", 4);
    assert_value(&etcdserverpb__compare__compare_result__descriptor, "NOT_EQUAL", 3);
    assert_value(&etcdserverpb__compare__compare_target__descriptor, "LEASE", 4);
    assert_value(&etcdserverpb__watch_create_request__filter_type__descriptor, "NODELETE", 1);
    assert_value(&etcdserverpb__alarm_type__descriptor, "CORRUPT", 2);
    assert_value(&grpc__health__v1__health_check_response__serving_status__descriptor,
                 "SERVICE_UNKNOWN", 3);
    assert_value(&etcdserverpb__alarm_request__alarm_action__descriptor, "DEACTIVATE", 2);
    assert_value(&etcdserverpb__downgrade_request__downgrade_action__descriptor, "CANCEL", 2);
}

static void assert_methods(const ProtobufCServiceDescriptor *service, const char *names)
{
    char text[512] = "";
    size_t used = 0;

    for (unsigned i = 0; i < service->n_methods; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? " " : "",
                                 service->methods[i].name);
    assert_string_equal(text, names);
}

static void test_methods(void **state)
{
    (void)state;
    assert_methods(&etcdserverpb__kv__descriptor, "Range RangeStream Put DeleteRange Txn Compact");
    assert_methods(&etcdserverpb__watch__descriptor, "Watch");
    assert_methods(&etcdserverpb__lease__descriptor,
                   "LeaseGrant LeaseRevoke LeaseKeepAlive LeaseTimeToLive LeaseLeases");
    assert_methods(&etcdserverpb__cluster__descriptor,
                   "MemberAdd MemberRemove MemberUpdate MemberList MemberPromote");
    assert_methods(&etcdserverpb__maintenance__descriptor,
                   "Alarm Status Defragment Hash HashKV Snapshot MoveLeader Downgrade");
    assert_methods(
        &etcdserverpb__auth__descriptor,
        "AuthEnable AuthDisable AuthStatus Authenticate UserAdd UserGet UserList UserDelete "
        "UserChangePassword UserGrantRole UserRevokeRole RoleAdd RoleGet RoleList RoleDelete "
        "RoleGrantPermission RoleRevokePermission");
    assert_methods(&v3lockpb__lock__descriptor, "Lock Unlock");
    assert_methods(&v3electionpb__election__descriptor, "Campaign Proclaim Leader Observe Resign");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_enums),
        cmocka_unit_test(test_methods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
