/* SPDX-License-Identifier: MIT */
/* disk_names.c -- a list; there are few names. */
#include "disk_names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void disk_names_release(struct disk_names *names)
{
    free(names->names);
    *names = (struct disk_names){0};
}

struct disk_name *disk_names_find(const struct disk_names *names, const char *path)
{
    for (unsigned i = 0; i < names->count; i++)
        if (strcmp(names->names[i].path, path) == 0)
            return &names->names[i];
    return NULL;
}

static void names_reserve(struct disk_names *names, unsigned count)
{
    if (count <= names->capacity)
        return;
    names->capacity = count < 16 ? 16 : 2 * count;
    names->names = realloc(names->names, names->capacity * sizeof(*names->names));
    assert(names->names != NULL);
}

static void names_set(struct disk_names *names, const char *path, struct disk_file *file)
{
    struct disk_name *name = disk_names_find(names, path);

    assert(strlen(path) < DISK_PATH_MAX);
    if (name == NULL) {
        names_reserve(names, names->count + 1);
        name = &names->names[names->count++];
        memcpy(name->path, path, strlen(path) + 1);
    }
    name->file = file;
}

static void names_remove(struct disk_names *names, struct disk_name *name)
{
    assert(names->count > 0);
    *name = names->names[--names->count];
}

void disk_names_change(struct disk_names *names, const struct disk_change *change)
{
    if (change->from[0] != '\0') {
        struct disk_name *name = disk_names_find(names, change->from);

        if (name == NULL)
            return;
        names_remove(names, name);
    }
    if (change->to[0] != '\0')
        names_set(names, change->to, change->file);
}

void disk_names_copy(struct disk_names *names, const struct disk_names *from)
{
    names_reserve(names, from->count);
    if (from->count > 0)
        memcpy(names->names, from->names, from->count * sizeof(*names->names));
    names->count = from->count;
}

void disk_names_drop_orphans(struct disk_names *names)
{
    for (unsigned i = 0; i < names->count;) {
        if (disk_names_has_parent(names, names->names[i].path)) {
            i++;
            continue;
        }
        names_remove(names, &names->names[i]);
        i = 0;
    }
}

bool disk_names_has_parent(const struct disk_names *names, const char *path)
{
    char parent[DISK_PATH_MAX];
    const char *slash = strrchr(path, '/');

    assert(slash != NULL);
    assert((size_t)(slash - path) < sizeof(parent));
    if (slash == path)
        return true;
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = '\0';
    return disk_names_find(names, parent) != NULL;
}

bool disk_path_in(const char *path, const char *directory)
{
    size_t size = strlen(directory);

    if (strcmp(directory, "/") == 0)
        return path[0] == '/' && path[1] != '\0' && strchr(path + 1, '/') == NULL;
    return strncmp(path, directory, size) == 0 && path[size] == '/' &&
           strchr(path + size + 1, '/') == NULL;
}

void disk_change_make(struct disk_change *ret_change, const char *from, const char *to,
                      struct disk_file *file)
{
    assert(strlen(from) < DISK_PATH_MAX);
    assert(strlen(to) < DISK_PATH_MAX);
    memcpy(ret_change->from, from, strlen(from) + 1);
    memcpy(ret_change->to, to, strlen(to) + 1);
    ret_change->file = file;
}

bool disk_change_in(const struct disk_change *change, const char *directory)
{
    return disk_path_in(change->from[0] != '\0' ? change->from : change->to, directory);
}
