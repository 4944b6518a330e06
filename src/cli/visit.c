/* SPDX-License-Identifier: MIT */
#include "cli/visit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/linux_files.h"
#include "nomount/nomount.h"
#include "run/enter.h"
#include "run/filter.h"
#include "run/kind.h"

static int pass_listener(void *data, int listener)
{
    connection_auto *c = NULL;
    json_t *returned = NULL;
    int ret = connection_open(data, &c);

    if (ret == 0)
        returned = connection_call(c, "seccomp-listen", NULL, listener);
    json_decref(returned);
    return returned ? 0 : -EIO;
}

void visit_entry(const char *socket, bool notify, struct program_entry *out)
{
    *out = (struct program_entry){
        .hand_over = pass_listener, .zcrypt = notify, .needed = notify, .data = (void *)socket};
    program_set_environment(socket);
}

/* In front of what is preloaded already. */
static void preload(void)
{
    const char *others = getenv("LD_PRELOAD");
    text_auto all = {0};

    text_adds(&all, NOMOUNT_LIBRARY);
    if (others && *others && strncmp(others, NOMOUNT_LIBRARY, strlen(NOMOUNT_LIBRARY)) != 0)
        text_addf(&all, " %s", others);
    setenv("LD_PRELOAD", all.data, 1);
}

void visit_entry_without(const char *socket, struct program_entry *out)
{
    visit_entry(socket, true, out);
    out->paths = true;
    preload();
}

struct visit {
    struct enter enter;
    struct program_entry entry; /* of the machine */
};

static int enter(void *data)
{
    const struct visit *v = data;

    return enter_machine(&v->enter);
}

static int hand_over(void *data, int listener)
{
    const struct visit *v = data;

    return v->entry.hand_over(v->entry.data, listener);
}

/* A program that comes from inside has the filter of the one that came in. */
static int run_inside(const struct runtime_machine *m, struct visit *v, char **argv)
{
    struct program_entry entry;
    pid_t nobody = 0;

    visit_entry(m->socket, strcmp(m->info.ioctl, "notify") == 0, &v->entry);
    entry = v->entry;
    entry.enter = enter;
    entry.hand_over = v->enter.flags ? hand_over : NULL;
    entry.data = v;
    return program_run_entered(argv, &nobody, &entry);
}

int visit_badge(const char *socket, const char *guest, int64_t *out)
{
    connection_auto *c = NULL;
    json_t *returned = NULL, *badge;
    int ret = connection_open(socket, &c);

    if (ret == 0)
        returned = connection_call(c, "badge", json_pack("{s:s*}", "name", guest), -1);
    if (!returned)
        return -EIO;
    badge = json_object_get(returned, "badge");
    *out = json_is_integer(badge) ? json_integer_value(badge) : -1;
    json_decref(returned);
    return 0;
}

struct visit_without {
    const char *socket;
    int64_t badge;
};

static int wear(void *data)
{
    const struct visit_without *v = data;

    return filter_wear((uint32_t)v->badge);
}

static int hand_over_without(void *data, int listener)
{
    const struct visit_without *v = data;

    return pass_listener((void *)v->socket, listener);
}

/* The daemon can look at the processes of its own user only, and would let others see the
 * computer's files. */
static int check_user(const char *socket)
{
    struct stat st;

    if (stat(socket, &st) < 0 || st.st_uid == geteuid())
        return 0;
    cli_error(EPERM,
              "the machine is that of user %u, and without a mount only that user's programs can "
              "come in; run this as that user (setpriv, su)",
              st.st_uid);
    return -EPERM;
}

/* Whether this is a program of that machine. The variable alone says nothing; the library is there
 * for programs of a machine without a mount only. */
static bool is_inside(const char *socket)
{
    const char *own = getenv("APUS_SOCKET");
    int library =
        own && strcmp(own, socket) == 0 ? open(NOMOUNT_LIBRARY, O_RDONLY | O_CLOEXEC) : -1;

    if (library >= 0)
        close(library);
    return library >= 0;
}

/* A program that comes from inside has the filter already, and may not have another. */
int visit_run_without(const char *socket, int64_t badge, char **argv)
{
    bool inside = is_inside(socket);
    struct visit_without v = {socket, badge};
    struct program_entry entry;
    pid_t nobody = 0;

    if (!inside && check_user(socket) < 0)
        return PROGRAM_FAILED;
    kind_tell(argv);
    visit_entry_without(socket, &entry);
    entry.data = &v;
    entry.enter = badge >= 0 ? wear : NULL;
    entry.hand_over = inside ? NULL : hand_over_without;
    entry.paths = !inside;
    return program_run_entered(argv, &nobody, &entry);
}

/* 0: the program can be started. */
static int check_program(const char *name)
{
    char base[RUNTIME_PATH_MAX];

    if (runtime_base(base) < 0)
        return PROGRAM_FAILED;
    program_extend_path();
    setenv("APUS_RUNTIME_DIR", base, 1);
    return program_check(name);
}

/* From a guest it leads back to the host's system. */
static int run_without(const struct runtime_machine *m, char **argv)
{
    int64_t badge = -1;
    int status = check_program(argv[0]);

    if (status == 0 && filter_wears() && visit_badge(m->socket, NULL, &badge) < 0)
        status = PROGRAM_FAILED;
    return status ? status : visit_run_without(m->socket, badge, argv);
}

int visit_run(const struct runtime_machine *m, char **argv)
{
    struct linux_emulator qemu = {0};
    struct visit v = {0};
    char base[RUNTIME_PATH_MAX];
    int status;

    if (strcmp(m->info.mount, "no") == 0)
        return run_without(m, argv);
    if (runtime_base(base) < 0 || enter_prepare(runtime_daemon(m), &v.enter) < 0)
        return PROGRAM_FAILED;
    program_extend_path();
    if (linux_emulator_find(&qemu))
        program_prefer_dir(qemu.bin.data);
    setenv("APUS_RUNTIME_DIR", base, 1);
    status = program_check(argv[0]);
    if (status == 0)
        status = run_inside(m, &v, argv);
    linux_emulator_done(&qemu);
    enter_done(&v.enter);
    return status;
}
