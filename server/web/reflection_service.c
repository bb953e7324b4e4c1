/* SPDX-License-Identifier: MIT */
/* reflection_service.c -- grpc.reflection: what services there are, and of what messages they are made.
 *
 *     list_services                     the services of this port
 *     file_by_filename                  a file, and what it imports if that was not sent before
 *     file_containing_symbol            likewise, the file that declares the symbol
 *     file_containing_extension         NOT_FOUND: our files extend nothing
 *     all_extension_numbers_of_type     none, if the type is one of ours
 *
 * Both versions of the service say the same in the same bytes, so they have one handler. What is not
 * found is an answer like any other; the dialogue goes on.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto_files.h"
#include "reflection.pb-c.h"
#include "services.h"

#define SERVICES_MAX 32u
#define REQUEST(what) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##what
#define RESPONSE(what) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##what

struct dialogue {  /* what the call keeps */
    uint64_t sent; /* files, as bits */
    bool waits;    /* a request, for room */
};

_Static_assert(sizeof(struct dialogue) <= GRPC_STATE_BYTES, "a call has room for its dialogue");

/* An answer and all that it may be made of. */
struct answer {
    Grpc__Reflection__V1__ServerReflectionResponse response;
    Grpc__Reflection__V1__ErrorResponse error;
    Grpc__Reflection__V1__ExtensionNumberResponse extensions;
    Grpc__Reflection__V1__FileDescriptorResponse files;
    ProtobufCBinaryData file_list[PROTO_FILES_MAX];
    Grpc__Reflection__V1__ListServiceResponse services;
    Grpc__Reflection__V1__ServiceResponse service_rows[SERVICES_MAX];
    Grpc__Reflection__V1__ServiceResponse *service_list[SERVICES_MAX];
};

static struct dialogue *dialogue_of(struct grpc_call *call)
{
    return (struct dialogue *)(void *)call->state;
}

static void answer_error(struct answer *answer, enum grpc_status status, char *text)
{
    grpc__reflection__v1__error_response__init(&answer->error);
    answer->error.error_code = (int32_t)status;
    answer->error.error_message = text;
    answer->response.message_response_case = RESPONSE(ERROR_RESPONSE);
    answer->response.error_response = &answer->error;
}

static void answer_not_found(struct answer *answer)
{
    static char TEXT[] = "decree: not found";

    answer_error(answer, GRPC_NOT_FOUND, TEXT);
}

static void add_file(struct answer *answer, unsigned index)
{
    ProtobufCBinaryData *place = &answer->file_list[answer->files.n_file_descriptor_proto];
    struct kv_bytes file;

    if (!proto_file(index, &file))
        return;
    *place = (ProtobufCBinaryData){file.size, (uint8_t *)(uintptr_t)file.data};
    answer->files.n_file_descriptor_proto++;
}

/* The file that was asked for comes first. Returns what is then sent. */
static uint64_t answer_file(struct answer *answer, int index, uint64_t sent)
{
    uint64_t imports;

    if (index < 0) {
        answer_not_found(answer);
        return 0;
    }
    grpc__reflection__v1__file_descriptor_response__init(&answer->files);
    answer->files.file_descriptor_proto = answer->file_list;
    answer->response.message_response_case = RESPONSE(FILE_DESCRIPTOR_RESPONSE);
    answer->response.file_descriptor_response = &answer->files;
    imports = proto_file_imports((unsigned)index);
    add_file(answer, (unsigned)index);
    for (unsigned i = 0; i < PROTO_FILES_MAX; i++)
        if (i != (unsigned)index && (imports & ~sent) >> i & 1)
            add_file(answer, i);
    return imports;
}

static void answer_extensions(struct answer *answer, char *type)
{
    if (!proto_is_message(type)) {
        answer_not_found(answer);
        return;
    }
    grpc__reflection__v1__extension_number_response__init(&answer->extensions);
    answer->extensions.base_type_name = type;
    answer->response.message_response_case = RESPONSE(ALL_EXTENSION_NUMBERS_RESPONSE);
    answer->response.all_extension_numbers_response = &answer->extensions;
}

