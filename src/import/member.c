/* SPDX-License-Identifier: MIT */
#include "import/member.h"

#include <string.h>

#include "import/read.h"

static bool ends(const char *path, const char *end)
{
    size_t len = strlen(path), tail = strlen(end);

    return len >= tail && strcmp(path + len - tail, end) == 0;
}

/* In a folder of that name, at any depth below it. */
static bool below(const char *path, const char *folder)
{
    for (const char *at = path; (at = strstr(at, folder)); at++)
        if (at == path || at[-1] == '/')
            return true;
    return false;
}

static bool is_archive(const char *base)
{
    static const char *const endings[] = {".tgz",     ".tar",  ".tar.gz",  ".tar.xz", ".txz",
                                          ".tar.bz2", ".tbz2", ".tar.zst", ".tzst"};

    for (unsigned i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (ends(base, endings[i]))
            return true;
    return false;
}

/* Definitions of the guests, not of networks or what libvirt starts by itself. */
static bool is_domain(const char *path)
{
    return ends(path, ".xml") &&
           (below(path, "etc/libvirt/qemu/") || below(path, "run/libvirt/qemu/")) &&
           !below(path, "networks/") && !below(path, "autostart/") && !below(path, "nwfilter/");
}

/* /etc/mdevctl.d/PARENT/UUID */
static bool is_definition(const char *path)
{
    const char *base = read_base(path);
    struct uuid uuid;

    return below(path, "etc/mdevctl.d/") &&
           read_uuid((struct slice){base, strnlen(base, UUID_TEXT - 1)}, &uuid);
}

static bool is_text(const char *path)
{
    const char *base = read_base(path);

    return is_domain(path) || is_definition(path) || ends(path, "proc/cmdline") ||
           strcmp(base, "runtime.out") == 0 || strcmp(base, "kvm_runtime.out") == 0 ||
           (below(path, "sos_commands/s390/") && strncmp(base, "lszcrypt", 8) == 0) ||
           (below(path, "sos_commands/") && strncmp(base, "virsh_-r_list", 13) == 0);
}

/* What somebody has put beside the copy of /sys. */
static bool is_loose(const char *base)
{
    static const char *const endings[] = {".json", ".xml", ".yaml", ".yml", ".txt", "cmdline"};

    for (unsigned i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (ends(base, endings[i]))
            return true;
    return false;
}

enum member member_kind(const char *path, unsigned depth)
{
    if (sysfs_wanted(path))
        return MEMBER_SYSFS;
    if (is_text(path))
        return MEMBER_TEXT;
    if (is_archive(read_base(path)))
        return MEMBER_ARCHIVE;
    return depth <= MEMBER_LOOSE_DEPTH && is_loose(read_base(path)) ? MEMBER_LOOSE : MEMBER_NONE;
}

void member_file(struct known *k, const char *collection, const char *path, struct slice data)
{
    text_auto name = {0}, why = {0};

    if (sysfs_wanted(path)) {
        known_source(k, collection, RANK_SYSFS);
        sysfs_attribute(k, path, data);
        return;
    }
    text_addf(&name, "%s:%.300s", collection, path);
    if (!is_text(path) && !read_is_known(name.data, data)) {
        known_note(k, NOTE_MISSING, 0, "%s: not recognised, and left out", name.data);
        return;
    }
    if (read_any(k, name.data, data, &why) < 0)
        known_note(k, NOTE_MISSING, 0, "%s: %s", name.data, why.data);
}

void member_link(struct known *k, const char *collection, const char *path, const char *target)
{
    known_source(k, collection, RANK_SYSFS);
    sysfs_link(k, path, target);
}
