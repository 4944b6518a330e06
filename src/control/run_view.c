/* SPDX-License-Identifier: MIT */
/* Commands that show an overview: machine, ownership, devices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/abi.h"
#include "control/command.h"
#include "control/json.h"
#include "control/view.h"

/* In the order of the bits GUEST_AP, GUEST_APFT, GUEST_APQCI, GUEST_APQI. */
const char *const control_guest_features[] = {"ap", "apft", "apqci", "apqi", NULL};

static json_t *uuid_or_null(bool given, const struct uuid *uuid)
{
    char text[UUID_TEXT];

    if (!given)
        return json_null();
    uuid_format(uuid, text);
    return json_string(text);
}

static json_t *name_or_null(const char *name)
{
    return name ? control_json_string(name) : json_null();
}

json_t *control_view_guest(const struct guest_info *guest)
{
    json_t *view = json_object(), *features = json_array();

    for (unsigned i = 0; control_guest_features[i]; i++)
        if (guest->features & 1u << i)
            control_json_append(features, json_string(control_guest_features[i]));
    control_json_set(view, "name", control_json_string(guest->name));
    control_json_set(view, "number", json_integer(guest->number));
    control_json_set(view, "kind", json_string(guest->connected ? "real" : "light"));
    control_json_set(view, "features", features);
    control_json_set(view, "mdev", uuid_or_null(guest->attached, &guest->mdev));
    control_json_matrix(view, &guest->apm, &guest->aqm, &guest->adm);
    return view;
}

json_t *control_view_guests(struct core *core)
{
    json_t *list = json_array();
    struct guest_info guest;
    uint32_t cursor = 0;

    while (core_guest_next(core, &cursor, &guest))
        control_json_append(list, control_view_guest(&guest));
    return list;
}

json_t *control_view_mdev(const struct mdev_info *mdev)
{
    json_t *view = json_object(), *usable = json_object();

    control_json_set(view, "uuid", uuid_or_null(true, &mdev->uuid));
    control_json_set(view, "guest", name_or_null(mdev->guest));
    control_json_matrix(view, &mdev->apm, &mdev->aqm, &mdev->adm);
    control_json_matrix(usable, &mdev->guest_apm, &mdev->guest_aqm, &mdev->guest_adm);
    control_json_set(view, "usable", usable);
    return view;
}

static json_t *view_mdevs(struct core *core)
{
    json_t *list = json_array();
    struct mdev_info mdev;
    uint32_t cursor = 0;

    while (core_mdev_next(core, &cursor, &mdev))
        control_json_append(list, control_view_mdev(&mdev));
    return list;
}

static const char *adapter_state(const struct adapter_info *a)
{
    if (!a->installed)
        return "missing";
    if (a->checkstopped)
        return "checkstop";
    return a->online ? "online" : "standby";
}

static json_t *view_adapter(struct core *core, unsigned apid)
{
    struct adapter_info a;
    char type[8] = "";

    core_adapter_info(core, apid, &a);
    if (a.installed)
        machine_adapter_type_format(a.config, type);
    return json_pack("{s:i, s:s, s:s, s:s, s:b, s:b, s:b, s:b}", "id", (int)apid, "type", type,
                     "state", adapter_state(&a), "serial", a.installed ? a.config->serial : "",
                     "in_lpar", a.in_lpar, "online", a.online, "checkstop", a.checkstopped, "card",
                     a.device);
}

json_t *control_view_adapters(struct core *core)
{
    json_t *list = json_array();
    struct adapter_info a;

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        core_adapter_info(core, apid, &a);
        if (a.installed)
            control_json_append(list, view_adapter(core, apid));
    }
    return list;
}

/* Numbers of queues. Each queue is counted in exactly one of the first three. */
struct census {
    json_int_t zcrypt, vfio_ap, unbound, assigned, in_use;
};

static void census_take(struct core *core, struct census *census)
{
    struct apqn_info q;

    for (unsigned qn = 0; qn < AP_APQNS; qn++) {
        core_apqn_info(core, (ap_qn)qn, &q);
        if (q.assigned)
            census->assigned++;
        if (!q.device)
            continue;
        if (!q.driver)
            census->unbound++;
        else if (strcmp(q.driver, "vfio_ap") == 0)
            census->vfio_ap++;
        else
            census->zcrypt++;
        if (q.in_use)
            census->in_use++;
    }
}

static json_t *view_lpar(const struct host_info *host)
{
    json_t *lpar = json_object();

    control_json_matrix(lpar, &host->apm, &host->aqm, &host->adm);
    control_json_set(lpar, "max_adapter", json_integer(host->max_adapter));
    control_json_set(lpar, "max_domain", json_integer(host->max_domain));
    return lpar;
}

static json_t *run_status(struct control_call *call, struct control_error *error)
{
    const struct control_ops *ops = call->state->ops;
    struct core *core = call->state->door->core;
    struct census census = {0};
    struct host_info host;
    json_t *view;

    core_host_info(core, &host);
    census_take(core, &census);
    view = json_pack("{s:s, s:s, s:s, s:f, s:I}", "version", APUS_VERSION, "abi",
                     abi_get(host.abi)->name, "clock", ops->virtual_clock ? "virtual" : "real",
                     "time", (double)ops->now(ops->data) / 1e9, "scans", (json_int_t)host.scans);
    control_json_set(view, "apmask", control_json_mask(&host.apmask));
    control_json_set(view, "aqmask", control_json_mask(&host.aqmask));
    control_json_set(view, "lpar", view_lpar(&host));
    control_json_set(view, "adapters", control_view_adapters(core));
    control_json_set(view, "queues",
                     json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "total",
                               census.zcrypt + census.vfio_ap + census.unbound, "zcrypt",
                               census.zcrypt, "vfio_ap", census.vfio_ap, "unbound", census.unbound,
                               "assigned", census.assigned, "in_use", census.in_use));
    control_json_set(view, "mdevs", view_mdevs(core));
    control_json_set(view, "guests", control_view_guests(core));
    return view;
}

