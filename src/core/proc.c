/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/state.h"

/* proc/sysinfo: which machine and LPAR this is [files-sysinfo]. It lies in the tree beside what is
 * in /sys, as dev does. */

static int sysinfo_show(void *ctx, uint32_t object, struct text *out)
{
    machine_sysinfo(&machine_config(ctx)->identity, out);
    return 0;
}

static void proc_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "proc");
}

static struct sysfs_dir proc_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_ROOT, 0};
}

void proc_register(struct core *c)
{
    static const struct sysfs_attr attrs[] = {{"sysinfo", 0444, .show = sysinfo_show}, {0}};
    static const struct sysfs_kind_ops ops = {
        .attrs = attrs, .name = proc_name, .parent = proc_parent};

    sysfs_register(&c->tree, SYSFS_PROC, &ops, c->machine);
}
