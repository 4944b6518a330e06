/* SPDX-License-Identifier: MIT */
#include "cli/visit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/connection.h"
#include "cli/linux_files.h"
#include "nomount/nomount.h"
#include "run/enter.h"

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

/* A program that comes from inside has the filter already, and may not have another. */
static int run_without(const struct runtime_machine *m, char **argv)
{
    const char *own = getenv("APUS_SOCKET");
    bool inside = own && strcmp(own, m->socket) == 0;
    struct program_entry entry;
    pid_t nobody = 0;

    visit_entry_without(m->socket, &entry);
    return program_run_entered(argv, &nobody, inside ? NULL : &entry);
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

int visit_run(const struct runtime_machine *m, char **argv)
{
    struct linux_emulator qemu = {0};
    struct visit v = {0};
    char base[RUNTIME_PATH_MAX];
    int status;

    if (strcmp(m->info.mount, "no") == 0) {
        status = check_program(argv[0]);
        return status ? status : run_without(m, argv);
    }
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
