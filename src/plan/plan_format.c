/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"
#include "store/export.h"
#include "store/setup.h"

/* A plan for people, and as scripts. */

/* Lines of text, each with that before it. */
static void add_lines(const char *lines, const char *before, struct text *out)
{
    for (size_t len; *lines; lines += len + 1) {
        len = strcspn(lines, "\n");
        text_addf(out, "%s%.*s\n", before, (int)len, lines);
    }
}

/* As one word for bash, also with characters that cannot be seen: names may have any. */
static void add_word(const char *text, struct text *out)
{
    static const char safe[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_,.+-";

    if (*text && !text[strspn(text, safe)]) {
        text_adds(out, text);
        return;
    }
    text_adds(out, "$'");
    for (; *text; text++)
        text_addf(out, strchr(safe, *text) ? "%c" : "\\%03o", (unsigned char)*text);
    text_adds(out, "'");
}

static void text_step(size_t number, const struct plan_step *s, struct text *out)
{
    text_auto clicks = {0};

    text_addf(out, "%3zu. %s\n", number, s->what.data);
    if (s->kind == PLAN_WRITE) {
        text_adds(out, "     echo ");
        if (strcmp(s->value, "\n") != 0) /* else echo writes just that */
            add_word(s->value, out);
        text_addf(out, " > /sys/%s\n", s->path);
    }
    if (plan_is_se(s)) {
        plan_clicks(s, &clicks);
        add_lines(clicks.data, "     ", out);
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

void plan_quote(const char *text, struct text *out)
{
    text_adds(out, "'");
    for (; *text; text++) {
        if (*text == '\'')
            text_adds(out, "'\\''");
        else if ((unsigned char)*text >= ' ')
            text_add(out, text, 1);
    }
    text_adds(out, "'");
}

static const char head[] =
    "#!/bin/bash\n"
    "# Made by apus plan. It does each step only while everything is as planned, and stops at the\n"
    "# first surprise, with all that was done in the log. SYS and LOG may be set from outside.\n"
    "# shellcheck disable=SC2016 # names are data\n"
    "set -u\n"
    "SYS=${SYS:-/sys}\n"
    "LOG=${LOG:-$0.log}\n"
    "step=0\n"
    "\n"
    "log() { printf '%s %s\\n' \"$(date '+%F %T')\" \"$*\" | tee -a \"$LOG\"; }\n"
    ": >> \"$LOG\" || { echo \"The log $LOG cannot be written.\" >&2; exit 1; }\n"
    "surprise() {\n"
    "    log \"STOP at step $step: $*\"\n"
    "    log \"Steps 1 to $((step - 1)) are done. Plan again from here: apus plan.\"\n"
    "    exit 1\n"
    "}\n"
    "expect() { # FILE VALUE\n"
    "    local now\n"
    "    now=$(cat \"$SYS/$1\") || surprise \"$1 cannot be read\"\n"
    "    [[ ${now,,} == \"$2\" ]] || surprise \"$1 is $now, and should be $2\"\n"
    "}\n"
    "only() { # UUID...: there is no other mediated device\n"
    "    local path\n"
    "    for path in \"$SYS\"/devices/vfio_ap/matrix/*-*-*-*-*; do\n"
    "        [[ ! -e $path || \" $* \" == *\" ${path##*/} \"* ]] ||\n"
    "            surprise \"there is a mediated device ${path##*/}\"\n"
    "    done\n"
    "}\n"
    "put() { # FILE VALUE\n"
    "    printf '%s' \"$2\" > \"$SYS/$1\" || surprise \"$1 refuses $2\"\n"
    "}\n"
    "await() { # FILE VALUE: the bus sees a change at once, or when it looks the next time\n"
    "    local now='' i\n"
    "    for ((i = 0; i < ${WAIT:-130}; i++)); do\n"
    "        now=$(cat \"$SYS/$1\" 2> /dev/null)\n"
    "        [[ ${now,,} != \"$2\" ]] || return 0\n"
    "        sleep 1\n"
    "    done\n"
    "    surprise \"$1 is $now, and should be $2\"\n"
    "}\n"
    "ask() {\n"
    "    [[ -n ${YES:-} ]] || read -r -p \"$1 Done? Press Enter. \" < /dev/tty ||\n"
    "        surprise 'no answer'\n"
    "}\n"
    "begin() {\n"
    "    step=$1\n"
    "    log \"step $1: $2\"\n"
    "}\n"
    "\n";

static void expect_masks(const char *file, const struct mask256 *m, struct text *out)
{
    char text[MASK256_TEXT];

    mask256_format(m, text);
    text_addf(out, "expect bus/ap/%s %s\n", file, text);
}

/* What the LPAR has, masks and devices. */
static void expect_state(const struct core *from, struct text *out)
{
    struct host_info host;
    struct mdev_info m;
    text_auto uuids = {0};
    uint32_t cursor = 0;

    core_host_info(from, &host);
    expect_masks("ap_adapter_mask", &host.apm, out);
    expect_masks("ap_usage_domain_mask", &host.aqm, out);
    expect_masks("ap_control_domain_mask", &host.adm, out);
    expect_masks("apmask", &host.apmask, out);
    expect_masks("aqmask", &host.aqmask, out);
    while (core_mdev_next(from, &cursor, &m)) {
        char uuid[UUID_TEXT], masks[3][MASK256_TEXT];

        uuid_format(&m.uuid, uuid);
        mask256_format(&m.apm, masks[0]);
        mask256_format(&m.aqm, masks[1]);
        mask256_format(&m.adm, masks[2]);
        text_addf(out, "expect devices/vfio_ap/matrix/%s/ap_config %s,%s,%s\n", uuid, masks[0],
                  masks[1], masks[2]);
        text_addf(&uuids, " %s", uuid);
    }
    text_addf(out, "only%s\n", uuids.len ? uuids.data : "");
}

static void sh_clicks(const struct plan_step *s, struct text *out)
{
    text_auto clicks = {0};
    char *rest;

    plan_clicks(s, &clicks);
    for (char *line = strtok_r(clicks.data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        text_adds(out, "log ");
        plan_quote(line, out);
        text_adds(out, "\n");
    }
    text_adds(out, "ask 'That is for you, at the Support Element.'\n");
}

/* Somebody has done it, and Linux sees it. */
static void sh_se(const struct plan_step *s, struct text *out)
{
    static const char *const files[] = {[LPAR_ADAPTER] = "ap_adapter_mask",
                                        [LPAR_DOMAIN] = "ap_usage_domain_mask",
                                        [LPAR_CONTROL_DOMAIN] = "ap_control_domain_mask"};
    char text[MASK256_TEXT];

    sh_clicks(s, out);
    if (s->kind == PLAN_SE_ADAPTER) {
        mask256_for_each (apid, &s->ids)
            text_addf(out, "await devices/ap/card%02x/config %d\n", apid, s->on);
        return;
    }
    for (unsigned kind = LPAR_ADAPTER; kind <= LPAR_CONTROL_DOMAIN; kind++) {
        if (mask256_empty(&s->lpar.added[kind]) && mask256_empty(&s->lpar.removed[kind]))
            continue;
        mask256_format(&s->lpar.after[kind], text);
        text_addf(out, "await bus/ap/%s %s\n", files[kind], text);
    }
}

static void sh_step(size_t number, const struct plan_step *s, struct text *out)
{
    text_addf(out, "\nbegin %zu ", number);
    plan_quote(s->what.data, out);
    text_adds(out, "\n");
    if (s->effect.len) {
        text_adds(out, "log ");
        plan_quote(s->effect.data, out);
        text_adds(out, "\n");
    }
    if (s->kind == PLAN_WRITE) {
        text_addf(out, "put %s ", s->path);
        add_word(s->value, out);
        text_adds(out, "\n");
        return;
    }
    if (plan_is_se(s)) {
        sh_se(s, out);
        return;
    }
    text_adds(out, "ask ");
    plan_quote(s->what.data, out);
    text_adds(out, "\n");
}

/* Somebody else may have changed something meanwhile. */
static void expect_end(const struct plan *p, const struct core *from, struct text *out)
{
    struct core *core = setup_copy(from);

    for (size_t i = 0; i < p->count; i++) {
        struct effects unheard = {0};
        text_auto why = {0};

        if (plan_step_execute(core, &p->steps[i], &unheard, &why) < 0)
            abort(); /* plan_make has executed it */
        effects_done(&unheard);
    }
    text_adds(out, "\nlog 'Checking that everything is as planned.'\n");
    expect_state(core, out);
    core_free(core);
}

/* program: that is needed in the end; NULL: none. */
static void script(const struct plan *p, const struct core *from, const char *program,
                   struct text *out)
{
    text_adds(out, head);
    text_adds(out, "log 'Checking that everything is as it was when this was planned.'\n");
    if (program)
        text_addf(out, "command -v %s > /dev/null || surprise '%s is not installed'\n", program,
                  program);
    expect_state(from, out);
    for (size_t i = 0; i < p->count; i++)
        sh_step(i + 1, &p->steps[i], out);
    expect_end(p, from, out);
    text_addf(out, "log 'All %zu steps are done.'\n", p->count);
}

void plan_sh(const struct plan *p, const struct core *from, struct text *out)
{
    script(p, from, NULL, out);
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
    "        surprise \"$1 is still defined\"\n"
    "}\n"
    "define() {\n"
    "    undefine \"$1\"\n"
    "    mdevctl define --uuid \"$1\" --parent matrix --jsonfile /dev/stdin ||\n"
    "        surprise \"$1 is not defined\"\n"
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
    "    virsh -q nodedev-undefine \"$name\" || surprise \"$1 is still defined\"\n"
    "}\n"
    "define() {\n"
    "    undefine \"$1\"\n"
    "    virsh -q nodedev-define /dev/stdin || surprise \"$1 is not defined\"\n"
    "}\n"
    "autostart() { virsh -q nodedev-autostart \"$(named \"$1\")\" || surprise \"$1 does not "
    "start\"; }\n",
    export_libvirt, "autostart"};

/* The running devices change as in the script; then come the definitions for the next boot. */
static void with_definitions(const struct plan *p, const struct core *from, const struct core *to,
                             const struct definer *by, struct text *out)
{
    struct mdev_info m;
    uint32_t cursor = 0;

    script(p, from, by->program, out);
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
    text_adds(out, "log 'The next boot will find the same.'\n");
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
