/* SPDX-License-Identifier: MIT */
/* metrics_process.c -- what the system knows of this process, under the names of Prometheus' clients.
 *
 *     /proc/self/stat     ... 14 utime 15 stime ... 22 starttime, in ticks ... 23 vsize 24 rss in pages
 *     /proc/stat          btime: when the machine started
 *     /proc/self/fd       the open descriptors
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "metrics_inside.h"

#define TEXT_BYTES 1024u

struct process {
    uint64_t cpu_ticks, start_ticks, virtual_bytes, resident_pages;
};

static bool read_text(const char *path, char *ret_text)
{
    FILE *file = fopen(path, "re");
    size_t size;

    if (file == NULL)
        return false;
    size = fread(ret_text, 1, TEXT_BYTES - 1, file);
    ret_text[size] = '\0';
    fclose(file);
    return size > 0;
}

/* Fields of /proc/self/stat, counted from the first after the name; see proc(5). */
enum {
    FIELD_USER = 11,
    FIELD_SYSTEM = 12,
    FIELD_START = 19,
    FIELD_VIRTUAL,
    FIELD_RESIDENT,
    FIELDS
};

/* The name, which may hold anything, ends with the last parenthesis. */
static bool read_process(struct process *ret_process)
{
    char text[TEXT_BYTES], *at;
    uint64_t fields[FIELDS] = {0};

    if (!read_text("/proc/self/stat", text) || (at = strrchr(text, ')')) == NULL)
        return false;
    for (int i = 0; i < FIELDS; i++) {
        at = strchr(at, ' ');
        if (at == NULL)
            return false;
        fields[i] = strtoull(++at, NULL,
                             10); /* the state, a letter, and what is negative are not used */
    }
    ret_process->cpu_ticks = fields[FIELD_USER] + fields[FIELD_SYSTEM];
    ret_process->start_ticks = fields[FIELD_START];
    ret_process->virtual_bytes = fields[FIELD_VIRTUAL];
    ret_process->resident_pages = fields[FIELD_RESIDENT];
    return true;
}

static uint64_t machine_started_seconds(void)
{
    FILE *file = fopen("/proc/stat", "re");
    char line[TEXT_BYTES];
    uint64_t seconds = 0;

    while (file != NULL && seconds == 0 && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, "btime ", 6) == 0)
            seconds = strtoull(line + 6, NULL, 10);
    if (file != NULL)
        fclose(file);
    return seconds;
}

static uint64_t open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    uint64_t count = 0;

    if (directory == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count > 0 ? count - 1 : 0; /* without the directory itself */
}

static uint64_t limit_of(int resource)
{
    struct rlimit limit;

    return getrlimit((__rlimit_resource_t)resource, &limit) == 0 ? (uint64_t)limit.rlim_cur : 0;
}

static void put_number(struct byte_buffer *out, const char *name, const char *help, uint64_t number)
{
    metrics_family(out, name, "gauge", help);
    metrics_number(out, name, NULL, number);
}

void metrics_process_put(struct byte_buffer *out)
{
    double ticks = (double)sysconf(_SC_CLK_TCK);
    struct process process;

    put_number(out, "process_open_fds", "Open descriptors.", open_descriptors());
    put_number(out, "process_max_fds", "Descriptors that there may be.", limit_of(RLIMIT_NOFILE));
    if (!read_process(&process))
        return;
    metrics_family(out, "process_cpu_seconds_total", "counter",
                   "Time of processors that was used, in seconds.");
    metrics_real(out, "process_cpu_seconds_total", NULL, (double)process.cpu_ticks / ticks);
    put_number(out, "process_virtual_memory_bytes", "Virtual memory, in bytes.",
               process.virtual_bytes);
    put_number(out, "process_resident_memory_bytes", "Resident memory, in bytes.",
               process.resident_pages * (uint64_t)sysconf(_SC_PAGESIZE));
    metrics_family(out, "process_start_time_seconds", "gauge",
                   "When the process started, in seconds since 1970.");
    metrics_real(out, "process_start_time_seconds", NULL,
                 (double)machine_started_seconds() + (double)process.start_ticks / ticks);
}
