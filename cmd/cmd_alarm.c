/* SPDX-License-Identifier: MIT */
/* cmd_alarm.c -- decree alarm list, decree alarm disarm. */
#include <argp.h>
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"
#include "message_json.h"
#include "output.h"

struct alarm_arguments {
    struct client_settings settings;
    bool disarm;
};

static const char doc[] =
    "Lists the alarms that ring, or disarms them all. NOSPACE: a member's store passed its quota, and writes fail until "
    "room is made and the alarm is disarmed. CORRUPT: the members' stores differ, and every change fails.\v"
    "To go on after NOSPACE: delete what is not needed, compact, disarm.\n"
    "  decree del old/ --prefix\n"
    "  decree status                 # tells the revision\n"
    "  decree compact 123456\n"
    "  decree alarm disarm\n"
    "  decree alarm list --json\n\n"
    "Exit status: 0 done, whether or not there were alarms; 1 refused; 64 the command line makes no sense; 69 no server "
    "answered.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct alarm_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0 ||
            (strcmp(argument, "list") != 0 && strcmp(argument, "disarm") != 0))
            argp_error(state, "alarms are listed or disarmed, not '%s'", argument);
        arguments->disarm = argument[0] == 'd';
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "say what: decree alarm list, or decree alarm disarm");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

static const char *alarm_name(const Etcdserverpb__AlarmMember *alarm)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
        &etcdserverpb__alarm_type__descriptor, (int)alarm->alarm);

    return value == NULL ? "UNKNOWN" : value->name;
}

static void print_alarms(const Etcdserverpb__AlarmResponse *response)
{
    for (size_t i = 0; i < response->n_alarms; i++)
        printf("memberID:%" PRIu64 " alarm:%s\n", response->alarms[i]->memberid,
               alarm_name(response->alarms[i]));
}

/* Disarms each of the alarms listed; those that rang until now stay in the response. */
static enum grpc_status disarm(struct client *client, const Etcdserverpb__AlarmResponse *list)
{
    enum grpc_status code = GRPC_OK;

    assert(list != NULL);
    for (size_t i = 0; i < list->n_alarms && code == GRPC_OK; i++) {
        Etcdserverpb__AlarmRequest request = ETCDSERVERPB__ALARM_REQUEST__INIT;
        Etcdserverpb__AlarmResponse *response;

        request.action = ETCDSERVERPB__ALARM_REQUEST__ALARM_ACTION__DEACTIVATE;
        request.memberid = list->alarms[i]->memberid;
        request.alarm = list->alarms[i]->alarm;
        code = client_alarm(client, &request, &response);
        if (code == GRPC_OK)
            etcdserverpb__alarm_response__free_unpacked(response, NULL);
    }
    return code;
}

int cmd_alarm(int argc, char **argv)
{
    static const struct argp argp = {NULL, parse_option, "list|disarm", doc, client_options_alone,
                                     NULL, NULL};
    struct alarm_arguments arguments = {0};
    Etcdserverpb__AlarmRequest request = ETCDSERVERPB__ALARM_REQUEST__INIT;
    Etcdserverpb__AlarmResponse *response = NULL;
    struct client *client;
    enum grpc_status code;
    int status;

    client_parse(&argp, "decree alarm", argc, argv, &arguments);
    status = client_connect(&arguments.settings, &client);
    if (status != EXIT_OK)
        return status;
    code = client_alarm(client, &request, &response);
    if (code == GRPC_OK && arguments.disarm)
        code = disarm(client, response);
    if (code != GRPC_OK)
        status = client_failure(client, code);
    else if (!output_answer(arguments.settings.format, &response->base))
        print_alarms(response);
    if (response != NULL)
        etcdserverpb__alarm_response__free_unpacked(response, NULL);
    client_free(client);
    return status == EXIT_OK ? output_finish() : status;
}
