/* SPDX-License-Identifier: MIT */
/* apus guest start --linux. */
#include "cli/guest_linux.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/field.h"
#include "cli/kept_guests.h"
#include "cli/linux.h"
#include "run/program.h"
#include "store/setup.h"

#define CONNECT_TRIES 500 /* every 20 ms; QEMU loads the plugin as soon as it starts */

bool guest_linux_answers(const char *path)
{
    int fd = connection_socket(path);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int guest_linux_list(const char *socket, json_t **out)
{
    connection_auto *c = NULL;

    if (connection_open(socket, &c) < 0)
        return -1;
    *out = connection_call(c, "guest-list", NULL, -1);
    return *out ? 0 : -1;
}

const json_t *guest_linux_find(const json_t *list, const char *name)
{
    const json_t *g;
    size_t i;

    json_array_foreach (json_object_get(list, "guests"), i, g)
        if (strcmp(field_string(g, "name", ""), name) == 0)
            return g;
    return NULL;
}

/* Whether it has its CPUs and its device, which QEMU may open only after that. */
static bool is_complete(const char *socket, const struct linux_boot *boot)
{
    json_t *list = NULL;
    const json_t *g;
    bool complete;

    if (guest_linux_list(socket, &list) < 0)
        return false;
    g = guest_linux_find(list, boot->name);
    complete = g && strcmp(field_string(g, "kind", ""), "real") == 0 &&
               (!boot->mdev || strcmp(field_string(g, "mdev", ""), boot->mdev) == 0);
    json_decref(list);
    return complete;
}

/* Waits until the plugin has connected and QEMU has opened its device, or failed with a message. */
static int wait_connected(const char *socket, const struct linux_boot *boot)
{
    const struct timespec pause = {0, 20000000};
    text_auto words = {0};

    for (unsigned i = 0; i < CONNECT_TRIES && linux_guest_runs(boot->dir); i++) {
        if (is_complete(socket, boot))
            return 0;
        linux_last_words(boot->dir, false, &words);
        if (words.len)
            break;
        nanosleep(&pause, NULL);
    }
    if (!words.len)
        linux_last_words(boot->dir, true, &words);
    return cli_error(EIO, "guest '%s' did not start: %s", boot->name,
                     words.len ? words.data : "QEMU did not connect to the daemon");
}

/* The guest that has the mediated device, or NULL. */
static const char *user_of(const json_t *list, const char *mdev)
{
    const json_t *g;
    size_t i;

    json_array_foreach (json_object_get(list, "guests"), i, g)
        if (strcmp(field_string(g, "mdev", ""), mdev) == 0)
            return field_string(g, "name", "");
    return NULL;
}

/* Checks that the guest can be started. QEMU would refuse a device in use, too, in its words. */
static int check(const char *socket, const json_t *list, const struct linux_boot *boot)
{
    const char *user = boot->mdev ? user_of(list, boot->mdev) : NULL;

    if (user && strcmp(user, boot->name) != 0)
        return cli_error(EBUSY, "mediated device %s is used by guest %s", boot->mdev, user);
    if (guest_linux_find(list, boot->name))
        return cli_error(EEXIST, "guest '%s' is already running", boot->name);
    if (!json_is_string(json_object_get(list, "socket")))
        return cli_error(EOPNOTSUPP, "the daemon at %s has no guest socket", socket);
    if (linux_guest_runs(boot->dir))
        return cli_error(EEXIST,
                         "QEMU is already running for guest '%s'; 'apus guest stop %s' ends it",
                         boot->name, boot->name);
    return 0;
}

/* What a kernel reads once, at boot: a snapshot has to have it, too. */
static int take_limits(const char *socket, struct linux_boot *boot)
{
    setup_auto setup = {0};
    connection_auto *c = NULL;
    text_auto why = {0};
    json_t *answer = NULL;
    const char *text;
    int rc = -1;

    if (connection_open(socket, &c) == 0)
        answer = connection_call(c, "export", NULL, -1);
    if (answer) {
        text = field_string(answer, "machine", "");
        rc = setup_parse("the running machine", text, strlen(text), &setup, &why);
        if (rc < 0)
            cli_error(-rc, "%s", why.data);
        linux_boot_limits(&setup.machine, boot);
        json_decref(answer);
    }
    return rc < 0;
}

int guest_linux_start(const char *socket, struct linux_boot *boot, bool wait)
{
    struct runtime_machine machine;
    const size_t words = boot->count; /* linux_boot adds its own */
    text_auto dir = {0};
    json_t *list = NULL;
    int status;

    if (!linux_guest_dir(socket, boot->name, &dir))
        return cli_usage(
            "'%s' is not a valid name for a real guest; use at most 63 letters, digits "
            "and . _ -, and no . or - at the beginning",
            boot->name);
    if (guest_linux_list(socket, &list) < 0)
        return 1;
    if (runtime_of(socket, &machine) < 0) {
        json_decref(list);
        return cli_error(EOPNOTSUPP,
                         "the daemon at %s has no machine that QEMU could run in; 'apus up' and "
                         "'apus run' make one",
                         socket);
    }
    boot->dir = dir.data;
    boot->socket = field_string(list, "socket", NULL);
    status = check(socket, list, boot);
    if (status == 0)
        status = take_limits(socket, boot);
    if (status == 0) {
        status = linux_boot(boot, &machine);
        if (status == 0 && !boot->console) {
            status = wait_connected(socket, boot);
            if (status == 0)
                status = kept_guests_add(socket, boot, words);
            if (status == 0 && wait)
                status = linux_wait(boot->dir, boot->name);
        }
        if (status || boot->console)
            linux_guest_end(boot->dir);
    }
    json_decref(list);
    return status;
}

bool guest_linux_stop(const char *socket, const char *name)
{
    text_auto dir = {0};
    bool runs;

    if (!linux_guest_dir(socket, name, &dir))
        return false;
    runs = linux_guest_runs(dir.data);
    linux_guest_end(dir.data);
    return runs;
}
