/* SPDX-License-Identifier: MIT */
/* snapshot_restore.c -- decree snapshot restore: a data directory whose member begins as a snapshot.
 *
 *     DIR/base.snapshot   the file as it is, or, with a bump, written anew
 *     DIR/identity, ...   an empty journal of the cluster that this sum makes
 *
 * The base is named last of what it takes, so that a restore that was cut off is known as such. The
 * options are those of `decree serve`, for the directory is of the cluster that serve is told of.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_options.h"
#include "commands.h"
#include "disk_journal.h"
#include "exit_status.h"
#include "fs_util.h"
#include "output.h"
#include "serve_settings.h"
#include "snapshot_commands.h"

#define PORTION_BYTES ((size_t)256 << 10)
#define REVISION_MAX ((int64_t)1 << 61)

static const char help[] =
    "Usage: decree snapshot restore FILE [OPTION...]\n"
    "Makes the data directory of a member from a snapshot: of a new cluster, whose\n"
    "store begins as the snapshot, leases too. Each of its members is restored from\n"
    "the same file; those that began otherwise refuse to work with them. What the\n"
    "ordered log and the registers had is not in it.\n"
    "\n"
    "      --data=DIR             Made here; if there is something in it, nothing is\n"
    "                             done (./decree.data)\n"
    "\n"
    " As `decree serve` will be told:\n"
    "      --name=NAME\n"
    "      --cluster=NAME=HOST:PORT,...\n"
    "      --cluster-token=WORD\n"
    "      --prepare-quorum=N, --vote-quorum=N\n"
    "      --data-dir=DIR, --initial-cluster=NAME=URL,...,\n"
    "      --initial-cluster-token=WORD\n"
    "                             As etcd calls them\n"
    "\n"
    " For clients that have seen later revisions than the snapshot has:\n"
    "      --bump-revision=N      Add N to the revision: what was written since the\n"
    "                             snapshot was taken, at least\n"
    "      --mark-compacted       With --bump-revision: all before is compacted, so\n"
    "                             that such clients are told to begin anew\n"
    "\n"
    "Examples:\n"
    "  C=n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003\n"
    "  decree snapshot restore backup --name n1 --cluster $C --data ./n1\n"
    "  decree serve --name n1 --cluster $C --data ./n1 --listen 127.0.0.1:2379\n"
    "\n"
    "Exit status: 0 restored; 64 the command line makes no sense, or FILE is no\n"
    "snapshot of decree; 74 the disk failed, or the directory is not empty; 78 FILE\n"
    "is damaged.\n";

struct restoring {
    const char *file;
    int64_t bump;
    bool mark_compacted;
    struct serve_settings settings;
    struct fs *fs;
    int out;
    uint64_t written;
    struct sha256 *sha256;
    uint8_t sum[SHA256_BYTES];
    char sentence[SENTENCE_BYTES];
};

static const char *data_dir(const struct restoring *restoring)
{
    return restoring->settings.options.data_dir;
}

static int fail_disk(struct restoring *restoring, const char *what, int error)
{
    return sentence_fail(restoring->sentence, DECREE_IO, "cannot %s in '%.300s': %s", what,
                         data_dir(restoring), strerror(-error));
}

/* ---- writing the base ---- */

static int append(struct restoring *restoring, const uint8_t *data, size_t size)
{
    int error = fs_write_all(restoring->fs, restoring->out, data, size, restoring->written);

    restoring->written += size;
    return error == 0 ? 0 : fail_disk(restoring, "write " SNAPSHOT_BASE_NAME, error);
}

static int append_summed(struct restoring *restoring, const uint8_t *data, size_t size)
{
    sha256_add(restoring->sha256, data, size);
    return append(restoring, data, size);
}

/* The store as it is by now. */
static int write_store(struct restoring *restoring, const struct kv *kv, uint8_t *portion)
{
    struct snapshot_writer *writer = snapshot_writer_new(kv);
    int error = writer == NULL ? DECREE_NOMEM : 0;

    while (error == 0 && snapshot_writer_measure(writer)) {}
    while (error == 0 && snapshot_writer_left(writer) > 0) {
        size_t size;

        error = snapshot_writer_read(writer, portion, PORTION_BYTES, &size)
                    ? append_summed(restoring, portion, size)
                    : DECREE_NOMEM;
    }
    snapshot_writer_free(writer);
    sha256_end(restoring->sha256, restoring->sum);
    return error == 0 ? append(restoring, restoring->sum, SHA256_BYTES) : error;
}

