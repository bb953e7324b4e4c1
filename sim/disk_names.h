/* SPDX-License-Identifier: MIT */
/* disk_names.h -- what names there are on a disk of the simulator, and changes of them that may be
 * lost.
 *
 * Paths are absolute; "/" is always there and not in the list.
 */
#ifndef DECREE_SIM_DISK_NAMES_H
#define DECREE_SIM_DISK_NAMES_H

#include <stdbool.h>

#define DISK_PATH_MAX 256

struct disk_file;

struct disk_name {
    char path[DISK_PATH_MAX];
    struct disk_file *file;
};

struct disk_names {
    struct disk_name *names;
    unsigned count, capacity;
};

/* from empty: to is made; to empty: from is removed; else a rename. */
struct disk_change {
    char from[DISK_PATH_MAX], to[DISK_PATH_MAX];
    struct disk_file *file;
};

void disk_names_release(struct disk_names *names);

/* NULL: no such name. Valid until the next change. */
struct disk_name *disk_names_find(const struct disk_names *names, const char *path);

/* Carries out a change; one whose from is not there is none. */
void disk_names_change(struct disk_names *names, const struct disk_change *change);

/* Makes names the same as from. */
void disk_names_copy(struct disk_names *names, const struct disk_names *from);

/* Forgets names whose directory is not there. */
void disk_names_drop_orphans(struct disk_names *names);

/* True if the directory that the path lies in is there. */
bool disk_names_has_parent(const struct disk_names *names, const char *path);

/* True if path lies directly in directory. */
bool disk_path_in(const char *path, const char *directory);

void disk_change_make(struct disk_change *ret_change, const char *from, const char *to,
                      struct disk_file *file);

/* True if the change is one of directory. */
bool disk_change_in(const struct disk_change *change, const char *directory);

#endif
