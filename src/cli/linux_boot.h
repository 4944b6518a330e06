/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_LINUX_BOOT_H
#define APUS_CLI_LINUX_BOOT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/snapshot.h"
#include "machine/config.h"
#include "run/runtime.h"

/* Starting real Linux guests (linux.h). */

/* Options of commands that boot a real Linux; linux_boot_option takes them. */
enum {
    LINUX_OPT_MEMORY = 512,
    LINUX_OPT_CPUS,
    LINUX_OPT_KERNEL,
    LINUX_OPT_PACKAGES,
    LINUX_OPT_KERNEL_IMAGE,
    LINUX_OPT_INITRD,
    LINUX_OPT_APPEND,
    LINUX_OPT_QEMU,
    LINUX_OPT_NO_SNAPSHOT,
    LINUX_OPT_VERBOSE = 'v'
};
/* clang-format off */
#define LINUX_OPTIONS                                                                              \
    {LINUX_OPT_MEMORY, "memory", "MIB", "its memory in MiB (default: 512)"},                       \
    {LINUX_OPT_CPUS, "cpus", "N", "number of its CPUs (default: 1)"},                              \
    {LINUX_OPT_KERNEL, "kernel", "SUITE",                                                          \
     "the kernel of this Debian release (default: trixie, 6.12)"},                                 \
    {LINUX_OPT_PACKAGES, "packages", NULL, "with what 'apus linux fetch --package' has fetched"},  \
    {LINUX_OPT_KERNEL_IMAGE, "kernel-image", "FILE", "a kernel of your own"},                      \
    {LINUX_OPT_INITRD, "initrd", "FILE", "an initramfs of your own"},                              \
    {LINUX_OPT_APPEND, "append", "WORDS", "more for the kernel's command line"},                   \
    {LINUX_OPT_QEMU, "qemu", "WORD", "one more word for QEMU's command line; repeatable"},         \
    {LINUX_OPT_NO_SNAPSHOT, "no-snapshot", NULL, "boot it, although a snapshot could be copied"},  \
    {LINUX_OPT_VERBOSE, "verbose", NULL, "say why it is booted, if no snapshot could be copied"}
/* clang-format on */

/* How to start; strings may be NULL where boot has a default. All zero is a start; linux_boot_done
 * frees it. */
struct linux_boot {
    const char *dir;    /* of the guest */
    const char *socket; /* of the guest protocol */
    const char *name, *mdev, *cpu, *parameters;
    bool lpar;    /* role lpar */
    bool sie;     /* its CPUs have what lets KVM load */
    bool console; /* in this terminal, until the guest ends */
    bool foreign; /* an initramfs that is not ours: nobody in it answers us */
    bool no_snapshot, verbose;
    uint32_t flags; /* the limits of its machine, as in struct snapshot */
    uint8_t max_adapter, max_domain;
    const char **words; /* options for boot */
    size_t count;
};

/* Takes one of LINUX_OPTIONS, with optarg. False: it is none. */
bool linux_boot_option(int option, struct linux_boot *boot);
void linux_boot_done(struct linux_boot *boot);

/* Takes the limits of the machine from its configuration. */
void linux_boot_limits(const struct machine_config *machine, struct linux_boot *boot);

/*
 * Starts it in a machine; NULL: it needs none. A copy of a snapshot if one fits, otherwise it
 * boots. Returns the exit status: with a console that of QEMU; otherwise 0 once QEMU runs. The
 * script prints error messages itself.
 */
int linux_boot(struct linux_boot *boot, const struct runtime_machine *machine);

#endif
