/* SPDX-License-Identifier: MIT */
#include "cli/files.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

/* The directory of this program, with a slash at the end. */
static void own_dir(struct text *out)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    path[len < 0 ? 0 : len] = '\0';
    if (strrchr(path, '/'))
        strrchr(path, '/')[1] = '\0';
    text_adds(out, path);
}

/* Others may write to what is beside an installation that was unpacked in /tmp, for example. */
bool files_built(const char *relative, struct text *out)
{
    static const char place[] = "/src/cli/";
    size_t len = sizeof(place) - 1;

    text_clear(out);
    own_dir(out);
    if (out->len < len || strcmp(out->data + out->len - len, place) != 0)
        return false;
    text_addf(out, "../../%s", relative);
    return access(out->data, R_OK) == 0;
}

void files_installed(const char *dir, const char *name, struct text *out)
{
    text_clear(out);
    if (*dir != '/') {
        own_dir(out);
        text_adds(out, "../");
    }
    text_addf(out, "%s/apus/%s", dir, name);
}

bool files_program(const char *name, struct text *out)
{
    files_installed(APUS_LIBEXECDIR, name, out);
    if (access(out->data, X_OK) == 0)
        return true;
    return cli_error(errno, "%s does not exist; is apus installed completely?", out->data), false;
}
