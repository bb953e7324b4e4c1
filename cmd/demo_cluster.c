/* SPDX-License-Identifier: MIT */
/* demo_cluster.c -- folder, ports and processes of the demonstration. */
#include "demo_cluster.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

#include "run_folder.h"

#define LOG_TAIL_BYTES 1500
#define POLL_MS 10u

/* ---- folder and ports ---- */

/* A port that was free a moment ago: the kernel chose it. The socket stays open in ret_socket so
 * that the next call gets another one. */
static int free_port(int *ret_socket, uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (descriptor < 0)
        return -errno;
    if (bind(descriptor, (struct sockaddr *)&address, size) != 0 ||
        getsockname(descriptor, (struct sockaddr *)&address, &size) != 0) {
        int error = -errno;

        close(descriptor);
        return error;
    }
    *ret_socket = descriptor;
    *ret_port = ntohs(address.sin_port);
    return 0;
}

static int choose_ports(struct demo_cluster *cluster)
{
    int sockets[2 * DEMO_NODES];
    size_t count = 0;
    int error = 0;

    for (; count < 2 * DEMO_NODES; count++) {
        struct demo_node *node = &cluster->nodes[count / 2];

        error = free_port(&sockets[count], count % 2 == 0 ? &node->client_port : &node->peer_port);
        if (error != 0)
            break;
    }
    while (count > 0)
        close(sockets[--count]);
    return error;
}

int demo_cluster_init(struct demo_cluster *cluster, bool keep)
{
    const char *temporary = getenv("TMPDIR");
    size_t used = 0;
    int error;

    *cluster = (struct demo_cluster){.keep = keep};
    error = choose_ports(cluster);
    if (error != 0)
        return error;
    for (size_t i = 0; i < DEMO_NODES; i++) {
        struct demo_node *node = &cluster->nodes[i];

        snprintf(node->name, sizeof(node->name), "n%zu", i + 1);
        snprintf(node->endpoint, sizeof(node->endpoint), "127.0.0.1:%u", node->client_port);
        used += (size_t)snprintf(cluster->endpoints + used, sizeof(cluster->endpoints) - used,
                                 "%s%s", i > 0 ? "," : "", node->endpoint);
    }
    assert(used < sizeof(cluster->endpoints));
    snprintf(cluster->directory, sizeof(cluster->directory), "%s/decree-demo-XXXXXX",
             temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp");
    if (mkdtemp(cluster->directory) == NULL) {
        error = -errno;
        cluster->directory[0] = '\0';
        return error;
    }
    return 0;
}

void demo_cluster_release(struct demo_cluster *cluster, bool remove_directory)
{
    for (size_t i = 0; i < DEMO_NODES; i++)
        demo_node_kill(&cluster->nodes[i]);
    if (remove_directory && cluster->directory[0] != '\0')
        run_folder_remove(cluster->directory);
}

/* ---- processes ---- */

/* In the child, between fork and exec: only calls that are safe there. */
static void become_node(int log, bool keep, pid_t parent, char **arguments)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (!keep) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(127);
    }
    if (dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        _exit(127);
    execv("/proc/self/exe", arguments);
    _exit(127);
}

int demo_node_start(struct demo_cluster *cluster, size_t index)
{
    struct demo_node *node = &cluster->nodes[index];
    char members[160], data[DEMO_PATH_BYTES + 16], log_path[DEMO_PATH_BYTES + 16];
    char *arguments[] = {"decree",   "serve",        "--name", node->name, "--cluster", members,
                         "--listen", node->endpoint, "--data", data,       NULL};
    pid_t parent = getpid();
    size_t used = 0;
    int log;

    assert(node->pid == 0);
    for (size_t i = 0; i < DEMO_NODES; i++)
        used += (size_t)snprintf(members + used, sizeof(members) - used, "%s%s=127.0.0.1:%u",
                                 i > 0 ? "," : "", cluster->nodes[i].name,
                                 cluster->nodes[i].peer_port);
    assert(used < sizeof(members));
    snprintf(data, sizeof(data), "%s/%s", cluster->directory, node->name);
    snprintf(log_path, sizeof(log_path), "%s/%s.log", cluster->directory, node->name);
    log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        return -errno;
    node->pid = fork();
    if (node->pid == 0)
        become_node(log, cluster->keep, parent, arguments);
    close(log);
    if (node->pid < 0) {
        node->pid = 0;
        return -errno;
    }
    return 0;
}

void demo_node_kill(struct demo_node *node)
{
    if (node->pid == 0)
        return;
    kill(node->pid, SIGKILL);
    while (waitpid(node->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    node->pid = 0;
}

int demo_node_stop(struct demo_node *node, uint64_t timeout_ms)
{
    int status = 0;

    assert(node->pid != 0);
    kill(node->pid, SIGTERM);
    for (uint64_t waited_ms = 0; waited_ms < timeout_ms; waited_ms += POLL_MS) {
        if (waitpid(node->pid, &status, WNOHANG) == node->pid) {
            node->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        uv_sleep(POLL_MS);
    }
    demo_node_kill(node);
    return -1;
}

bool demo_node_has_died(struct demo_node *node)
{
    if (node->pid == 0 || waitpid(node->pid, NULL, WNOHANG) != node->pid)
        return false;
    node->pid = 0;
    return true;
}

void demo_node_print_log(const struct demo_cluster *cluster, size_t index)
{
    char path[DEMO_PATH_BYTES + 16], text[LOG_TAIL_BYTES + 1];
    FILE *file;
    size_t size;

    snprintf(path, sizeof(path), "%s/%s.log", cluster->directory, cluster->nodes[index].name);
    file = fopen(path, "r");
    if (file == NULL)
        return;
    if (fseek(file, -LOG_TAIL_BYTES, SEEK_END) != 0)
        rewind(file);
    size = fread(text, 1, LOG_TAIL_BYTES, file);
    fclose(file);
    text[size] = '\0';
    fprintf(stderr, "--- the end of %s:\n%s", path, text);
}