/* The file as it is: it was read before, and must be what it was. */
static int copy_file(struct restoring *restoring, const struct snapshot_summary *summary,
                     uint8_t *portion)
{
    uint64_t data_size = summary->file_bytes - SHA256_BYTES, at = 0;
    int file, error = restoring->fs->ops->open(restoring->fs, restoring->file, FS_OPEN_READ, &file);

    if (error != 0)
        return sentence_fail(restoring->sentence, DECREE_IO, "cannot open '%.500s': %s",
                             restoring->file, strerror(-error));
    while (error == 0 && at < data_size) {
        size_t size = data_size - at < PORTION_BYTES ? (size_t)(data_size - at) : PORTION_BYTES;

        if (fs_read_all(restoring->fs, file, portion, size, at) != (ssize_t)size)
            error = sentence_fail(restoring->sentence, DECREE_IO, "cannot read '%.500s' again",
                                  restoring->file);
        else
            error = append_summed(restoring, portion, size);
        at += size;
    }
    restoring->fs->ops->close(restoring->fs, file);
    if (error != 0)
        return error;
    sha256_end(restoring->sha256, restoring->sum);
    if (memcmp(restoring->sum, summary->sum, SHA256_BYTES) != 0)
        return sentence_fail(restoring->sentence, DECREE_IO,
                             "'%.500s' was changed while it was read", restoring->file);
    return append(restoring, restoring->sum, SHA256_BYTES);
}

static int write_base(struct restoring *restoring, const struct kv *kv,
                      const struct snapshot_summary *summary, const char *path)
{
    uint8_t *portion = malloc(PORTION_BYTES);
    int error;

    restoring->sha256 = sha256_new();
    if (portion == NULL || restoring->sha256 == NULL) {
        error = DECREE_NOMEM;
        goto out;
    }
    error = restoring->fs->ops->open(restoring->fs, path, FS_OPEN_CREATE, &restoring->out);
    if (error != 0) {
        error = fail_disk(restoring, "make " SNAPSHOT_BASE_NAME, error);
        goto out;
    }
    error = restoring->bump > 0 ? write_store(restoring, kv, portion)
                                : copy_file(restoring, summary, portion);
    if (error == 0 && (error = restoring->fs->ops->sync(restoring->fs, restoring->out)) != 0)
        error = fail_disk(restoring, "sync " SNAPSHOT_BASE_NAME, error);
    restoring->fs->ops->close(restoring->fs, restoring->out);
out:
    sha256_free(restoring->sha256);
    free(portion);
    return error;
}

/* ---- the directory ---- */

