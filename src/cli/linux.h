/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_LINUX_H
#define APUS_CLI_LINUX_H

#include <stdbool.h>

#include "base/text.h"
#include "run/runtime.h"

/*
 * Real Linux guests: QEMU processes started by the script linux/boot (docs/linux-guests.md). The
 * files of guest NAME are in the directory SOCKET.linux/NAME, where SOCKET is the control socket:
 * lock (held while QEMU runs), pid, exec.sock, console.log, qemu.log.
 */

/* The directory of a guest. False if the name is not valid: at most 63 letters, digits and . _ -,
 * not beginning with . or -. */
bool linux_guest_dir(const char *socket, const char *name, struct text *out);

/* Whether QEMU runs for the guest with this directory. */
bool linux_guest_runs(const char *dir);

/* Whether the guest of that name is one of `guest start --linux`, and runs; sets dir to its
 * directory. */
bool linux_guest_find(const char *socket, const char *name, struct text *dir);

/* Ends the QEMU of a guest, if any, waits for its end, and removes the directory. */
void linux_guest_end(const char *dir);

/* The same for all guests of a control socket. */
void linux_guests_end(const char *socket);

/* Options of commands that boot a real Linux; linux_boot_option takes them. */
enum {
    LINUX_OPT_FIRST = 512,
    LINUX_OPT_MEMORY = LINUX_OPT_FIRST,
    LINUX_OPT_CPUS,
    LINUX_OPT_KERNEL,
    LINUX_OPT_PACKAGES,
    LINUX_OPT_KERNEL_IMAGE,
    LINUX_OPT_INITRD,
    LINUX_OPT_APPEND,
    LINUX_OPT_QEMU
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
    {LINUX_OPT_QEMU, "qemu", "WORD", "one more word for QEMU's command line; repeatable"}
/* clang-format on */

/* How to boot; strings may be NULL where boot has a default. All zero is a start; linux_boot_done
 * frees it. */
struct linux_boot {
    const char *dir;    /* of the guest */
    const char *socket; /* of the guest protocol */
    const char *name, *mdev, *cpu, *parameters;
    bool lpar;          /* role lpar */
    bool sie;           /* its CPUs have what lets KVM load */
    bool console;       /* in this terminal, until the guest ends */
    bool foreign;       /* an initramfs that is not ours: nobody in it answers us */
    const char **words; /* options for boot */
    size_t count;
};

/* Takes one of LINUX_OPTIONS, with optarg. False: it is none. */
bool linux_boot_option(int option, struct linux_boot *boot);
void linux_boot_done(struct linux_boot *boot);

/*
 * Boots in a machine; NULL: it needs none. Returns the exit status: with a console that of QEMU;
 * otherwise 0 once QEMU runs. The script prints error messages itself.
 */
int linux_boot(struct linux_boot *boot, const struct runtime_machine *machine);

/* Runs a program in the guest with this directory, and returns its exit status. */
int linux_exec(const char *dir, char **argv);

/* Waits until the guest has booted. 0, or 1 after an error message. */
int linux_wait(const char *dir, const char *name);

/* The last message of the plugin, such as why the daemon refused the guest; with any, otherwise of
 * QEMU; "": none. */
void linux_last_words(const char *dir, bool any, struct text *out);

#endif