static json_t *run_se_show(struct control_call *call, struct control_error *error)
{
    struct host_info host;

    core_host_info(call->state->door->core, &host);
    return json_pack("{s:o, s:o}", "adapters", control_view_adapters(call->state->door->core),
                     "lpar", view_lpar(&host));
}

struct map {
    struct mask256 apm, aqm;  /* columns and rows: in the LPAR, or assigned */
    uint32_t owner[AP_APQNS]; /* mdevs in the order of the list, from 1; 0: not assigned */
};

static json_t *map_collect(struct core *core, struct map *map)
{
    json_t *list = json_array();
    struct mdev_info mdev;
    struct host_info host;
    uint32_t cursor = 0, number = 0;

    core_host_info(core, &host);
    map->apm = host.apm;
    map->aqm = host.aqm;
    while (core_mdev_next(core, &cursor, &mdev)) {
        number++;
        control_json_append(list, json_pack("{s:o, s:o}", "uuid", uuid_or_null(true, &mdev.uuid),
                                            "guest", name_or_null(mdev.guest)));
        map->apm = mask256_or(map->apm, mdev.apm);
        map->aqm = mask256_or(map->aqm, mdev.aqm);
        mask256_for_each (apid, &mdev.apm)
            mask256_for_each (apqi, &mdev.aqm)
                map->owner[AP_QN(apid, apqi)] = number;
    }
    return list;
}

static json_t *map_cell(struct core *core, const struct map *map, ap_qn qn)
{
    struct apqn_info q;
    char cell[24], number[12] = "", kind = '-';

    core_apqn_info(core, qn, &q);
    if (q.device && q.driver)
        kind = strcmp(q.driver, "vfio_ap") == 0 ? 'v' : 'z';
    else if (q.device)
        kind = 'u';
    if (map->owner[qn])
        snprintf(number, sizeof(number), "%u", map->owner[qn]);
    snprintf(cell, sizeof(cell), "%c%s%s", kind, number, q.in_use ? "*" : "");
    return json_string(cell);
}

static json_t *map_rows(struct core *core, const struct map *map)
{
    json_t *rows = json_array();

    mask256_for_each (apqi, &map->aqm) {
        json_t *row = json_array();

        mask256_for_each (apid, &map->apm)
            control_json_append(row, map_cell(core, map, AP_QN(apid, apqi)));
        control_json_append(rows, row);
    }
    return rows;
}

static json_t *run_map(struct control_call *call, struct control_error *error)
{
    struct core *core = call->state->door->core;
    struct map *map = xcalloc(1, sizeof(*map));
    json_t *mdevs = map_collect(core, map), *adapters = json_array(), *view;

    mask256_for_each (apid, &map->apm)
        control_json_append(adapters, view_adapter(core, apid));
    view = json_pack("{s:o, s:o, s:o, s:o}", "adapters", adapters, "domains",
                     control_json_ids(&map->aqm), "mdevs", mdevs, "rows", map_rows(core, map));
    free(map);
    return view;
}

static json_t *run_export(struct control_call *call, struct control_error *error)
{
    const struct control_ops *ops = call->state->ops;
    text_auto file = {0};

    ops->export(ops->data, &file);
    return json_pack("{s:o}", "machine", control_json_string(file.data));
}

const struct control_command control_commands_view[] = {
    {.name = "status",
     .what = "An overview: machine, masks, numbers of queues by owner, mediated devices and "
             "guests.",
     .returns = "version, abi, clock (real or virtual), time, scans, apmask, aqmask; lpar: "
                "adapters, domains, control_domains, max_adapter, max_domain; adapters: objects "
                "with id, type, state (online, standby, checkstop), serial, in_lpar, online, "
                "checkstop, card (the host's bus has a device); queues: total, zcrypt, vfio_ap, "
                "unbound, assigned, in_use; mdevs: objects with uuid, guest (or null), adapters, "
                "domains, control_domains, and usable: an object with the same three, as far as a "
                "guest gets them; guests: as in guest-list",
     .run = run_status},
    {.name = "map",
     .what =
         "The owner of each queue. There is a row for each domain and a column for each adapter "
         "that is in the LPAR or assigned to a mediated device.",
     .returns = "adapters: as in status, for the columns; domains: numbers, for the rows; mdevs: "
                "objects with uuid and guest; rows: an array of arrays of cells. A cell is a "
                "string: z for a queue bound to a zcrypt driver, v for vfio_ap, u for no driver, - "
                "if the host has no such queue; then the number of the mediated device that it is "
                "assigned to, counted from 1 as in mdevs; then * if a guest can use it now",
     .run = run_map},
    {.name = "export",
     .what = "The present state as a machine file, see apus-machine(5): a machine that starts from "
             "it is in the same state. Counters, requests under way, and removals that wait for a "
             "guest are not in it.",
     .returns = "machine: the text of the file",
     .run = run_export},
    {.name = "se-show",
     .what = "The view of the Support Element: the adapters of the machine, and the LPAR.",
     .returns = "adapters and lpar, as in status",
     .run = run_se_show},
    {.name = NULL}};
