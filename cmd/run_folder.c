/* SPDX-License-Identifier: MIT */
/* run_folder.c -- makes, reads and removes run folders; see run_folder.h. */
#include "run_folder.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "client_options.h"

#define HEAD "decree-processes 1 "
#define LINE_BYTES 128u
#define TRIES 64
/* Below the ports that the kernel gives to who asks for none in particular. */
#define PORT_FIRST 12000u
#define PORT_RANGE 18000u

const char *run_folder_name(const char *given)
{
    const char *named = getenv(RUN_FOLDER_VARIABLE);

    if (given != NULL)
        return given;
    return named != NULL && named[0] != '\0' ? named : RUN_FOLDER_DEFAULT;
}

void run_folder_path(const char *path, uint32_t id, const char *name, char *ret_path)
{
    int length = snprintf(ret_path, RUN_PATH_BYTES, "%s/%u%s%s", path, id, name == NULL ? "" : "/",
                          name == NULL ? "" : name);

    assert(length > 0);
    assert(length < (int)RUN_PATH_BYTES);
}

static int make_folders(const char *path, char *sentence)
{
    char part[RUN_PATH_BYTES];

    for (size_t i = 1; path[i - 1] != '\0'; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return sentence_fail(sentence, DECREE_IO, "cannot make the folder %s: %s", part,
                                 strerror(errno));
    }
    return 0;
}

/* ---- addresses ---- */

static uint32_t random_below(uint32_t bound)
{
    uint32_t number = 0;

    assert(bound > 0);
    if (uv_random(NULL, NULL, &number, sizeof(number), 0, NULL) != 0)
        number = (uint32_t)uv_hrtime();
    return number % bound;
}

static bool is_free(const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound;

    if (descriptor < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return false;
    bound = bind(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(descriptor);
    return bound;
}

static bool are_free(const struct run_folder *folder)
{
    for (uint32_t id = 0; id < folder->count; id++)
        if (!is_free(folder->host, (uint16_t)(folder->port + id)))
            return false;
    return true;
}

static void choose(struct run_folder *folder, bool own_host)
{
    if (own_host)
        snprintf(folder->host, sizeof(folder->host), "127.%u.%u.%u", 1 + random_below(254),
                 1 + random_below(254), 1 + random_below(254));
    else
        snprintf(folder->host, sizeof(folder->host), "127.0.0.1");
    folder->port = (uint16_t)(PORT_FIRST + random_below(PORT_RANGE));
    snprintf(folder->token, sizeof(folder->token), "%08x%08x", random_below(UINT32_MAX),
             random_below(UINT32_MAX));
}

/* ---- the cluster file ---- */

static bool read_number(char **rest, uint32_t most, uint32_t *ret_number)
{
    const char *word = strsep(rest, " ");
    uint64_t number = 0;
    bool good = word != NULL && number_parse(word, 0, most, &number);

    *ret_number = (uint32_t)number;
    return good;
}

static bool read_word(char **rest, char *target, size_t target_bytes)
{
    const char *word = strsep(rest, " ");
    size_t size = word == NULL ? 0 : strlen(word);

    if (size == 0 || size >= target_bytes)
        return false;
    memcpy(target, word, size + 1);
    return true;
}

static bool parse(struct run_folder *folder, char *line)
{
    char *rest = line + strlen(HEAD);
    uint32_t port = 0;
    bool good;

    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, HEAD, strlen(HEAD)) != 0)
        return false;
    good = read_number(&rest, DECREE_MEMBERS_MAX, &folder->count) &&
           read_word(&rest, folder->host, sizeof(folder->host)) &&
           read_number(&rest, UINT16_MAX - DECREE_MEMBERS_MAX, &port) &&
           read_word(&rest, folder->token, sizeof(folder->token)) && rest == NULL;
    folder->port = (uint16_t)port;
    return good && folder->count > 0;
}

/* NOT_FOUND: there is none yet. */
static int read_cluster(struct run_folder *folder, const char *path, char *sentence)
{
    char line[LINE_BYTES];
    FILE *file = fopen(path, "re");
    bool good;

    if (file == NULL && errno == ENOENT)
        return DECREE_NOT_FOUND;
    if (file == NULL)
        return sentence_fail(sentence, DECREE_IO, "cannot read %s: %s", path, strerror(errno));
    good = fgets(line, sizeof(line), file) != NULL && parse(folder, line);
    fclose(file);
    if (!good)
        return sentence_fail(
            sentence, DECREE_CORRUPT,
            "%s is not what `decree process` writes; name another folder with --dir", path);
    return 0;
}

