/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "machine/guest.h"
#include "search.h"

/* All that can be done to the small machine. */

const uint8_t search_apids[] = {5, 6}, search_apqis[] = {4, 0x47};
const char *const search_uuids[] = {"69aa1a8a-0000-4000-8000-000000000001",
                                    "69aa1a8a-0000-4000-8000-000000000002"};
const char *const search_guests[] = {"Guest1", "Guest2"};

#define MATRIX "devices/vfio_ap/matrix/"

struct list {
    struct op *ops;
    unsigned count;
};

static struct op *add(struct list *l)
{
    struct op *op = &l->ops[l->count++];

    *op = (struct op){0};
    return op;
}

__attribute__((format(printf, 3, 4))) static void add_write(struct list *l, const char *value,
                                                            const char *path, ...)
{
    struct op *op = add(l);
    va_list args;

    va_start(args, path);
    vsnprintf(op->path, sizeof op->path, path, args);
    va_end(args);
    snprintf(op->value, sizeof op->value, "%s", value);
    snprintf(op->text, sizeof op->text, "echo %s > /sys/%s", op->value, op->path);
}

static void add_number(struct list *l, const char *sign, unsigned number, const char *path)
{
    char value[16];

    snprintf(value, sizeof value, "%s%u", sign, number);
    add_write(l, value, "%s", path);
}

static void add_adapter(struct list *l, unsigned apid, bool on)
{
    struct op *op = add(l);

    op->cmd = (struct command){.kind = CMD_SE_ADAPTER, .adapter = {.apid = apid, .on = on}};
    snprintf(op->text, sizeof op->text, "apus se adapter %u %s", apid, on ? "on" : "off");
}

static void add_lpar(struct list *l, enum lpar_kind what, unsigned id, bool is_add)
{
    struct op *op = add(l);

    op->cmd = (struct command){.kind = CMD_SE_LPAR,
                               .lpar = {.what = what, .id = id, .add = is_add, .force = true}};
    snprintf(op->text, sizeof op->text, "apus se lpar %s %s %u --force", is_add ? "add" : "remove",
             what == LPAR_ADAPTER ? "adapter" : "domain", id);
}

static void add_guest(struct list *l, enum command_kind kind, const char *word, unsigned guest,
                      const char *uuid)
{
    struct op *op = add(l);

    op->cmd = (struct command){
        .kind = kind,
        .guest = {.name = search_guests[guest], .features = GUEST_AP | GUEST_APFT | GUEST_APQCI}};
    if (uuid) {
        op->cmd.guest.has_mdev = true;
        uuid_parse(uuid, strlen(uuid), &op->cmd.guest.mdev);
    }
    snprintf(op->text, sizeof op->text, "apus guest %s %s %s", word, search_guests[guest],
             uuid ? uuid : "");
}

static void add_override(struct list *l, const char *driver, const char *name)
{
    add_write(l, driver, "bus/ap/devices/%s/driver_override", name);
    l->ops[l->count - 1].overrides = true;
}

static void add_queue(struct list *l, const struct world_size *size, ap_qn qn)
{
    static const char *const drivers[] = {"cex4queue", "vfio_ap"};
    char name[AP_QN_TEXT];

    ap_qn_format(qn, name);
    for (unsigned d = 0; d < 2; d++) {
        add_write(l, name, "bus/ap/drivers/%s/bind", drivers[d]);
        add_write(l, name, "bus/ap/drivers/%s/unbind", drivers[d]);
        if (size->overrides)
            add_override(l, drivers[d], name);
    }
    if (size->overrides)
        add_write(l, "", "bus/ap/devices/%s/driver_override", name);
}

static void add_device(struct list *l, const struct world_size *size, const char *uuid)
{
    static const char *const ways[] = {"assign", "unassign"};
    char path[96];

    add_write(l, uuid, MATRIX "mdev_supported_types/vfio_ap-passthrough/create");
    add_write(l, "1", MATRIX "%s/remove", uuid);
    if (size->waits)
        l->ops[l->count - 1].cmd.token = 1;
    for (unsigned way = 0; way < 2; way++) {
        snprintf(path, sizeof path, MATRIX "%s/%s_adapter", uuid, ways[way]);
        for (unsigned a = 0; a < size->adapters; a++)
            add_number(l, "", search_apids[a], path);
        snprintf(path, sizeof path, MATRIX "%s/%s_domain", uuid, ways[way]);
        for (unsigned d = 0; d < size->domains; d++)
            add_number(l, "", search_apqis[d], path);
    }
}

static void add_ids(struct list *l, const struct world_size *size, bool on)
{
    for (unsigned a = 0; a < size->adapters; a++) {
        add_adapter(l, search_apids[a], on);
        add_number(l, on ? "+" : "-", search_apids[a], "bus/ap/apmask");
        if (size->lpar)
            add_lpar(l, LPAR_ADAPTER, search_apids[a], on);
    }
    for (unsigned d = 0; d < size->domains; d++) {
        add_number(l, on ? "+" : "-", search_apqis[d], "bus/ap/aqmask");
        if (size->lpar)
            add_lpar(l, LPAR_DOMAIN, search_apqis[d], on);
    }
}

unsigned ops_make(const struct world_size *size, struct op *ops)
{
    struct list l = {ops, 0};

    add_ids(&l, size, true);
    add_ids(&l, size, false);
    for (unsigned a = 0; a < size->adapters; a++)
        for (unsigned d = 0; d < size->domains; d++)
            add_queue(&l, size, AP_QN(search_apids[a], search_apqis[d]));
    for (unsigned m = 0; m < size->devices; m++)
        add_device(&l, size, search_uuids[m]);
    for (unsigned g = 0; g < size->guests; g++) {
        for (unsigned m = 0; m < size->devices; m++)
            add_guest(&l, CMD_GUEST_START, "start", g, search_uuids[m]);
        add_guest(&l, CMD_GUEST_STOP, "stop", g, NULL);
    }
    if (size->waits) {
        struct op *op = add(&l);

        op->cmd = (struct command){.kind = CMD_TIMER, .timer = {TIMER_ASK}};
        snprintf(op->text, sizeof op->text, "(10 s pass: guests are asked again)");
    }
    return l.count;
}
