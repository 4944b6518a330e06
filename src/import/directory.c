/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "import/collection.h"
#include "import/member.h"
#include "import/read.h"

/*
 * A directory with copies, or /sys itself, where only what belongs to the AP is looked at. Links
 * are never followed.
 */

/* Below this nothing of ours is found. */
#define DEPTH_MAX 20

struct walk {
    struct known *k;
    const char *root;
    bool deep; /* something lies below DEPTH_MAX */
    unsigned unread;
    char first[256]; /* of those that could not be read */
    int error;
    struct text data;
};

static void unread(struct walk *w, const char *path, int error)
{
    if (w->unread++)
        return;
    w->error = error;
    snprintf(w->first, sizeof w->first, "%.255s", path);
}

static bool load(struct walk *w, const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char block[4096];
    ssize_t got = -1;

    text_clear(&w->data);
    while (fd >= 0 && (got = read(fd, block, sizeof block)) > 0 && w->data.len <= MEMBER_MAX)
        text_add(&w->data, block, (size_t)got);
    if (got)
        unread(w, path, got > 0 ? EFBIG : errno);
    if (fd >= 0)
        close(fd);
    return got == 0;
}

static void file_read(struct walk *w, const char *path)
{
    struct slice data;

    if (!load(w, path))
        return;
    data = (struct slice){w->data.data ? w->data.data : "", w->data.len};
    member_file(w->k, w->root, path, data);
}

static void nested(struct walk *w, const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    text_auto why = {0};

    if (fd < 0) {
        unread(w, path, errno);
        return;
    }
    if (archive_file(w->k, path, fd, &why) < 0)
        known_note(w->k, NOTE_MISSING, 0, "%.300s: %s", path, why.data);
    close(fd);
}

static void link_read(struct walk *w, const char *path)
{
    char target[4096];
    ssize_t len = readlink(path, target, sizeof target - 1);

    if (len < 0) {
        unread(w, path, errno);
        return;
    }
    target[len] = '\0';
    member_link(w->k, w->root, path, target);
}

enum folder { FOLDER_UNSEEN, FOLDER_SYS, FOLDER_OTHER };

static bool has(const FTSENT *folder, const char *name)
{
    text_auto path = {0};
    struct stat st;

    text_add(&path, folder->fts_path, folder->fts_pathlen);
    text_addf(&path, "/%s", name);
    return lstat(path.data, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Whether the folder is a /sys or a copy of it, and not just one that has the name of a part. */
static bool is_sys(FTSENT *folder)
{
    if (folder->fts_number == FOLDER_UNSEEN)
        folder->fts_number =
            has(folder, "bus") && has(folder, "devices") ? FOLDER_SYS : FOLDER_OTHER;
    return folder->fts_number == FOLDER_SYS;
}

/* Of the devices and buses of a /sys only those of the AP are entered. */
static bool is_foreign(const FTSENT *e)
{
    const char *parent = e->fts_parent->fts_name;
    bool in_sys = strcmp(parent, "bus") == 0 || strcmp(parent, "devices") == 0;

    return in_sys && strcmp(e->fts_name, "ap") != 0 && strcmp(e->fts_name, "vfio_ap") != 0 &&
           e->fts_parent->fts_level > 0 && is_sys(e->fts_parent->fts_parent);
}

/* What a /sys has beside bus and devices. */
static bool is_other_part(const FTSENT *e)
{
    static const char *const parts[] = {"block",      "class",  "dev",    "firmware", "fs",
                                        "hypervisor", "kernel", "module", "power"};

    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(e->fts_name, parts[i]) == 0)
            return is_sys(e->fts_parent);
    return false;
}

static bool is_too_deep(struct walk *w, const FTSENT *e)
{
    w->deep |= e->fts_level > DEPTH_MAX;
    return e->fts_level > DEPTH_MAX;
}

static bool is_leaf(const FTSENT *e)
{
    return e->fts_info == FTS_F || e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE ||
           e->fts_info == FTS_NSOK;
}

/* Most files of a copy are of no interest, and are not even asked what they are. */
static void leaf_read(struct walk *w, const FTSENT *e)
{
    enum member kind = member_kind(e->fts_path, (unsigned)e->fts_level);
    struct stat st;

    if (kind == MEMBER_NONE)
        return;
    if (lstat(e->fts_path, &st) < 0)
        unread(w, e->fts_path, errno);
    else if (S_ISREG(st.st_mode) && kind == MEMBER_ARCHIVE)
        nested(w, e->fts_path);
    else if (S_ISREG(st.st_mode))
        file_read(w, e->fts_path);
    else if (S_ISLNK(st.st_mode) && kind == MEMBER_SYSFS)
        link_read(w, e->fts_path);
}

static void entry_read(struct walk *w, FTS *tree, FTSENT *e)
{
    known_progress(w->k);
    if (e->fts_info == FTS_D && e->fts_level > 0 &&
        (is_too_deep(w, e) || is_foreign(e) || is_other_part(e)))
        fts_set(tree, e, FTS_SKIP);
    else if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
        unread(w, e->fts_path, e->fts_errno);
    else if (is_leaf(e))
        leaf_read(w, e);
}

int directory_read(struct known *k, const char *path, struct text *why)
{
    char *copy = xstrdup(path), *roots[] = {copy, NULL};
    struct walk w = {.k = k, .root = path};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW | FTS_NOSTAT, NULL);
    int rc = tree ? 0 : -errno;

    for (FTSENT *e; tree && (e = fts_read(tree));)
        entry_read(&w, tree, e);
    if (rc < 0)
        text_adds(why, error_text(-rc));
    else
        fts_close(tree);
    if (w.deep)
        known_note(k, NOTE_MISSING, 0, "%s: folders deeper than %d are not read", path, DEPTH_MAX);
    if (w.unread)
        known_note(k, NOTE_MISSING, 0, "%s: %u files could not be read, first %s: %s", path,
                   w.unread, w.first, error_text(w.error));
    text_done(&w.data);
    free(copy);
    return rc;
}