static int write_cluster(const struct run_folder *folder, const char *path, char *sentence)
{
    char mine[RUN_PATH_BYTES + 32];
    FILE *file;
    int error = 0;

    snprintf(mine, sizeof(mine), "%s.%d", path, (int)getpid());
    file = fopen(mine, "we");
    if (file == NULL)
        return sentence_fail(sentence, DECREE_IO, "cannot write %s: %s", mine, strerror(errno));
    fprintf(file, HEAD "%u %s %u %s\n", folder->count, folder->host, (unsigned)folder->port,
            folder->token);
    if (fclose(file) != 0 || (link(mine, path) != 0 && errno != EEXIST))
        error = sentence_fail(sentence, DECREE_IO, "cannot write %s: %s", path, strerror(errno));
    unlink(mine);
    return error;
}

/* Whoever of several processes is first decides; the others read what it wrote. */
static int make_cluster(struct run_folder *folder, const char *path, char *sentence)
{
    int error;

    for (int tries = 0; tries < TRIES; tries++) {
        choose(folder, tries < TRIES / 2);
        if (!are_free(folder))
            continue;
        error = write_cluster(folder, path, sentence);
        return error != 0 ? error : read_cluster(folder, path, sentence);
    }
    return sentence_fail(sentence, DECREE_IO,
                         "found no free ports for %u processes on the loopback network",
                         folder->count);
}

int run_folder_open(struct run_folder *folder, const char *path, uint32_t count, char *sentence)
{
    char cluster[RUN_PATH_BYTES];
    int error;

    assert(count > 0);
    assert(count <= DECREE_MEMBERS_MAX);
    *folder = (struct run_folder){.count = count};
    if (path[0] == '\0' || strlen(path) >= RUN_PATH_BYTES - 32)
        return sentence_fail(sentence, DECREE_INVALID,
                             "the name of the folder is empty or too long: '%.80s'", path);
    snprintf(folder->path, sizeof(folder->path), "%s", path);
    snprintf(cluster, sizeof(cluster), "%s/cluster", path);
    error = make_folders(path, sentence);
    if (error == 0)
        error = read_cluster(folder, cluster, sentence);
    if (error == DECREE_NOT_FOUND)
        error = make_cluster(folder, cluster, sentence);
    if (error == 0 && folder->count != count)
        return sentence_fail(
            sentence, DECREE_INVALID,
            "the folder %s was made for %u processes, not %u; remove it, or name another with "
            "--dir",
            path, folder->count, count);
    return error;
}

void run_folder_cluster(const struct run_folder *folder, struct cluster_spec *ret_cluster)
{
    assert(folder->count <= DECREE_MEMBERS_MAX);
    *ret_cluster = (struct cluster_spec){.count = folder->count};
    for (uint32_t id = 0; id < folder->count; id++) {
        struct cluster_member *member = &ret_cluster->members[id];

        snprintf(member->name, sizeof(member->name), "%u", id);
        snprintf(member->host, sizeof(member->host), "%s", folder->host);
        member->port = (uint16_t)(folder->port + id);
    }
}

/* ---- fresh ones ---- */

void run_folder_fresh_root(char *ret_path)
{
    const char *temporary = getenv("TMPDIR");

    snprintf(ret_path, RUN_PATH_BYTES, "%.900s/decree-%u",
             temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp", (unsigned)geteuid());
}

int run_folder_make_fresh(char *ret_path, char *sentence)
{
    char root[RUN_PATH_BYTES];
    struct stat status;

    run_folder_fresh_root(root);
    if (mkdir(root, 0700) != 0 && errno != EEXIST)
        return sentence_fail(sentence, DECREE_IO, "cannot make the folder %s: %s", root,
                             strerror(errno));
    if (lstat(root, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid())
        return sentence_fail(sentence, DECREE_IO,
                             "%s is somebody else's; set TMPDIR, or name a folder with --dir",
                             root);
    snprintf(ret_path, RUN_PATH_BYTES, "%.980s/master-XXXXXX", root);
    if (mkdtemp(ret_path) == NULL)
        return sentence_fail(sentence, DECREE_IO, "cannot make a folder in %s: %s", root,
                             strerror(errno));
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void run_folder_remove(const char *path)
{
    assert(path[0] != '\0');
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
