/* SPDX-License-Identifier: MIT */
/* serve_settings.h -- from the words of the command line to what serve.h wants to know. */
#ifndef DECREE_CMD_SERVE_SETTINGS_H
#define DECREE_CMD_SERVE_SETTINGS_H

#include "logger_stderr.h"
#include "serve.h"
#include "serve_arguments.h"

#define SETTINGS_URLS_BYTES 4096u

struct serve_settings {
    struct serve_options options; /* all but its logger; borrows from the rest */
    enum decree_log_level level;
    enum log_format format;
    bool advertised_otherwise; /* --initial-advertise-peer-urls is not what --initial-cluster has */
    char failpoints_host[CLUSTER_HOST_BYTES], log_host[CLUSTER_HOST_BYTES];
    char data_dir[CLUSTER_NAME_BYTES + 8]; /* if it follows from the name */
    char client_urls[SETTINGS_URLS_BYTES];
};

/* Borrows from arguments. A decree_error: sentence, of SENTENCE_BYTES, says what is wrong. */
int serve_settings_read(struct serve_settings *ret_settings,
                        const struct serve_arguments *arguments, char *sentence);

#endif
