/* SPDX-License-Identifier: MIT */
#include "cli/linux_boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/copy.h"
#include "cli/files.h"
#include "cli/linux_files.h"
#include "cli/visit.h"
#include "run/program.h"

/* Creates SOCKET.linux, accessible only to this user, as the directory that boot makes in it. */
static bool make_parent(const char *dir)
{
    text_auto parent = {0};

    text_add(&parent, dir, (size_t)(strrchr(dir, '/') - dir));
    if (mkdir(parent.data, 0700) == 0 || errno == EEXIST)
        return true;
    cli_error(errno, "cannot create %s: %s", parent.data, error_text(errno));
    return false;
}

static void add_word(struct linux_boot *boot, const char *word)
{
    boot->words = xrealloc(boot->words, (boot->count + 2) * sizeof(*boot->words));
    boot->words[boot->count++] = word;
    boot->words[boot->count] = NULL;
}

static void add(struct linux_boot *boot, const char *option, const char *value)
{
    if (!value)
        return;
    add_word(boot, option);
    add_word(boot, value);
}

/* boot has options of the same names. */
bool linux_boot_option(int option, struct linux_boot *boot)
{
    static const char *const names[] = {"--memory",       "--cpus",   "--kernel", "--packages",
                                        "--kernel-image", "--initrd", "--append", "--qemu"};

    if (option == LINUX_OPT_VERBOSE) {
        boot->verbose = true;
    } else if (option == LINUX_OPT_NO_SNAPSHOT) {
        boot->no_snapshot = true;
    } else if (option >= LINUX_OPT_MEMORY && option <= LINUX_OPT_QEMU) {
        add_word(boot, names[option - LINUX_OPT_MEMORY]);
        if (option != LINUX_OPT_PACKAGES)
            add_word(boot, optarg);
    } else {
        return false;
    }
    boot->foreign |= option == LINUX_OPT_INITRD;
    return true;
}

void linux_boot_done(struct linux_boot *boot)
{
    free(boot->words);
}

void linux_boot_limits(const struct machine_config *machine, struct linux_boot *boot)
{
    boot->flags = machine->features;
    boot->max_adapter = machine->max_adapter;
    boot->max_domain = machine->max_domain;
}

/* All options for the script. */
static void complete(struct linux_boot *boot, const char *plugin)
{
    add_word(boot, boot->console ? "--console" : "--detach");
    if (boot->sie)
        add_word(boot, "--sie");
    add(boot, "--run", boot->dir);
    add(boot, "--socket", boot->socket);
    add(boot, "--name", boot->name);
    add(boot, "--mdev", boot->mdev);
    add(boot, "--cpu", boot->cpu);
    add(boot, "--role", boot->lpar ? "lpar" : NULL);
    add(boot, "--append", boot->parameters);
    add(boot, "--plugin", plugin);
}

static int boot_it(struct linux_boot *boot, const struct runtime_machine *machine)
{
    text_auto program = {0}, plugin = {0};
    pid_t nobody = 0;
    const char **args;
    int status;

    if (!linux_tool("boot", &program))
        return PROGRAM_FAILED;
    complete(boot, files_built("qemu/apus-ap.so", &plugin) ? plugin.data : NULL);
    args = xcalloc(boot->count + 2, sizeof(*args));
    args[0] = program.data;
    memcpy(args + 1, boot->words, boot->count * sizeof(*args));
    status = machine ? visit_run(machine, (char **)args) : program_run((char **)args, &nobody);
    free(args);
    return status;
}

/* Takes an option with a value that a snapshot can have, too. */
static bool take(const char *option, const char *value, struct snapshot *out)
{
    if (strcmp(option, "--memory") == 0)
        out->memory = value;
    else if (strcmp(option, "--cpus") == 0)
        out->cpus = value;
    else if (strcmp(option, "--kernel") == 0)
        out->kernel = value;
    else
        return false;
    return true;
}

/* The snapshot that fits. Returns the option because of which none does, or NULL. */
static const char *describe(const struct linux_boot *boot, struct snapshot *out)
{
    *out = (struct snapshot){.cpu = boot->cpu,
                             .lpar = boot->lpar,
                             .sie = boot->sie,
                             .flags = boot->flags,
                             .max_adapter = boot->max_adapter,
                             .max_domain = boot->max_domain};
    for (size_t i = 0; i < boot->count; i++) {
        if (strcmp(boot->words[i], "--packages") == 0)
            out->packages = true;
        else if (take(boot->words[i], boot->words[i + 1], out))
            i++;
        else
            return boot->words[i];
    }
    if (boot->console)
        return "--console";
    return boot->no_snapshot ? "--no-snapshot" : NULL;
}

/* True: it runs. */
static bool copy_it(const struct linux_boot *boot, const struct runtime_machine *machine)
{
    struct snapshot snapshot;
    const char *alone = describe(boot, &snapshot);
    text_auto why = {0};

    if (alone)
        text_adds(&why, alone);
    else if (copy_start(boot, &snapshot, machine, &why))
        return true;
    if (boot->verbose)
        cli_note("guest '%s' is booted, not copied: %s", boot->name, why.data);
    return false;
}

int linux_boot(struct linux_boot *boot, const struct runtime_machine *machine)
{
    if (!make_parent(boot->dir))
        return PROGRAM_FAILED;
    return copy_it(boot, machine) ? 0 : boot_it(boot, machine);
}
