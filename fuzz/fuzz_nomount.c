/* SPDX-License-Identifier: MIT */
/*
 * What a program can say without a mount: the first bytes are a system call, the rest is its path,
 * which is walked over a computer whose links come from the path, too.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/core.h"
#include "machine/config.h"
#include "nomount/syscalls.h"
#include "nomount/walk.h"

#include "fuzz.h"

static struct core *core;

static const struct sysfs_tree *tree(void)
{
    struct machine_config config;
    struct effects fx = {0};

    if (core)
        return core_tree(core, CORE_HOST_TREE);
    machine_config_default(&config);
    core = core_new(&config, &fx);
    effects_done(&fx);
    return core_tree(core, CORE_HOST_TREE);
}

/* By the last letter: a directory, a file, a link, a mount, or nothing. */
static int look(void *data, const char *path, struct walk_look *out)
{
    char last = path[strlen(path) - 1];

    out->mode = last == 'l' ? S_IFLNK : last == 'f' ? S_IFREG : S_IFDIR;
    out->device = last == 'm';
    return last == 'n' ? -ENOENT : 0;
}

static ssize_t read_link(void *data, const char *path, char *out, size_t size)
{
    const char *at = data;
    size_t len = strlen(at) / 2;

    len = len < size ? len : size;
    memcpy(out, at + strlen(at) / 2, len);
    return (ssize_t)len;
}

static void decode(const uint8_t *data, size_t len)
{
    struct seccomp_data call = {0};
    struct nomount_request r;

    memcpy(&call, data, len < sizeof call ? len : sizeof call);
    if (len)
        call.nr = nomount_syscalls[data[0] % nomount_syscall_count].number;
    if (!nomount_decode(&call, &r))
        return;
    fuzz_check(r.deed <= NOMOUNT_XATTR_LIST);
    fuzz_check(r.has_path || !r.path);
}

static void check(const struct walk_result *at, int rc)
{
    fuzz_check(rc <= 0 && rc >= -4095);
    fuzz_check(memchr(at->path, '\0', sizeof at->path));
    if (rc < 0)
        return;
    fuzz_check(*at->path == '/' && !strstr(at->path, "//") && !strstr(at->path, "/../"));
    fuzz_check(at->kind == WALK_OURS || !at->ino);
    fuzz_check(at->kind != WALK_OURS || at->exists == (at->ino != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct walk_result at;
    char path[2 * PATH_MAX];
    struct walk_world world = {tree(), look, read_link, path};
    size_t rest;

    decode(data, len);
    rest = len > 4 ? len - 4 : 0;
    rest = rest < sizeof path - 8 ? rest : sizeof path - 8;
    memcpy(path, "/sys/", 5);
    memcpy(path + 5, data + len - rest, rest);
    path[5 + rest] = '\0';
    walk_may_concern(path);
    check(&at, walk(&world, path, true, &at));
    check(&at, walk(&world, path, false, &at));
    return 0;
}
