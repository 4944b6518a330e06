/* SPDX-License-Identifier: MIT */
#include "cli/linux_files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "run/program.h"

bool linux_tool(const char *name, struct text *out)
{
    bool is_program = strcmp(name, "linux-exec") == 0;
    text_auto relative = {0};

    text_addf(&relative, "linux/%s", name);
    if (files_built(relative.data, out))
        return true;
    return files_program(is_program ? name : relative.data, out);
}

/* Without "..", for others to see. False: not there. */
static bool resolve(struct text *path)
{
    char *real = realpath(path->data, NULL);

    text_clear(path);
    text_adds(path, real ? real : "");
    free(real);
    return path->len;
}

bool linux_read(const char *path, struct text *out)
{
    FILE *f = fopen(path, "re");
    char part[65536];
    bool complete;
    size_t n;

    if (!f)
        return false;
    text_adds(out, "");
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        text_add(out, part, n);
    complete = !ferror(f);
    fclose(f);
    return complete;
}

/* As linux/common.sh has it. */
void linux_cache(struct text *out)
{
    const char *cache = getenv("APUS_CACHE"), *xdg = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    char cwd[PATH_MAX];

    if (cache && *cache)
        text_addf(out, "%s/linux", cache);
    else if (xdg && *xdg)
        text_addf(out, "%s/apus/linux", xdg);
    else if (home && *home)
        text_addf(out, "%s/.cache/apus/linux", home);
    if (out->len && *out->data != '/' && getcwd(cwd, sizeof(cwd))) {
        text_auto relative = *out;

        *out = (struct text){0};
        text_addf(out, "%s/%s", cwd, relative.data);
    }
}

/* As linux/common.sh has it. */
const char *linux_default_kernel(const char *cache)
{
    static const char *const suites[] = {"trixie", "forky", "bookworm"};
    text_auto stamp = {0};

    for (size_t i = 0; i < sizeof(suites) / sizeof(*suites); i++) {
        text_clear(&stamp);
        text_addf(&stamp, "%s/kernel-%s/stamp", cache, suites[i]);
        if (access(stamp.data, F_OK) == 0)
            return suites[i];
    }
    return "";
}

void linux_plugin(struct text *out)
{
    if (!files_built("qemu/apus-ap.so", out))
        files_installed(APUS_LIBDIR, "apus-ap.so", out);
}

void linux_offer_tools(void)
{
    text_auto dir = {0};

    if (!files_built("linux/tools", &dir))
        files_installed(APUS_LIBEXECDIR, "linux/tools", &dir);
    if (resolve(&dir))
        program_offer_dir(dir.data);
}

bool linux_emulator_find(struct linux_emulator *out)
{
    *out = (struct linux_emulator){0};
    if (!files_built("linux/bin", &out->bin))
        files_installed(APUS_LIBEXECDIR, "bin", &out->bin);
    linux_plugin(&out->plugin);
    if (!resolve(&out->bin) || !resolve(&out->plugin)) {
        linux_emulator_done(out);
        return false;
    }
    linux_cache(&out->qemu);
    if (out->qemu.len)
        text_adds(&out->qemu, "/qemu");
    return true;
}

void linux_emulator_done(struct linux_emulator *e)
{
    text_done(&e->bin);
    text_done(&e->plugin);
    text_done(&e->qemu);
}
