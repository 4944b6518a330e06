/* SPDX-License-Identifier: MIT */
/* A plan as a script. What it checks before and after the steps is read from the core's own files,
 * so that a machine in that state passes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/saved.h"
#include "plan/internal.h"
#include "store/setup.h"

static const char head[] =
    "#!/bin/bash\n"
    "# Made by apus plan. It does each step only while everything is as planned, and stops at the\n"
    "# first difference, with all that was done in the log. SYS and LOG may be set from outside.\n"
    "# shellcheck disable=SC2016,SC2119,SC2120 # names are data; a list may be empty\n"
    "set -u\n"
    "SYS=${SYS:-/sys}\n"
    "LOG=${LOG:-$0.log}\n"
    "step=0\n"
    "finished=0\n"
    "\n"
    "log() { printf '%s %s\\n' \"$(date '+%F %T')\" \"$*\" | tee -a \"$LOG\"; }\n"
    ": >> \"$LOG\" || { echo \"The log $LOG cannot be written.\" >&2; exit 1; }\n"
    "stop() {\n"
    "    log \"STOP at step $step: $*\"\n"
    "    log \"Steps that are done: $finished. Plan again from here: apus plan.\"\n"
    "    exit 1\n"
    "}\n"
    "expect() { # FILE VALUE\n"
    "    local now\n"
    "    read -r now < \"$SYS/$1\" || stop \"$1 cannot be read\"\n"
    "    [[ ${now,,} == \"$2\" ]] || stop \"$1 is $now, and should be $2\"\n"
    "}\n"
    "absent() { # FILE\n"
    "    [[ ! -e $SYS/$1 ]] || stop \"there is $1\"\n"
    "}\n"
    "same() { # WHAT FOUND EXPECTED\n"
    "    [[ $2 == \"$3\" ]] || stop \"$1: ${2:-none}, and should be: ${3:-none}\"\n"
    "}\n"
    "bound() { # DRIVER PREFIX NAME...: of what begins so, the driver has just these\n"
    "    local path found=()\n"
    "    for path in \"$SYS/bus/ap/drivers/$1/$2\"*; do\n"
    "        [[ ! -e $path ]] || found+=(\"${path##*/}\")\n"
    "    done\n"
    "    same \"bound to $1\" \"${found[*]-}\" \"${*:3}\"\n"
    "}\n"
    "offline() { # CARD QUEUE...: of its queues just these are offline\n"
    "    local path now found=()\n"
    "    for path in \"$SYS/devices/ap/card$1/$1\".*/online; do\n"
    "        [[ -e $path ]] || continue\n"
    "        read -r now < \"$path\" || stop \"$path cannot be read\"\n"
    "        path=${path%/*}\n"
    "        [[ $now == 1 ]] || found+=(\"${path##*/}\")\n"
    "    done\n"
    "    same \"offline of card$1\" \"${found[*]-}\" \"${*:2}\"\n"
    "}\n"
    "overrides() { # QUEUE=DRIVER...: no other queue has a driver_override\n"
    "    local path now found=()\n"
    "    for path in \"$SYS\"/devices/ap/card*/*.*/driver_override; do\n"
    "        [[ -e $path ]] || continue # Linux has had it since 6.19\n"
    "        IFS= read -r now < \"$path\" || stop \"$path cannot be read\"\n"
    "        path=${path%/*}\n"
    "        [[ -z $now || $now == '(null)' ]] || found+=(\"${path##*/}=$now\")\n"
    "    done\n"
    "    same 'driver_override' \"${found[*]-}\" \"$*\"\n"
    "}\n"
    "only() { # UUID...: there is no other mediated device\n"
    "    local path\n"
    "    for path in \"$SYS\"/devices/vfio_ap/matrix/*-*-*-*-*; do\n"
    "        [[ ! -e $path || \" $* \" == *\" ${path##*/} \"* ]] ||\n"
    "            stop \"there is a mediated device ${path##*/}\"\n"
    "    done\n"
    "}\n"
    "put() { # FILE VALUE\n"
    "    printf '%s' \"$2\" > \"$SYS/$1\" || stop \"$1 refuses $2\"\n"
    "}\n"
    "await() { # FILE VALUE: the bus sees a change at once, or when it looks the next time\n"
    "    local now='' i\n"
    "    for ((i = 0; i < ${WAIT:-130}; i++)); do\n"
    "        now=$(cat \"$SYS/$1\" 2> /dev/null)\n"
    "        [[ ${now,,} != \"$2\" ]] || return 0\n"
    "        sleep 1\n"
    "    done\n"
    "    stop \"$1 is $now, and should be $2\"\n"
    "}\n"
    "ask() {\n"
    "    [[ -n ${YES:-} ]] || read -r -p \"$1 Done? Press Enter. \" < /dev/tty ||\n"
    "        stop 'no answer'\n"
    "}\n"
    "begin() {\n"
    "    step=$1\n"
    "    finished=$(($1 - 1))\n"
    "    log \"step $1: $2\"\n"
    "}\n"
    "\n";

static void expect_masks(const char *file, const struct mask256 *m, struct text *out)
{
    char text[MASK256_TEXT];

    mask256_format(m, text);
    text_addf(out, "expect bus/ap/%s %s\n", file, text);
}

