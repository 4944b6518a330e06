/* SPDX-License-Identifier: MIT */
#include "cli/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apus/guest_protocol.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/linux.h"
#include "cli/linux_files.h"
#include "cli/qmp.h"
#include "run/program.h"

#define PREFIX   "snapshot-"
#define NEW      ".new"
#define UNUSED_S 86400 /* as images in linux/build-image */
#define BOOT_MS  300000
#define POLL_MS  20
#define IDLE_MS  200 /* what init started in the background ends */
#define WAITS    "apus: guest waits"

static bool add_file(const char *path, struct text *out, struct text *why)
{
    if (linux_read(path, out))
        return true;
    text_addf(why, "cannot read %s: %s", path, error_text(errno));
    return false;
}

/* FNV-1a. It tells our own files apart, of one size or not; nobody gains by two that are alike. */
static uint64_t checksum(const struct text *content)
{
    uint64_t sum = 0xcbf29ce484222325;

    for (size_t i = 0; i < content->len; i++)
        sum = (sum ^ (uint8_t)content->data[i]) * 0x100000001b3;
    return sum;
}

/* Appends size and checksum of a file of ours. */
static bool add_sum(const char *name, const char *path, struct text *out, struct text *why)
{
    text_auto content = {0};

    if (!add_file(path, &content, why))
        return false;
    text_addf(out, "%s %zu %016" PRIx64 "\n", name, content.len, checksum(&content));
    return true;
}

static bool add_tool(const char *name, struct text *out, struct text *why)
{
    text_auto path = {0};

    if (linux_tool(name, &path))
        return add_sum(name, path.data, out, why);
    text_addf(why, "there is no %s", name);
    return false;
}

/* Appends the list of packages of which a directory of the cache was made. */
static bool add_part(const char *cache, const char *part, struct text *out, struct text *why)
{
    text_auto path = {0};

    text_addf(&path, "%s/%s/stamp", cache, part);
    text_addf(out, "[%s]\n", part);
    return add_file(path.data, out, why);
}

static bool add_kernel(const char *cache, const char *suite, struct text *out, struct text *why)
{
    text_auto part = {0};

    text_addf(&part, "kernel-%s", suite ? suite : linux_default_kernel(cache));
    return add_part(cache, part.data, out, why);
}

static void add_features(const struct snapshot *s, struct text *out)
{
    text_addf(out, "limits=%x:%u:%u%s%s%s", s->flags, s->max_adapter, s->max_domain,
              s->features & GUEST_FEATURE_APFT ? "" : ",apft=off",
              s->features & GUEST_FEATURE_APQCI ? "" : ",apqci=off",
              s->features & GUEST_FEATURE_APQI ? "" : ",apqi=off");
}

static const char *or_default(const char *value)
{
    return value ? value : "default";
}

/* All that decides what is in the snapshot. False: something is missing, and why says what. */
static bool write_recipe(const struct snapshot *s, const char *cache, struct text *out,
                         struct text *why)
{
    text_auto plugin = {0};

    text_addf(out, "memory %s cpus %s cpu %s role %s%s\n", or_default(s->memory),
              or_default(s->cpus), or_default(s->cpu), s->lpar ? "lpar" : "guest",
              s->sie ? " sie" : "");
    add_features(s, out);
    text_adds(out, "\n");
    linux_plugin(&plugin);
    return add_part(cache, "qemu", out, why) && add_part(cache, "tools", out, why) &&
           (!s->packages || add_part(cache, "packages", out, why)) &&
           add_kernel(cache, s->kernel, out, why) && add_sum("plugin", plugin.data, out, why) &&
           add_tool("boot", out, why) && add_tool("build-image", out, why) &&
           add_tool("init", out, why);
}

static void name_of(const char *cache, const struct text *recipe, struct text *out)
{
    text_addf(out, "%s/" PREFIX "%016" PRIx64, cache, checksum(recipe));
}

/* Whether the snapshot is there, which counts as use. */
static bool find(const char *dir, const struct text *recipe)
{
    text_auto path = {0}, has = {0};

    text_addf(&path, "%s/recipe", dir);
    return linux_read(path.data, &has) && has.len == recipe->len &&
           memcmp(has.data, recipe->data, has.len) == 0 &&
           utimensat(AT_FDCWD, path.data, NULL, 0) == 0;
}