static int compare_names(const void *a, const void *b)
{
    const Grpc__Reflection__V1__ServiceResponse *const *left = a, *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

static void answer_services(struct answer *answer, const ProtobufCServiceDescriptor *const *from)
{
    size_t count = 0;

    for (; from[count] != NULL; count++) {
        Grpc__Reflection__V1__ServiceResponse *row = &answer->service_rows[count];

        assert(count < SERVICES_MAX);
        grpc__reflection__v1__service_response__init(row);
        row->name = (char *)(uintptr_t)from[count]->name;
        answer->service_list[count] = row;
    }
    qsort(answer->service_list, count, sizeof(answer->service_list[0]), compare_names);
    grpc__reflection__v1__list_service_response__init(&answer->services);
    answer->services.n_service = count;
    answer->services.service = answer->service_list;
    answer->response.message_response_case = RESPONSE(LIST_SERVICES_RESPONSE);
    answer->response.list_services_response = &answer->services;
}

/* Returns the files that the answer sends, or has sent before. False: it is no request. */
static bool make_answer(struct grpc_call *call, struct answer *answer,
                        Grpc__Reflection__V1__ServerReflectionRequest *request, uint64_t *ret_sent)
{
    uint64_t sent = dialogue_of(call)->sent;

    *ret_sent = 0;
    grpc__reflection__v1__server_reflection_response__init(&answer->response);
    answer->response.valid_host = request->host;
    answer->response.original_request = request;
    switch ((int)request->message_request_case) {
    case REQUEST(FILE_BY_FILENAME):
        *ret_sent = answer_file(answer, proto_file_named(request->file_by_filename), sent);
        return true;
    case REQUEST(FILE_CONTAINING_SYMBOL):
        *ret_sent = answer_file(answer, proto_file_declaring(request->file_containing_symbol),
                                sent);
        return true;
    case REQUEST(FILE_CONTAINING_EXTENSION):
        answer_not_found(answer);
        return true;
    case REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE):
        answer_extensions(answer, request->all_extension_numbers_of_type);
        return true;
    case REQUEST(LIST_SERVICES):
        answer_services(answer, grpc_services(call));
        return true;
    }
    return false;
}

static void on_open(struct grpc_call *call)
{
    *dialogue_of(call) = (struct dialogue){0};
}

static int on_message(struct grpc_call *call, const uint8_t *message, size_t size)
{
    Grpc__Reflection__V1__ServerReflectionRequest *request = grpc_decode(
        call, &grpc__reflection__v1__server_reflection_request__descriptor, message, size);
    struct answer answer;
    uint64_t sent;
    int error;

    if (request == NULL)
        return 0;
    if (!make_answer(call, &answer, request, &sent)) {
        grpc_stream_end(call, GRPC_INVALID_ARGUMENT, "decree: a request without a message_request");
        return 0;
    }
    error = grpc_stream_send_message(call, &answer.response.base);
    dialogue_of(call)->waits = error == DECREE_FULL;
    if (error == 0)
        dialogue_of(call)->sent |= sent;
    else if (error == DECREE_NOMEM)
        etcd_fail(call, ETCD_NO_MEMORY);
    return error == DECREE_FULL ? DECREE_FULL : 0;
}

static void on_half_close(struct grpc_call *call)
{
    grpc_stream_end(call, GRPC_OK, "");
}

static void on_writable(struct grpc_call *call)
{
    if (!dialogue_of(call)->waits)
        return;
    dialogue_of(call)->waits = false;
    grpc_stream_resume(call);
}

static void on_gone(struct grpc_call *call)
{
    assert(call->method != NULL);
}

static const struct grpc_stream_handler DIALOGUE = {
    .open = on_open,
    .message = on_message,
    .half_close = on_half_close,
    .writable = on_writable,
    .gone = on_gone,
};

const struct grpc_stream_route reflection_routes[] = {
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &DIALOGUE},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &DIALOGUE},
    {NULL, NULL},
};
