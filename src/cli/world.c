/* SPDX-License-Identifier: MIT */
#include "cli/world.h"

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/field.h"
#include "store/machine_file.h"
#include "store/setup.h"
#include <string.h>

static int build(const char *name, const char *data, size_t len, struct core **out)
{
    text_auto why = {0};
    int rc = setup_load(name, data, len, out, &why);

    return rc < 0 ? cli_error(-rc, "%s", why.data) : 0;
}

int world_build(const json_t *exported, struct core **out)
{
    const char *machine = field_string(exported, "machine", "");

    return build("the running machine", machine, strlen(machine), out);
}

static int load_running(struct core **out)
{
    json_t *answer = NULL;
    int status = ask("export", NULL, &answer);

    if (status == 0)
        status = world_build(answer, out);
    json_decref(answer);
    return status;
}

int world_load(const char *file, struct core **out)
{
    text_auto data = {0}, why = {0};
    int rc;

    if (!file)
        return load_running(out);
    rc = machine_file_read(file, &data, &why);
    if (rc < 0)
        return cli_error(-rc, "%s", why.data);
    return build(machine_file_name(file), data.data ? data.data : "", data.len, out);
}