static int note_entry(void *context, const char *name)
{
    bool *any = context;

    *any = *any || (strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
    return 0;
}

static int make_directory(struct restoring *restoring)
{
    bool any = false;
    int error;

    if (strlen(data_dir(restoring)) + FS_NAME_MAX >= FS_PATH_MAX)
        return sentence_fail(restoring->sentence, DECREE_INVALID,
                             "the name of the data directory is too long");
    error = restoring->fs->ops->make_directory(restoring->fs, data_dir(restoring));
    if (error == 0)
        return 0;
    if (error != -EEXIST)
        return sentence_fail(restoring->sentence, DECREE_IO,
                             "cannot make the directory '%.500s': %s", data_dir(restoring),
                             strerror(-error));
    error = restoring->fs->ops->list(restoring->fs, data_dir(restoring), note_entry, &any);
    if (error != 0)
        return fail_disk(restoring, "look", error);
    if (any)
        return sentence_fail(
            restoring->sentence, DECREE_IO,
            "'%.500s' is not empty; a snapshot is restored to a new data directory",
            data_dir(restoring));
    return 0;
}

/* An empty journal, of the member and the cluster that this base makes. */
static int make_journal(struct restoring *restoring)
{
    const struct serve_options *options = &restoring->settings.options;
    uint32_t majority = options->cluster.count / 2 + 1;
    char token[SNAPSHOT_TOKEN_BYTES], identity[CLUSTER_IDENTITY_BYTES];
    struct disk_journal_options disk = {
        .fs = restoring->fs,
        .directory = options->data_dir,
        .cluster_token = identity,
        .member_name = cluster_spec_name(&options->cluster, options->self),
        .member_id = options->self,
    };
    struct disk_journal *journal;
    struct store_error store_error = {0};
    int error = snapshot_base_token(options->cluster_token, restoring->sum, token,
                                    restoring->sentence);

    if (error != 0)
        return error;
    (void)cluster_spec_identity(
        &options->cluster, token, options->prepare_quorum > 0 ? options->prepare_quorum : majority,
        options->vote_quorum > 0 ? options->vote_quorum : majority, identity);
    error = disk_journal_open(&journal, &disk, &store_error);
    if (error != 0)
        return sentence_fail(restoring->sentence, error, "%s", store_error.text);
    disk_journal_close(journal);
    return 0;
}

static int make_data(struct restoring *restoring, const struct kv *kv,
                     const struct snapshot_summary *summary)
{
    char part[FS_PATH_MAX], path[FS_PATH_MAX];
    int error = make_directory(restoring);

    if (error != 0)
        return error;
    fs_path(part, data_dir(restoring), SNAPSHOT_BASE_NAME ".part");
    fs_path(path, data_dir(restoring), SNAPSHOT_BASE_NAME);
    error = write_base(restoring, kv, summary, part);
    if (error == 0)
        error = make_journal(restoring);
    if (error != 0)
        return error;
    error = restoring->fs->ops->rename(restoring->fs, part, path);
    if (error == 0)
        error = restoring->fs->ops->sync_directory(restoring->fs, data_dir(restoring));
    return error == 0 ? 0 : fail_disk(restoring, "name " SNAPSHOT_BASE_NAME, error);
}

/* ---- the whole ---- */

static void out_of_memory(void *context, size_t size)
{
    fprintf(stderr, "decree snapshot restore: out of memory, of %zu bytes more, for '%s'\n", size,
            (const char *)context);
    _Exit(exit_status(DECREE_NOMEM));
}

static int restore(struct restoring *restoring, int64_t *ret_revision)
{
    struct kv_options options = {.context = (void *)(uintptr_t)restoring->file,
                                 .out_of_memory = out_of_memory};
    struct snapshot_summary summary;
    struct kv *kv;
    int error = snapshot_file_load(restoring->file, &options, &kv, &summary, restoring->sentence);

    if (error != 0)
        return error;
    if (kv_revision(kv) > REVISION_MAX - restoring->bump)
        error = sentence_fail(restoring->sentence, DECREE_INVALID,
                              "--bump-revision would go past the last revision");
    if (error == 0) {
        kv_begin_cluster(kv, restoring->bump);
        error = make_data(restoring, kv, &summary);
    }
    *ret_revision = kv_revision(kv);
    kv_free(kv);
    return error;
}

static int complain(const char *sentence)
{
    fprintf(stderr, "decree snapshot restore: %s\n", sentence);
    return EXIT_USAGE;
}

static bool parse_bump(const char *text, int64_t *ret_bump)
{
    uint64_t bump = 0;
    bool good = number_parse(text, 0, KV_BUMP_MAX, &bump);

    *ret_bump = (int64_t)bump;
    return good;
}

/* Takes the options out that serve does not have; -1: all is well, else an exit status. */
static int take_own_options(struct restoring *restoring, int *argc, char **argv)
{
    static const char bump[] = "--bump-revision";
    int kept = 1;

    for (int i = 1; i < *argc; i++) {
        const char *word = argv[i], *value = NULL;

        if (strcmp(word, "--help") == 0 || strcmp(word, "-?") == 0) {
            fputs(help, stdout);
            return EXIT_OK;
        }
        if (strcmp(word, "--mark-compacted") == 0) {
            restoring->mark_compacted = true;
            continue;
        }
        if (strcmp(word, bump) == 0)
            value = ++i < *argc ? argv[i] : "";
        else if (strncmp(word, bump, sizeof(bump) - 1) == 0 && word[sizeof(bump) - 1] == '=')
            value = word + sizeof(bump);
        if (value == NULL)
            argv[kept++] = argv[i];
        else if (!parse_bump(value, &restoring->bump))
            return complain("--bump-revision must be a number, of revisions to add");
    }
    *argc = kept;
    argv[kept] = NULL;
    return restoring->mark_compacted == (restoring->bump > 0)
               ? -1
               : complain("--bump-revision and --mark-compacted go together");
}

int snapshot_restore(int argc, char **argv)
{
    static struct restoring restoring;
    struct serve_arguments arguments = {0};
    int64_t revision = 0;
    int status = take_own_options(&restoring, &argc, argv), error;

    if (status >= 0)
        return status;
    if (argc < 2 || argv[1][0] == '-')
        return complain("say from what, first: decree snapshot restore FILE --name ... --data ...");
    restoring.file = argv[1];
    restoring.fs = fs_system();
    serve_arguments_parse(&arguments, "decree snapshot restore FILE", argc - 1, argv + 1);
    error = serve_settings_read(&restoring.settings, &arguments, restoring.sentence);
    if (error == 0)
        error = restore(&restoring, &revision);
    if (error != 0) {
        if (restoring.sentence[0] == '\0')
            snprintf(restoring.sentence, sizeof(restoring.sentence), "%s",
                     decree_error_text(error));
        (void)complain(restoring.sentence);
        return exit_status(error);
    }
    printf("Restored '%s' to '%s' at revision %" PRId64 "\n", restoring.file, data_dir(&restoring),
           revision);
    return output_finish();
}
