/* SPDX-License-Identifier: MIT */
#include "cli/guest_resume.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/field.h"
#include "cli/guest_linux.h"
#include "cli/kept_guests.h"
#include "cli/linux.h"

/* Sets a variable, if the guest has it. */
static bool set(const struct kept_guest *g, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < g->environment_count; i++) {
        const char *setting = g->environment[i];

        if (strncmp(setting, name, len) == 0 && setting[len] == '=')
            return setenv(name, setting + len + 1, 1) == 0;
    }
    return false;
}

/* As it was where the guest was started. */
static int enter_place(const struct kept_guest *g)
{
    for (const char *const *s = kept_guests_settings; *s; s++)
        if (!set(g, *s))
            unsetenv(*s);
    return chdir(g->directory);
}

/* Whether the machine still has it; a question that fails is not the answer no. */
static bool has_mdev(const char *socket, const char *uuid)
{
    connection_auto *c = NULL;
    json_t *view = NULL;
    const json_t *m;
    bool found;
    size_t i;

    if (connection_open(socket, &c) == 0)
        view = connection_call(c, "status", NULL, -1);
    found = !view;
    json_array_foreach (json_object_get(view, "mdevs"), i, m)
        found |= strcmp(field_string(m, "uuid", ""), uuid) == 0;
    json_decref(view);
    return found;
}

static int start_again(const char *socket, const char *name, struct kept_guest *g)
{
    struct linux_boot boot = {
        .name = name, .mdev = g->mdev, .cpu = g->cpu, .no_snapshot = g->no_snapshot};
    int status;

    if (enter_place(g) < 0)
        return cli_error(errno, "guest '%s' cannot be started again: %s: %s", name, g->directory,
                         error_text(errno));
    if (boot.mdev && !has_mdev(socket, boot.mdev)) {
        cli_note("guest '%s' starts without a device: there is no mediated device %s any more",
                 name, boot.mdev);
        boot.mdev = NULL;
    }
    boot.words = g->words; /* linux_boot appends to them */
    boot.count = g->word_count;
    status = guest_linux_start(socket, &boot, false);
    g->words = boot.words;
    return status;
}

static int resume(const char *socket, const char *name)
{
    text_auto dir = {0}, data = {0};
    struct kept_guest g;
    int status;

    if (linux_guest_find(socket, name, &dir))
        return 0;
    if (kept_guests_read(socket, name, &data, &g))
        return 1;
    status = start_again(socket, name, &g);
    kept_guest_done(&g);
    return status;
}

int guest_resume(const char *socket, void (*each)(void *data, const char *name), void *data)
{
    struct dirent **names;
    char path[PATH_MAX];
    int count, status = 0;

    /* Guests are started from other working directories. */
    if (!realpath(socket, path))
        return cli_error(errno, "%s: %s", socket, error_text(errno));
    count = kept_guests_names(path, &names);
    for (int i = 0; i < count; i++) {
        if (resume(path, names[i]->d_name) == 0)
            each(data, names[i]->d_name);
        else
            status = 1;
    }
    kept_guests_names_done(names, count);
    return count < 0 ? 1 : status;
}