static void remove_dir(const char *dir)
{
    text_auto path = {0};
    const struct dirent *e;
    DIR *d = opendir(dir);

    while (d && (e = readdir(d))) {
        text_clear(&path);
        text_addf(&path, "%s/%s", dir, e->d_name);
        unlink(path.data);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

/* Whether nobody has used a snapshot for a day, or it was left unfinished: only who has the lock
 * makes one. */
static bool is_garbage(const char *cache, const char *name)
{
    text_auto path = {0};
    struct stat st;

    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || strcmp(name, PREFIX "lock") == 0)
        return false;
    text_addf(&path, "%s/%s/recipe", cache, name);
    return text_ends_with(name, NEW) || stat(path.data, &st) < 0 ||
           st.st_mtim.tv_sec + UNUSED_S < time(NULL);
}

static void remove_garbage(const char *cache)
{
    text_auto path = {0};
    const struct dirent *e;
    DIR *d = opendir(cache);

    while (d && (e = readdir(d))) {
        if (!is_garbage(cache, e->d_name))
            continue;
        text_clear(&path);
        text_addf(&path, "%s/%s", cache, e->d_name);
        /* Whoever made it may have been killed. */
        linux_guest_quit(path.data);
        remove_dir(path.data);
    }
    if (d)
        closedir(d);
}

static void add_option(const char **args, size_t *n, const char *option, const char *value)
{
    if (!value)
        return;
    args[(*n)++] = option;
    args[(*n)++] = value;
}

/* Runs linux/boot, whose messages go into a file. False: it failed, and why has the last of them.
 */
static bool boot(const struct snapshot *s, const char *dir, struct text *why)
{
    const char *args[32] = {"/bin/sh", "-c", "exec \"$@\" 2>\"$0/boot.log\"", dir};
    text_auto script = {0}, plugin = {0}, features = {0};
    pid_t nobody = 0;
    size_t n = 4;

    if (!linux_tool("boot", &script))
        return false;
    linux_plugin(&plugin);
    add_features(s, &features);
    args[n++] = script.data;
    add_option(args, &n, "--run", dir);
    add_option(args, &n, "--snapshot", features.data);
    add_option(args, &n, "--plugin", plugin.data);
    add_option(args, &n, "--memory", s->memory);
    add_option(args, &n, "--cpus", s->cpus);
    add_option(args, &n, "--kernel", s->kernel);
    add_option(args, &n, "--cpu", s->cpu);
    add_option(args, &n, "--role", s->lpar ? "lpar" : NULL);
    if (s->packages)
        args[n++] = "--packages";
    if (s->sie)
        args[n++] = "--sie";
    if (program_run((char **)args, &nobody) == 0)
        return true;
    linux_last_line(dir, "boot.log", why);
    return false;
}

/* Whether init has said that it waits. */
static bool waits(const char *dir)
{
    text_auto path = {0}, log = {0};

    text_addf(&path, "%s/console.log", dir);
    return linux_read(path.data, &log) && strstr(log.data, WAITS);
}

static bool await(const char *dir, struct text *why)
{
    for (unsigned waited = 0; waited < BOOT_MS && linux_guest_runs(dir); waited += POLL_MS) {
        if (waits(dir)) {
            linux_pause(IDLE_MS);
            return true;
        }
        linux_pause(POLL_MS);
    }
    text_adds(why, "it did not boot: ");
    linux_last_line(dir, "qemu.log", why);
    return false;
}

static bool save(const char *dir, struct text *why)
{
    text_auto path = {0};

    text_addf(&path, "%s/state", dir);
    return qmp_save(dir, path.data, why);
}

/* Leaves what copies need. */
static bool complete(const char *dir, const struct text *recipe)
{
    static const char *const files[] = {"pid",      "lock",     "exec.sock", "out.sock",
                                        "err.sock", "in.sock",  "qmp.sock",  "rescan",
                                        "begin",    "qemu.log", "boot.log"};
    text_auto path = {0};
    bool written;
    FILE *f;

    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        text_clear(&path);
        text_addf(&path, "%s/%s", dir, files[i]);
        unlink(path.data);
    }
    text_clear(&path);
    text_addf(&path, "%s/recipe", dir);
    f = fopen(path.data, "wxe");
    if (!f)
        return false;
    written = fwrite(recipe->data, 1, recipe->len, f) == recipe->len;
    return fclose(f) == 0 && written;
}

/* Makes the snapshot in DIR.new. */
static bool make(const struct snapshot *s, const char *dir, const struct text *recipe,
                 struct text *why)
{
    text_auto new = {0};
    bool made;

    text_addf(&new, "%s" NEW, dir);
    made = mkdir(new.data, 0700) == 0 && boot(s, new.data, why) && await(new.data, why) &&
           save(new.data, why);
    linux_guest_quit(new.data);
    made = made && complete(new.data, recipe) && rename(new.data, dir) == 0;
    if (!made && !why->len)
        text_addf(why, "cannot make %s: %s", dir, error_text(errno));
    if (!made)
        remove_dir(new.data);
    return made;
}

/* The second of two that need the same waits for the first. */
static bool find_or_make(const struct snapshot *s, const char *cache, const char *dir,
                         const struct text *recipe, struct text *why)
{
    text_auto path = {0};
    bool ready;
    int fd;

    text_addf(&path, "%s/" PREFIX "lock", cache);
    fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        text_addf(why, "cannot lock %s: %s", path.data, error_text(errno));
        ready = false;
    } else {
        ready = find(dir, recipe);
        if (!ready) {
            remove_garbage(cache);
            ready = make(s, dir, recipe, why);
        }
    }
    if (fd >= 0)
        close(fd);
    return ready;
}

bool snapshot_get(const struct snapshot *s, struct text *dir, struct text *why)
{
    text_auto cache = {0}, recipe = {0};

    linux_cache(&cache);
    if (!cache.len) {
        text_adds(why, "there is no cache");
        return false;
    }
    if (!write_recipe(s, cache.data, &recipe, why))
        return false;
    name_of(cache.data, &recipe, dir);
    return find(dir->data, &recipe) || find_or_make(s, cache.data, dir->data, &recipe, why);
}
