/* SPDX-License-Identifier: MIT */
/* solo_transport.c -- drops what is sent; a core that is alone in its cluster sends nothing. */
#include "solo_transport.h"

#include <assert.h>
#include <stdlib.h>

static void send_message(struct transport *transport, const struct peer_message *message)
{
    assert(transport != NULL);
    assert(peer_message_to(message) != 0);
}

static void flush(struct transport *transport)
{
    assert(transport != NULL);
}

static void close_transport(struct transport *transport, void (*closed)(void *context),
                            void *context)
{
    free(transport);
    closed(context);
}

static const struct transport_ops ops = {send_message, flush, close_transport};

int solo_transport_open(struct transport **ret_transport)
{
    struct transport *transport = malloc(sizeof(*transport));

    if (transport == NULL)
        return DECREE_NOMEM;
    transport->ops = &ops;
    *ret_transport = transport;
    return 0;
}
