/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_START_H
#define APUS_CLI_START_H

#include "cli/command.h"
#include "cli/linux_files.h"
#include "run/compose.h"
#include "run/daemon.h"
#include "run/program.h"
#include "run/runtime.h"

/* Starting a machine whose programs see it in /sys: 'apus run' and 'apus up'. */

enum start_option {
    START_ABI = 256,
    START_RECORD,
    START_APPEND,
    START_FORCE,
    START_UEVENTS,
    START_IOCTL,
    START_HOST_ETC,
    START_STATE,
    START_SYNC,
    START_SECCOMP,
    START_NO_MOUNT,
    START_NO_TOOLS, /* of 'apus run' alone, as is START_NO_MOUNT */
    START_NODES,
    START_RECORD_KEYS,
    START_METRICS,
    START_NO_GUESTS /* of 'apus up' alone */
};

#define START_OPTIONS                                                                              \
    {'m', "machine", "FILE", "the machine, see apus-machine(5) (default: the worked example's)"},  \
        {'v', "verbose", NULL, "show the message log on standard error"},                          \
        {START_ABI, "abi", "PROFILE", "proposal or upstream; overrides FILE"},                     \
        {START_STATE, "state", "DIR", "keep the machine in DIR, and go on with what is in it"},    \
        {START_METRICS, "metrics", "WHERE",                                                        \
         "serve metrics at this path or port, or off (of 'apus up': in its directory)"},           \
        {START_SYNC, "sync", NULL, "what is acknowledged also survives a loss of power"},          \
        {START_RECORD, "record", "FILE", "record every command to FILE, see 'apus replay'"},       \
        {START_RECORD_KEYS, "record-keys", "yes|no",                                               \
         "with the private keys of requests (default: no)"},                                       \
        {START_APPEND, "append", NULL, "append to FILE"},                                          \
        {START_FORCE, "force", NULL, "replace the contents of FILE"},                              \
        {START_UEVENTS, "uevents", NULL, "send uevents, in a separate network namespace"},         \
        {START_IOCTL, "ioctl", "WAY", "fuse (default), or notify: nodes are character devices"},   \
        {START_NODES, "nodes", "KIND",                                                             \
         "cuse or cuse:PREFIX: nodes are real devices, in the computer's /dev, too"},              \
        {START_SECCOMP, "seccomp", "ACTION",                                                       \
         "confines the daemon: kill, log or off, see 'apus daemon'"},                              \
        {START_HOST_ETC, "host-etc", NULL,                                                         \
         "use this computer's /etc, even for what becomes persistent"},                            \
    {                                                                                              \
        0                                                                                          \
    }

struct start {
    struct daemon_start how;
    struct text program; /* the daemon */
    bool uevents, notify, host_etc, no_guests, no_mount, no_tools;
    bool mounts;      /* some option requires it */
    bool metrics_off; /* not even where they are by default */
    char shadow[RUNTIME_PATH_MAX], metrics[RUNTIME_PATH_MAX];
    struct linux_emulator qemu;
    char base[RUNTIME_PATH_MAX];
    struct runtime runtime;
    struct daemon_process daemon;
};

#define START_INIT                                                                                 \
    {                                                                                              \
        .how = {.fuse = -1, .uevents = -1, .machine_text = -1}, .daemon = DAEMON_PROCESS_INIT      \
    }

/* Takes all options of the command. An exit status, 0 or 2. */
int start_parse(int argc, char **argv, struct start *s);

/*
 * Loads the machine file, and makes the directory of a machine called name (runtime_create).
 * program: one that there has to be, or NULL. An exit status; start_done follows in any case.
 */
int start_prepare(struct start *s, const char *program, const char *name);

/*
 * Decides that programs get the machine without a mount, and says so, if one is not possible here
 * and no option requires it. Before start_machine.
 */
void start_choose(struct start *s);

/*
 * Moves this process into the machine's namespaces, starts the daemon, and lays out /sys, /dev,
 * /run and /etc. leave: the daemon stays when this process ends. An exit status; start_end follows
 * if it is 0, and the daemon does not stay.
 */
int start_machine(struct start *s, bool leave);

/* Ends the daemon, which is 0 if it has ended already, and removes the directory. False, after an
 * error message: the daemon had been killed. */
bool start_end(struct start *s);
void start_done(struct start *s);

#endif
