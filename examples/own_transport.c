/* SPDX-License-Identifier: MIT */
/* own_transport.c -- a transport of your own: members on one machine that talk over Unix datagram
 * sockets, one process each, in a folder:
 *
 *     ./own_transport n1 n1,n2,n3 FOLDER    ./own_transport n2 n1,n2,n3 FOLDER    ...
 *
 * Each line on standard input is broadcast, and printed by all in the same order. A member keeps
 * its journal in FOLDER/NAME.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <decree/broadcast.h>
#include <decree/transport.h>

#define FRAME_BYTES_MAX 60000

struct wire {
    int socket;         /* one's own */
    const char *folder; /* where those of all are, by id */
    struct decree_transport *transport;
};

static struct sockaddr_un address_of(const struct wire *wire, decree_node_id member)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/%u", wire->folder, member);
    return address;
}

/* The node wants this frame to go to that member; if it cannot go now, it is lost, and that is all. */
static void send_frame(void *context, decree_node_id to, const uint8_t *frame, size_t size)
{
    struct wire *wire = context;
    struct sockaddr_un address = address_of(wire, to);

    if (sendto(wire->socket, frame, size, MSG_DONTWAIT, (struct sockaddr *)&address,
               sizeof(address)) < 0 &&
        (errno == ENOENT || errno == ECONNREFUSED))
        decree_transport_unreachable(wire->transport, to); /* a hint: nobody has to give it */
}

/* Gives to the node whatever comes, until an empty datagram does. */
static void *receive_frames(void *context)
{
    static uint8_t frame[FRAME_BYTES_MAX];
    struct wire *wire = context;
    ssize_t size;

    while ((size = recv(wire->socket, frame, sizeof(frame), 0)) != 0)
        if (size > 0)
            decree_transport_deliver(wire->transport, frame, (size_t)size);
    return NULL;
}

static void deliver(void *context, decree_node_id origin, const uint8_t *message, uint32_t size)
{
    (void)context;
    printf("%u: %.*s\n", origin, (int)size, (const char *)message);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct wire wire = {socket(AF_UNIX, SOCK_DGRAM, 0), argv[argc - 1], NULL};
    struct decree_transport_options how = {send_frame, &wire, FRAME_BYTES_MAX};
    struct decree_broadcast_options options = {.deliver = deliver};
    struct decree_broadcast *broadcast;
    struct sockaddr_un own;
    pthread_t thread;
    char line[1000], data_dir[200], *why = NULL;

    if (argc != 4 || decree_transport_new(&wire.transport, &how) != 0)
        return fprintf(stderr, "usage: own_transport NAME NAMES FOLDER\n"), 1;
    snprintf(data_dir, sizeof(data_dir), "%s/%s", argv[3], argv[1]);
    options.node = (struct decree_node_options){
        .name = argv[1], .cluster = argv[2], .data_dir = data_dir, .transport = wire.transport};
    if (decree_broadcast_open(&broadcast, &options, &why) != 0)
        return fprintf(stderr, "own_transport: %s\n", why), free(why), 1;
    own = address_of(&wire, decree_transport_address(wire.transport));
    remove(own.sun_path); /* of an earlier run */
    if (bind(wire.socket, (struct sockaddr *)&own, sizeof(own)) != 0 ||
        pthread_create(&thread, NULL, receive_frames, &wire) != 0)
        return perror(own.sun_path), 1;
    while (fgets(line, sizeof(line), stdin) != NULL)
        if (decree_broadcast_send(broadcast, line, strcspn(line, "\n"), NULL, NULL) != 0)
            fprintf(stderr, "own_transport: a line was refused\n");
    decree_broadcast_close(broadcast);
    sendto(wire.socket, "", 0, 0, (struct sockaddr *)&own, sizeof(own)); /* ends the thread */
    pthread_join(thread, NULL);
    decree_transport_free(wire.transport);
    return remove(own.sun_path);
}
