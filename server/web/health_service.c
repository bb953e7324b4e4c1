/* SPDX-License-Identifier: MIT */
/* health_service.c -- grpc.health.v1: the whole server, by the name of "", is SERVING as long as it
 * answers at all; other names are not known. /health tells more (health.h).
 */
#include <assert.h>
#include <string.h>

#include "health.pb-c.h"
#include "services.h"

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

/* NULL: the call is answered. */
static const Grpc__Health__V1__HealthCheckRequest *read_request(struct grpc_call *call,
                                                                const uint8_t *message, size_t size)
{
    return grpc_decode(call, &grpc__health__v1__health_check_request__descriptor, message, size);
}

static Grpc__Health__V1__HealthCheckResponse status_of(const char *service)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    response.status = *service == '\0' ? STATUS(SERVING) : STATUS(SERVICE_UNKNOWN);
    return response;
}

static int check(struct grpc_call *call, const uint8_t *message, size_t size)
{
    const Grpc__Health__V1__HealthCheckRequest *request = read_request(call, message, size);
    Grpc__Health__V1__HealthCheckResponse response;

    if (request == NULL)
        return 0;
    response = status_of(request->service);
    if (response.status == STATUS(SERVING))
        grpc_reply(call, &response.base);
    else
        grpc_fail(call, GRPC_NOT_FOUND, "unknown service");
    return 0;
}

static int list(struct grpc_call *call, const uint8_t *message, size_t size)
{
    static char WHOLE[] = "";
    Grpc__Health__V1__HealthListResponse response = GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__INIT;
    Grpc__Health__V1__HealthListResponse__StatusesEntry entry =
        GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__STATUSES_ENTRY__INIT;
    Grpc__Health__V1__HealthListResponse__StatusesEntry *entries[] = {&entry};
    Grpc__Health__V1__HealthCheckResponse status = status_of(WHOLE);

    if (grpc_decode(call, &grpc__health__v1__health_list_request__descriptor, message, size) ==
        NULL)
        return 0;
    entry.key = WHOLE;
    entry.value = &status;
    response.n_statuses = 1;
    response.statuses = entries;
    grpc_reply(call, &response.base);
    return 0;
}

/* ---- Watch: the status as it is now, and then nothing, for it does not change ---- */

struct health_watch { /* what the call keeps */
    bool asked;
};

static struct health_watch *watch_of(struct grpc_call *call)
{
    return (struct health_watch *)(void *)call->state;
}

static void on_open(struct grpc_call *call)
{
    *watch_of(call) = (struct health_watch){0};
}

static int on_message(struct grpc_call *call, const uint8_t *message, size_t size)
{
    const Grpc__Health__V1__HealthCheckRequest *request = read_request(call, message, size);
    Grpc__Health__V1__HealthCheckResponse response;

    if (request == NULL)
        return 0;
    if (watch_of(call)->asked) {
        grpc_fail(call, GRPC_INTERNAL, "grpc: more than one message for a method that takes one");
        return 0;
    }
    watch_of(call)->asked = true;
    response = status_of(request->service);
    if (grpc_stream_send_message(call, &response.base) == DECREE_NOMEM)
        etcd_fail(call, ETCD_NO_MEMORY);
    return 0;
}

static void on_half_close(struct grpc_call *call)
{
    if (!watch_of(call)->asked)
        grpc_stream_end(call, GRPC_INTERNAL, "unexpected EOF");
}

static void on_gone(struct grpc_call *call)
{
    assert(call->method != NULL);
}

static const struct grpc_stream_handler WATCH = {
    .open = on_open,
    .message = on_message,
    .half_close = on_half_close,
    .gone = on_gone,
};

const struct grpc_route health_routes[] = {
    {"/grpc.health.v1.Health/Check", check},
    {"/grpc.health.v1.Health/List", list},
    {NULL, NULL},
};

const struct grpc_stream_route health_stream_routes[] = {
    {"/grpc.health.v1.Health/Watch", &WATCH},
    {NULL, NULL},
};
