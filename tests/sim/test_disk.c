/* SPDX-License-Identifier: MIT */
/* test_disk.c -- what the disk of the simulator keeps, and what it may forget. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk.h"

static int write_at(struct fs *fs, int file, const void *data, size_t size, uint64_t offset)
{
    struct iovec piece = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};

    return (int)fs->ops->write(fs, file, &piece, 1, offset);
}

static int open_file(struct fs *fs, enum fs_open_mode mode)
{
    int file = -1;

    assert_int_equal(fs->ops->open(fs, "/a", mode, &file), 0);
    return file;
}

static void test_synced_bytes_and_names_survive(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct disk *disk;
        struct fs *fs;
        uint8_t bytes[2000], back[2000];
        int file;

        assert_int_equal(disk_new(&disk, seed), 0);
        fs = disk_fs(disk);
        memset(bytes, 7, sizeof(bytes));
        file = open_file(fs, FS_OPEN_CREATE);
        assert_int_equal(write_at(fs, file, bytes, sizeof(bytes), 0), sizeof(bytes));
        assert_int_equal(disk_unsynced_bytes(disk), 2048);
        assert_int_equal(fs->ops->sync(fs, file), 0);
        assert_int_equal(fs->ops->sync_directory(fs, "/"), 0);
        assert_int_equal(disk_unsynced_bytes(disk), 0);
        disk_stop(disk);
        disk_crash(disk);
        file = open_file(fs, FS_OPEN_READ);
        assert_int_equal(fs->ops->read(fs, file, back, sizeof(back), 0), sizeof(back));
        assert_memory_equal(back, bytes, sizeof(bytes));
        disk_free(disk);
    }
}

/* Over many crashes each fate of a sector is seen: old, new, torn. */
static void test_unsynced_sectors_have_any_fate(void **state)
{
    unsigned old = 0, new = 0, torn = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct disk *disk;
        struct fs *fs;
        uint8_t bytes[512], back[512];
        int file;

        assert_int_equal(disk_new(&disk, seed), 0);
        fs = disk_fs(disk);
        memset(bytes, 1, sizeof(bytes));
        file = open_file(fs, FS_OPEN_CREATE);
        write_at(fs, file, bytes, sizeof(bytes), 0);
        fs->ops->sync(fs, file);
        fs->ops->sync_directory(fs, "/");
        memset(bytes, 2, sizeof(bytes));
        write_at(fs, file, bytes, sizeof(bytes), 0);
        disk_crash(disk);
        file = open_file(fs, FS_OPEN_WRITE);
        assert_int_equal(fs->ops->read(fs, file, back, sizeof(back), 0), sizeof(back));
        old += back[0] == 1 && back[511] == 1;
        new += back[0] == 2 && back[511] == 2;
        torn += back[0] == 2 && back[511] == 1;
        assert_false(back[0] == 1 && back[511] == 2);
        disk_free(disk);
    }
    assert_in_range(old, 10, 80);
    assert_in_range(new, 10, 80);
    assert_in_range(torn, 5, 50);
}

/* Between the sync of the file and that of its directory, its name may be lost. */
static void test_unsynced_names_may_vanish(void **state)
{
    unsigned kept = 0, lost = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct disk *disk;
        struct fs *fs;
        int file, error;

        assert_int_equal(disk_new(&disk, seed), 0);
        fs = disk_fs(disk);
        file = open_file(fs, FS_OPEN_CREATE);
        write_at(fs, file, "x", 1, 0);
        fs->ops->sync(fs, file);
        disk_crash(disk);
        error = fs->ops->open(fs, "/a", FS_OPEN_READ, &file);
        kept += error == 0;
        lost += error == -ENOENT;
        disk_free(disk);
    }
    assert_int_equal(kept + lost, 40);
    assert_in_range(kept, 5, 35);
}

static void test_the_end_of_a_process_loses_nothing(void **state)
{
    struct disk *disk;
    struct fs *fs;
    uint8_t back[3];
    int file, lock;

    (void)state;
    assert_int_equal(disk_new(&disk, 1), 0);
    fs = disk_fs(disk);
    file = open_file(fs, FS_OPEN_CREATE);
    write_at(fs, file, "abc", 3, 0);
    assert_int_equal(fs->ops->lock(fs, "/lock", &lock), 0);
    assert_int_equal(fs->ops->lock(fs, "/lock", &lock), -EWOULDBLOCK);
    disk_stop(disk);
    assert_int_equal(write_at(fs, file, "xyz", 3, 0), -EIO);
    disk_restart(disk);
    assert_int_equal(fs->ops->lock(fs, "/lock", &lock), 0);
    file = open_file(fs, FS_OPEN_READ);
    assert_int_equal(fs->ops->read(fs, file, back, 3, 0), 3);
    assert_memory_equal(back, "abc", 3);
    disk_free(disk);
}

static void test_a_full_disk_takes_what_needs_no_space(void **state)
{
    struct disk *disk;
    struct fs *fs;
    int file;

    (void)state;
    assert_int_equal(disk_new(&disk, 1), 0);
    fs = disk_fs(disk);
    file = open_file(fs, FS_OPEN_CREATE);
    write_at(fs, file, "abc", 3, 0);
    disk_faults(disk)->full = true;
    assert_int_equal(write_at(fs, file, "xyz", 3, 0), 3);
    assert_int_equal(write_at(fs, file, "xyz", 3, 1), -ENOSPC);
    assert_int_equal(fs->ops->reserve(fs, file, 4096), -ENOSPC);
    disk_faults(disk)->full = false;
    disk_faults(disk)->sync_fails = 1000000;
    assert_int_equal(fs->ops->sync(fs, file), -EIO);
    disk_free(disk);
}

static int count_name(void *context, const char *name)
{
    (void)name;
    ++*(unsigned *)context;
    return 0;
}

static void test_names_in_directories(void **state)
{
    struct disk *disk;
    struct fs *fs;
    unsigned count = 0;
    int file;

    (void)state;
    assert_int_equal(disk_new(&disk, 1), 0);
    fs = disk_fs(disk);
    assert_int_equal(fs->ops->open(fs, "/d/a", FS_OPEN_CREATE, &file), -ENOENT);
    assert_int_equal(fs->ops->make_directory(fs, "/d"), 0);
    assert_int_equal(fs->ops->make_directory(fs, "/d"), -EEXIST);
    assert_int_equal(fs->ops->open(fs, "/d/a", FS_OPEN_CREATE, &file), 0);
    assert_int_equal(fs->ops->open(fs, "/d/b", FS_OPEN_CREATE, &file), 0);
    assert_int_equal(fs->ops->rename(fs, "/d/a", "/d/b"), 0);
    assert_int_equal(fs->ops->open(fs, "/d/a", FS_OPEN_READ, &file), -ENOENT);
    assert_int_equal(fs->ops->list(fs, "/d", count_name, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(fs->ops->unlink(fs, "/d/b"), 0);
    assert_int_equal(fs->ops->unlink(fs, "/d/b"), -ENOENT);
    disk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synced_bytes_and_names_survive),
        cmocka_unit_test(test_unsynced_sectors_have_any_fate),
        cmocka_unit_test(test_unsynced_names_may_vanish),
        cmocka_unit_test(test_the_end_of_a_process_loses_nothing),
        cmocka_unit_test(test_a_full_disk_takes_what_needs_no_space),
        cmocka_unit_test(test_names_in_directories),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
