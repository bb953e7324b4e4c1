/* SPDX-License-Identifier: MIT */
/* test_grpc_methods.c -- every method of the services is known, with and without a handler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <decree/error.h>

#include "grpc_methods.h"
#include "rpc.pb-c.h"

static const ProtobufCServiceDescriptor *const SERVICES[] = {&etcdserverpb__kv__descriptor,
                                                             &etcdserverpb__auth__descriptor, NULL};

static int handle(struct grpc_call *call, const uint8_t *message, size_t size)
{
    (void)call;
    (void)message;
    (void)size;
    return 0;
}

static const struct grpc_method *find(const struct grpc_methods *methods, const char *path)
{
    return grpc_methods_find(methods, (const uint8_t *)path, strlen(path));
}

static void test_find(void **state)
{
    static const struct grpc_route ROUTE[] = {{"/etcdserverpb.KV/Put", handle}, {NULL, NULL}};
    static const struct grpc_route *const ROUTES[] = {ROUTE, NULL};
    struct grpc_methods methods;

    (void)state;
    assert_int_equal(grpc_methods_init(&methods, SERVICES, ROUTES, NULL), 0);
    assert_int_equal(methods.count, 6 + 17);
    assert_ptr_equal(find(&methods, "/etcdserverpb.KV/Put")->handle, handle);
    for (size_t i = 0; i < methods.count; i++) {
        const struct grpc_method *method = &methods.methods[i];

        assert_ptr_equal(find(&methods, method->path), method);
        assert_true(method->handle == NULL || strcmp(method->path, "/etcdserverpb.KV/Put") == 0);
    }
    assert_null(find(&methods, "/etcdserverpb.KV/Pu"));
    assert_null(find(&methods, "/etcdserverpb.KV/Putt"));
    assert_null(find(&methods, ""));
    grpc_methods_release(&methods);
}

static void test_a_route_without_a_method(void **state)
{
    static const struct grpc_route ROUTE[] = {{"/etcdserverpb.KV/Puts", handle}, {NULL, NULL}};
    static const struct grpc_route *const ROUTES[] = {ROUTE, NULL};
    struct grpc_methods methods;

    (void)state;
    assert_int_equal(grpc_methods_init(&methods, SERVICES, ROUTES, NULL), DECREE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_a_route_without_a_method),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
