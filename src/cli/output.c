/* SPDX-License-Identifier: MIT */
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/command.h"

int output_write(const char *path, const struct text *text)
{
    bool to_file = path && strcmp(path, "-") != 0, good;
    FILE *f;

    if (path && !*path)
        return cli_error(ENOENT, "an empty name is no file to write to; - is standard output");
    f = to_file ? fopen(path, "we") : stdout;
    good = f && fwrite(text->data ? text->data : "", 1, text->len, f) == text->len;
    if (!to_file)
        return 0; /* standard_finish looks whether it was written */
    if (f && fclose(f) != 0)
        good = false;
    return good ? 0 : cli_error(errno, "cannot write %s: %s", path, error_text(errno));
}
