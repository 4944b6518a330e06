/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "core/query.h"
#include "core/saved.h"
#include "plan/internal.h"
#include "store/export.h"
#include "store/setup.h"

/* A plan for people, and as scripts. */

static void text_step(size_t number, const struct plan_step *s, struct text *out)
{
    text_auto clicks = {0};

    text_addf(out, "%3zu. %s\n", number, s->what.data);
    if (s->kind == PLAN_WRITE) {
        text_adds(out, "     echo ");
        if (strcmp(s->value, "\n") != 0) /* else echo writes just that */
            plan_word(s->value, out);
        text_addf(out, " > /sys/%s\n", s->path);
    }
    if (plan_is_se(s)) {
        plan_clicks(s, &clicks);
        slice_add_lines((struct slice){clicks.data, clicks.len}, "     ", out);
    }
    if (s->effect.len)
        text_addf(out, "     %s\n", s->effect.data);
}

void plan_text(const struct plan *p, struct text *out)
{
    if (!p->count) {
        text_adds(out, "Nothing is to be done.\n");
    } else {
        text_adds(out, "Who gains and loses:\n");
        text_adds(out, p->gains.len ? p->gains.data : "nobody\n");
        text_addf(out, "\n%zu step%s:\n", p->count, p->count == 1 ? "" : "s");
    }
    for (size_t i = 0; i < p->count; i++)
        text_step(i + 1, &p->steps[i], out);
    if (p->notes.len)
        text_addf(out, "\n%s", p->notes.data);
}

void plan_sh(const struct plan *p, const struct core *from, struct text *out)
{
    plan_script(p, from, NULL, out);
}

/* How a program is told of definitions. A device that is defined already gets another definition,
 * and one that is not need not be taken away. */
struct definer {
    const char *program;
    const char *functions; /* define, which reads it, and undefine, each of a UUID */
    void (*format)(const struct mdev_info *m, struct text *out);
    const char *autostart; /* a function of a UUID; NULL: the definition says it */
};

static const struct definer mdevctl = {
    "mdevctl",
    "undefine() {\n"
    "    [[ -z $(mdevctl list --defined --uuid \"$1\") ]] || mdevctl undefine --uuid \"$1\" ||\n"
    "        stop \"$1 is still defined\"\n"
    "}\n"
    "define() {\n"
    "    undefine \"$1\"\n"
    "    mdevctl define --uuid \"$1\" --parent matrix --jsonfile /dev/stdin ||\n"
    "        stop \"$1 is not defined\"\n"
    "}\n",
    export_mdevctl, NULL};

/* Up to libvirt 7.2 the name has no parent at its end. A device that only runs is listed, too. */
static const struct definer virsh = {
    "virsh",
    "export LC_ALL=C\n"
    "named() { # UUID: libvirt's name of it, if there is one\n"
    "    virsh -q nodedev-list --all --cap mdev | grep -m1 -E \"^mdev_${1//-/_}(_matrix)?$\"\n"
    "}\n"
    "undefine() {\n"
    "    local name\n"
    "    name=$(named \"$1\") || return 0\n"
    "    virsh -q nodedev-info \"$name\" | grep -q '^Persistent: *yes' || return 0\n"
    "    virsh -q nodedev-undefine \"$name\" || stop \"$1 is still defined\"\n"
    "}\n"
    "define() {\n"
    "    undefine \"$1\"\n"
    "    virsh -q nodedev-define /dev/stdin || stop \"$1 is not defined\"\n"
    "}\n"
    "autostart() { virsh -q nodedev-autostart \"$(named \"$1\")\" || stop \"$1 does not "
    "start\"; }\n",
    export_libvirt, "autostart"};

/* What is not the definitions' ends with this Linux. */
static void tell_next_boot(const struct core *to, struct text *out)
{
    char apmask[MASK256_TEXT], aqmask[MASK256_TEXT];
    text_auto file = {0};
    struct saved boot;
    struct host_info host;
    bool masks, others;

    core_host_info(to, &host);
    saved_get(to, &(struct change){.kind = STATE_MACHINE}, &boot);
    masks = !mask256_equal(&host.apmask, &boot.machine->apmask) ||
            !mask256_equal(&host.aqmask, &boot.machine->aqmask);
    setup_format(to, &file);
    others = strstr(file.data, "\n[card ") || strstr(file.data, "\n[queue ");
    mask256_format(&host.apmask, apmask);
    mask256_format(&host.aqmask, aqmask);
    if (masks)
        text_addf(out,
                  "log 'The masks last until the next boot. To keep them: chzdev -p -t ap "
                  "apmask=%s aqmask=%s'\n",
                  apmask, aqmask);
    if (others)
        text_adds(out, "log 'Driver overrides, and what is bound or offline by hand, last until "
                       "the next boot.'\n");
    if (!masks && !others)
        text_adds(out, "log 'The next boot will find the same.'\n");
}

/* The running devices change as in the script; then come the definitions for the next boot. */
static void with_definitions(const struct plan *p, const struct core *from, const struct core *to,
                             const struct definer *by, struct text *out)
{
    struct mdev_info m;
    uint32_t cursor = 0;

    plan_script(p, from, by->program, out);
    text_addf(out, "\n# The definitions, for the next boot.\n%s", by->functions);
    while (core_mdev_next(to, &cursor, &m)) {
        char uuid[UUID_TEXT];

        uuid_format(&m.uuid, uuid);
        text_addf(out, "define %s << 'END'\n", uuid);
        by->format(&m, out);
        text_adds(out, "END\n");
        if (m.autostart && by->autostart)
            text_addf(out, "%s %s\n", by->autostart, uuid);
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct plan_step *s = &p->steps[i];
        const char *end = s->kind == PLAN_WRITE ? strrchr(s->path, '/') : "";

        if (strcmp(end, "/remove") == 0)
            text_addf(out, "undefine %.36s\n", end - 36);
    }
    tell_next_boot(to, out);
}

void plan_mdevctl(const struct plan *p, const struct core *from, const struct core *to,
                  struct text *out)
{
    with_definitions(p, from, to, &mdevctl, out);
}

void plan_virsh(const struct plan *p, const struct core *from, const struct core *to,
                struct text *out)
{
    with_definitions(p, from, to, &virsh, out);
}
