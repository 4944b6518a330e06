/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "control/command.h"

/* All commands. */

const struct control_command *const control_commands[] = {
    control_commands_session, control_commands_view,  control_commands_metrics,
    control_commands_study,   control_commands_tree,  control_commands_machine,
    control_commands_fault,   control_commands_guest, NULL};

const struct control_command *control_command_find(const char *name)
{
    for (unsigned group = 0; control_commands[group]; group++)
        for (const struct control_command *c = control_commands[group]; c->name; c++)
            if (strcmp(c->name, name) == 0)
                return c;
    return NULL;
}
