/* SPDX-License-Identifier: MIT */
/* notify.c -- see notify.h. */
#include "notify.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or a name in the abstract namespace if it begins with '@'. */
static int find_address(const char *name, struct sockaddr_un *ret_address, socklen_t *ret_size)
{
    size_t length = strlen(name);

    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || length < 2)
        return EAFNOSUPPORT;
    if (length >= sizeof(ret_address->sun_path))
        return ENAMETOOLONG;
    memcpy(ret_address->sun_path, name, length);
    if (name[0] == '@')
        ret_address->sun_path[0] = '\0';
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return 0;
}

int notify_manager(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t size;
    int error, fd;

    assert(state[0] != '\0');
    if (name == NULL || name[0] == '\0')
        return 0;
    error = find_address(name, &address, &size);
    if (error != 0)
        return error;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size) < 0)
        error = errno;
    close(fd);
    return error;
}
