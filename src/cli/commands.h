/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_COMMANDS_H
#define APUS_CLI_COMMANDS_H

#include "cli/command.h"

/* All subcommands; within a group in the order of the help. */
#define CLI_COMMANDS(X)                                                                            \
    X(run)                                                                                         \
    X(up)                                                                                          \
    X(exec)                                                                                        \
    X(list)                                                                                        \
    X(down)                                                                                        \
    X(daemon)                                                                                      \
    X(status)                                                                                      \
    X(top)                                                                                         \
    X(import)                                                                                      \
    X(plan)                                                                                        \
    X(map)                                                                                         \
    X(log)                                                                                         \
    X(explain)                                                                                     \
    X(export)                                                                                      \
    X(wait)                                                                                        \
    X(events)                                                                                      \
    X(guest_start)                                                                                 \
    X(guest_stop)                                                                                  \
    X(guest_resume)                                                                                \
    X(guest_list)                                                                                  \
    X(guest_show)                                                                                  \
    X(guest_exec)                                                                                  \
    X(guest_attach)                                                                                \
    X(guest_detach)                                                                                \
    X(guest_migrate)                                                                               \
    X(linux_fetch)                                                                                 \
    X(linux_host)                                                                                  \
    X(se_show)                                                                                     \
    X(se_adapter)                                                                                  \
    X(se_lpar)                                                                                     \
    X(sclp)                                                                                        \
    X(checkstop)                                                                                   \
    X(reboot)                                                                                      \
    X(fault_add)                                                                                   \
    X(fault_scenario)                                                                              \
    X(fault_list)                                                                                  \
    X(fault_remove)                                                                                \
    X(call)                                                                                        \
    X(replay)                                                                                      \
    X(help)

#define CLI_DECLARE(name) extern const struct cli_command cmd_##name;
CLI_COMMANDS(CLI_DECLARE)
#undef CLI_DECLARE

#endif