/* What a file of the core says, without its newline. False: there is none. */
static bool show(const struct core *core, const char *path, struct text *out)
{
    sysfs_ino ino;

    text_clear(out);
    if (core_find_file(core, path, &ino) < 0 ||
        sysfs_show(core_tree(core, CORE_HOST_TREE), ino, out) < 0)
        return false;
    if (out->len && out->data[out->len - 1] == '\n')
        out->data[--out->len] = '\0';
    return true;
}

/* The queues of the adapter that are devices. */
static struct mask256 queues_of(const struct core *core, unsigned apid)
{
    struct mask256 queues = {0};

    for (unsigned apqi = 0; apqi < AP_IDS; apqi++)
        mask256_assign(&queues, apqi, core_has_queue(core, CORE_HOST_TREE, AP_QN(apid, apqi)));
    return queues;
}

/* The names of those that the driver has, each after a space. */
static void driver_queues(const struct core *core, unsigned apid, const char *driver,
                          struct text *out)
{
    struct mask256 queues = queues_of(core, apid);

    mask256_for_each (apqi, &queues) {
        struct apqn_info info;

        core_apqn_info(core, AP_QN(apid, apqi), &info);
        if (info.driver && strcmp(info.driver, driver) == 0)
            text_addf(out, " %02x.%04x", apid, apqi);
    }
}

static void expect_drivers(const struct core *core, unsigned apid, struct text *out)
{
    static const char *const drivers[] = {"vfio_ap", "cex4queue", "cex2aqueue", "cex2cqueue"};

    for (unsigned d = 0; d < sizeof drivers / sizeof *drivers; d++) {
        text_auto queues = {0};

        driver_queues(core, apid, drivers[d], &queues);
        if (queues.len || d < 2)
            text_addf(out, "bound %s %02x.%s\n", drivers[d], apid, queues.len ? queues.data : "");
    }
}

static void expect_online(const struct core *core, unsigned apid, struct text *out)
{
    struct mask256 queues = queues_of(core, apid);
    text_auto value = {0};
    char path[64];

    snprintf(path, sizeof path, "devices/ap/card%02x/online", apid);
    if (show(core, path, &value))
        text_addf(out, "expect %s %s\n", path, value.data);
    else
        text_addf(out, "absent %s\n", path); /* the card has no driver */
    text_addf(out, "offline %02x", apid);
    mask256_for_each (apqi, &queues) {
        snprintf(path, sizeof path, "devices/ap/card%02x/%02x.%04x/online", apid, apid, apqi);
        if (show(core, path, &value) && strcmp(value.data, "1") != 0)
            text_addf(out, " %02x.%04x", apid, apqi);
    }
    text_adds(out, "\n");
}

static void expect_overrides(const struct core *core, unsigned apid, struct text *out)
{
    for (unsigned apqi = 0; apqi < AP_IDS; apqi++) {
        struct change of = {.kind = STATE_OVERRIDE, .id = AP_QN(apid, apqi)};
        text_auto word = {0};
        struct saved s;

        if (!saved_get(core, &of, &s))
            continue;
        text_addf(&word, "%02x.%04x=%s", apid, apqi, s.override.name);
        text_adds(out, " ");
        plan_word(word.data, out);
    }
}

/* Drivers, what is offline, and overrides. */
static void expect_devices(const struct core *core, struct text *out)
{
    text_auto overrides = {0};

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        struct adapter_info a;

        core_adapter_info(core, apid, &a);
        if (!a.device)
            continue;
        expect_drivers(core, apid, out);
        expect_online(core, apid, out);
        expect_overrides(core, apid, &overrides);
    }
    text_addf(out, "overrides%s\n", overrides.data ? overrides.data : "");
}

/* What the LPAR has, masks, drivers and mediated devices. */
static void expect_state(const struct core *core, struct text *out)
{
    struct host_info host;
    struct mdev_info m;
    text_auto uuids = {0};
    uint32_t cursor = 0;

    core_host_info(core, &host);
    expect_masks("ap_adapter_mask", &host.apm, out);
    expect_masks("ap_usage_domain_mask", &host.aqm, out);
    expect_masks("ap_control_domain_mask", &host.adm, out);
    expect_masks("apmask", &host.apmask, out);
    expect_masks("aqmask", &host.aqmask, out);
    while (core_mdev_next(core, &cursor, &m)) {
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
    expect_devices(core, out);
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
    text_adds(out, "ask 'Do this at the Support Element.'\n");
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
        plan_word(s->value, out);
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
    text_addf(out, "\nfinished=%zu\nlog 'Checking that everything is as planned.'\n", p->count);
    expect_state(core, out);
    core_free(core);
}

void plan_script(const struct plan *p, const struct core *from, const char *program,
                 struct text *out)
{
    text_adds(out, head);
    text_adds(out, "log 'Checking that everything is as it was when this was planned.'\n");
    if (program)
        text_addf(out, "command -v %s > /dev/null || stop '%s is not installed'\n", program,
                  program);
    expect_state(from, out);
    for (size_t i = 0; i < p->count; i++)
        sh_step(i + 1, &p->steps[i], out);
    expect_end(p, from, out);
    text_addf(out, "log 'All %zu steps are done.'\n", p->count);
}
