/* SPDX-License-Identifier: MIT */
#include "cli/part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/daemon_command.h"
#include "cli/files.h"
#include "cli/import_command.h"

bool part_find(const char *name, struct text *out)
{
    text_auto relative = {0};

    text_addf(&relative, "src/cli/parts/%s", name);
    return files_built(relative.data, out) || files_program(name, out);
}

/* argv[0] is the name of the part, as it is of the command. */
static int execute(int argc, char **argv)
{
    const char **args;
    text_auto path = {0};

    if (!part_find(argv[0], &path))
        return 1;
    args = xcalloc((size_t)argc + 2, sizeof(*args));
    args[0] = "apus";
    memcpy(args + 1, argv, (size_t)argc * sizeof(*args));
    execv(path.data, (char **)args);
    cli_error(errno, "cannot execute %s: %s", path.data, error_text(errno));
    free(args);
    return 1;
}

int daemon_command(int argc, char **argv)
{
    return execute(argc, argv);
}

int import_command(int argc, char **argv)
{
    return execute(argc, argv);
}
