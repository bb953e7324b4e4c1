/* SPDX-License-Identifier: MIT */
/* etcd_config_file.h -- the file that etcd's --config-file names: its flags, as YAML.
 *
 *     name: n1                              a flag, without its dashes
 *     listen-client-urls: 'http://10.0.0.1:2379,http://127.0.0.1:2379'    # quotes and comments
 *     log-outputs: [stderr]                 a list, the same as stderr
 *     client-transport-security:            what is within may be empty or false, and nothing else: it is about TLS
 *       cert-file:
 *
 * That is all of YAML that such files have. A time may also be a number of nanoseconds, as etcd has it there.
 */
#ifndef DECREE_CMD_ETCD_CONFIG_FILE_H
#define DECREE_CMD_ETCD_CONFIG_FILE_H

#include "etcd_flags.h"

/* Replaces all flags by those of the file: as in etcd, there is no mixing them. Errors: IO, INVALID, NOMEM;
 * sentence, of SENTENCE_BYTES, says what and where. What was read stays in memory as long as the
 * process lives. */
int etcd_config_file_read(struct etcd_flags *flags, const char *path, char *sentence);

/* The same of a text, which is changed and borrowed for good. */
int etcd_config_file_parse(struct etcd_flags *flags, const char *path, char *text, char *sentence);

#endif
