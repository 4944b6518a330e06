/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/state.h"

/* The life of a guest: started, attached to a mediated device, detached, stopped. */

struct core_guest *guest_at(const struct core *c, unsigned number)
{
    return number < c->guest_slots ? c->guests[number] : NULL;
}

struct core_guest *guest_by_name(const struct core *c, const char *name)
{
    for (unsigned i = 0; i < c->guest_slots; i++)
        if (c->guests[i] && strcmp(c->guests[i]->name, name) == 0)
            return c->guests[i];
    return NULL;
}

struct zcrypt *zcrypt_of(const struct core *c, unsigned tree)
{
    const struct core_guest *g;

    if (tree == CORE_HOST_TREE)
        return c->zcrypt;
    g = guest_at(c, tree - 1);
    return g && g->linux_system ? g->linux_system->zcrypt : NULL;
}

struct ap_bus *bus_of(const struct core *c, unsigned tree)
{
    const struct core_guest *g;

    if (tree == CORE_HOST_TREE)
        return c->bus;
    g = guest_at(c, tree - 1);
    return g && g->linux_system ? g->linux_system->bus : NULL;
}

static void linux_free(struct guest_linux *l)
{
    if (!l)
        return;
    zcrypt_free(l->zcrypt);
    ap_bus_free(l->bus);
    sysfs_tree_done(&l->tree);
    free(l);
}

void guests_free(struct core *c)
{
    for (unsigned i = 0; i < c->guest_slots; i++) {
        if (!c->guests[i])
            continue;
        linux_free(c->guests[i]->linux_system);
        free(c->guests[i]);
    }
    free(c->guests);
}

/* Without AP instructions the bus module does not load, and the tree stays empty. The effects of
 * the first scan are dropped: the modelled system booted before anyone looked. */
static struct guest_linux *linux_new(struct core *c, struct core_guest *g)
{
    struct guest_linux *l = xcalloc(1, sizeof *l);
    struct effects unheard = {.tree = (uint16_t)(g->v.number + 1)};
    struct ap_bus_params params = {
        .abi = c->abi, .apmask = mask256_ones(), .aqmask = mask256_ones(), .domain = -1};

    sysfs_tree_init(&l->tree);
    l->tree.keeps_dirs = true; /* it is only seen as a part of a /sys */
    if (!(g->v.hw.features & GUEST_AP))
        return l;
    l->bus = ap_bus_new(&params, guest_hw(&g->v.hw), &l->tree);
    l->zcrypt = zcrypt_new(c->abi, &l->tree, l->bus, c->tokens);
    if (!g->connected)
        ap_bus_scan(l->bus, &unheard);
    effects_done(&unheard);
    return l;
}

struct guest_linux *guest_system(struct core *c, unsigned number)
{
    struct core_guest *g = guest_at(c, number);

    if (g && !g->linux_system)
        g->linux_system = linux_new(c, g);
    return g ? g->linux_system : NULL;
}

int core_guest_look(struct core *c, const struct command *cmd, struct effects *fx,
                    struct reply *reply)
{
    struct core_guest *g = guest_at(c, cmd->look.guest);

    if (!g)
        return -ENOENT;
    if (!g->linux_system) {
        struct guest_linux *l = guest_system(c, g->v.number);

        if (l)
            tree_changed(&l->tree, l->bus, l->zcrypt, g->v.number + 1, fx);
    }
    return 0;
}

/* While a client is connected, its system owns the queues and ours must not touch them. */
void guest_rescan(struct core_guest *g, struct effects *fx)
{
    if (!g || g->connected || !g->linux_system || !g->linux_system->bus)
        return;
    fx->tree = (uint16_t)(g->v.number + 1);
    ap_bus_scan(g->linux_system->bus, fx);
}

void guests_rescan(struct core *c, struct effects *fx, size_t from, bool all)
{
    size_t end = fx->count;

    for (unsigned i = 0; all && i < c->guest_slots; i++)
        guest_rescan(c->guests[i], fx);
    for (size_t i = from; !all && i < end; i++)
        if (fx->v[i].kind == EFFECT_APCB)
            guest_rescan(guest_at(c, fx->v[i].id), fx);
}

int guest_find(struct core *c, const struct command *cmd, struct reply *reply,
               struct core_guest **out)
{
    *out = guest_by_name(c, cmd->guest.name);
    if (*out)
        return 0;
    text_addf(&reply->why, "there is no guest '%s'; 'apus guest list' shows those that run",
              cmd->guest.name);
    return -ENOENT;
}

int guest_attach(struct core *c, struct core_guest *g, const struct uuid *uuid, struct effects *fx,
                 struct reply *reply)
{
    struct mdev *m = vfio_ap_find(c->vfio_ap, uuid);
    char text[UUID_TEXT];
    int rc;

    uuid_format(uuid, text);
    if (!m) {
        text_addf(&reply->why,
                  "there is no mediated device %s; 'apus status' lists the existing ones", text);
        return -ENODEV;
    }
    rc = vfio_ap_attach(c->vfio_ap, m, &g->v, fx);
    if (rc == -EBUSY)
        text_addf(&reply->why, "mediated device %s is used by guest %s", text,
                  mdev_guest(m) ? mdev_guest(m)->name : "(none: it is being removed)");
    else if (rc == -ENODEV)
        text_addf(&reply->why,
                  "mediated device %s is not bound to vfio_ap_mdev, and cannot be bound again; "
                  "remove it and create it anew",
                  text);
    else if (rc == -EPERM)
        text_addf(&reply->why, "guest %s has a mediated device already; detach it first", g->name);
    else if (rc == -EOPNOTSUPP)
        text_addf(&reply->why,
                  "guest %s was started without the CPU feature ap; it cannot have AP queues",
                  g->name);
    return rc;
}

