/* SPDX-License-Identifier: MIT */
/* etcd_urls.h -- addresses as etcd's flags have them: "http://10.0.0.1:2379,http://[::1]:2379", and for
 * members "n1=http://10.0.0.1:2380,n2=...". */
#ifndef DECREE_CMD_ETCD_URLS_H
#define DECREE_CMD_ETCD_URLS_H

#include "serve.h"

/* Adds what text has to ret_addresses, but nothing twice. label is what the user called the flag. INVALID:
 * sentence, of SENTENCE_BYTES, says what is wrong; so also https, for there is no TLS yet, and
 * unix. */
int etcd_urls_parse(const char *label, const char *text, struct serve_addresses *ret_addresses,
                    char *sentence);

/* The same for "host:port,...". */
int addresses_parse(const char *text, struct serve_addresses *ret_addresses, char *sentence);

/* Reads members, which get their ids by the order of their names, whatever the order in text: other than
 * --cluster, --initial-cluster has none. */
int etcd_cluster_parse(const char *label, const char *text, struct cluster_spec *ret_cluster,
                       char *sentence);

/* "http://host:port,..." of the addresses; text holds size bytes, which must be enough. */
void etcd_urls_print(char *text, size_t size, const struct serve_addresses *addresses);

#endif