void guest_detach(struct core *c, struct core_guest *g, struct effects *fx)
{
    g->opened = false;
    vfio_ap_detach(c->vfio_ap, &g->v, fx);
}

static int name_check(struct core *c, const char *name, struct reply *reply)
{
    if (!core_guest_name_fits(name)) {
        text_addf(
            &reply->why,
            "'%.80s' is not a valid guest name: 1 to %d bytes of UTF-8, no control characters, "
            "no slash, no leading - or .",
            name, CORE_GUEST_NAME - 1);
        return -EINVAL;
    }
    if (!guest_by_name(c, name))
        return 0;
    text_addf(&reply->why, "a guest '%s' is already running", name);
    return -EEXIST;
}

/* Room for that number. */
static void guests_grow(struct core *c, unsigned number)
{
    unsigned slots = c->guest_slots ? c->guest_slots : 8;

    while (slots <= number)
        slots *= 2;
    if (slots == c->guest_slots)
        return;
    c->guests = xrealloc(c->guests, slots * sizeof *c->guests);
    memset(c->guests + c->guest_slots, 0, (slots - c->guest_slots) * sizeof *c->guests);
    c->guest_slots = slots;
}

static struct core_guest *guest_new(struct core *c, unsigned number, const char *name,
                                    unsigned features)
{
    struct core_guest *g = xcalloc(1, sizeof *g);

    strcpy(g->name, name);
    g->v = (struct vfio_ap_guest){.hw = {.features = features, .lpar = machine_hw(c->machine)},
                                  .number = number,
                                  .name = g->name};
    guests_grow(c, number);
    return c->guests[number] = g;
}

static unsigned number_free(const struct core *c)
{
    unsigned number = 0;

    while (guest_at(c, number))
        number++;
    return number;
}

#define GUESTS_MAX 65000u /* tree numbers are 16 bits wide */

struct core_guest *guest_restore(struct core *c, unsigned number, const char *name,
                                 unsigned features)
{
    if (number >= GUESTS_MAX || guest_at(c, number) || !core_guest_name_fits(name) ||
        guest_by_name(c, name))
        return NULL;
    return guest_new(c, number, name, features);
}

int core_guest_start(struct core *c, const struct command *cmd, struct effects *fx,
                     struct reply *reply)
{
    struct core_guest *g;
    unsigned number;
    int rc = name_check(c, cmd->guest.name, reply);

    if (rc < 0)
        return rc;
    if (c->lpar_connected) {
        text_adds(&reply->why, "a real Linux runs as the LPAR (apus linux host); it has no guests");
        return -EBUSY;
    }
    number = number_free(c);
    if (number >= GUESTS_MAX) {
        text_addf(&reply->why, "%u guests are already running", GUESTS_MAX);
        return -ENOSPC;
    }
    g = guest_new(c, number, cmd->guest.name, cmd->guest.features);
    g->with_connection = cmd->guest.with_connection;
    if (cmd->guest.has_mdev)
        rc = guest_attach(c, g, &cmd->guest.mdev, fx, reply);
    if (rc < 0) {
        c->guests[number] = NULL;
        free(g);
        return rc;
    }
    reply->value = number;
    effects_changed(fx, STATE_GUEST, number);
    effects_log(fx, LOG_LEVEL_INFO, "guest %s started", g->name);
    effects_add(fx, EFFECT_GUEST_STARTED)->id = g->v.number;
    return 0;
}

void zcrypt_end(struct core *c, unsigned tree, struct effects *fx)
{
    struct zcrypt *z = zcrypt_of(c, tree);

    fx->tree = (uint16_t)tree;
    if (z)
        zcrypt_abandon(z, fx);
    fx->tree = CORE_HOST_TREE;
}

void guest_stop(struct core *c, struct core_guest *g, struct effects *fx)
{
    vfio_ap_detach(c->vfio_ap, &g->v, fx);
    zcrypt_end(c, g->v.number + 1, fx);
    effects_log(fx, LOG_LEVEL_INFO, "guest %s stopped", g->name);
    effects_add(fx, EFFECT_GUEST_STOPPED)->id = g->v.number;
    if (g->linux_system)
        tree_changed(&g->linux_system->tree, g->linux_system->bus, g->linux_system->zcrypt,
                     g->v.number + 1, fx);
    effects_changed(fx, STATE_GUEST, g->v.number);
    c->stopped_number = g->v.number;
    strcpy(c->stopped, g->name);
    c->guests[g->v.number] = NULL;
    linux_free(g->linux_system);
    free(g);
}

int core_guest_stop(struct core *c, const struct command *cmd, struct effects *fx,
                    struct reply *reply)
{
    struct core_guest *g;
    int rc = guest_find(c, cmd, reply, &g);

    if (rc == 0)
        guest_stop(c, g, fx);
    return rc;
}

int core_guest_attach(struct core *c, const struct command *cmd, struct effects *fx,
                      struct reply *reply)
{
    struct core_guest *g;
    int rc = guest_find(c, cmd, reply, &g);

    return rc < 0 ? rc : guest_attach(c, g, &cmd->guest.mdev, fx, reply);
}

int core_guest_detach(struct core *c, const struct command *cmd, struct effects *fx,
                      struct reply *reply)
{
    struct core_guest *g;
    int rc = guest_find(c, cmd, reply, &g);

    if (rc < 0)
        return rc;
    if (!g->v.mdev) {
        text_addf(&reply->why, "guest %s has no mediated device", g->name);
        return -ENODEV;
    }
    guest_detach(c, g, fx);
    return 0;
}
