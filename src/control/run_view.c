/* SPDX-License-Identifier: MIT */
/* Commands that show an overview: machine, ownership, devices. */
#include <string.h>

#include "base/abi.h"
#include "control/command.h"
#include "control/json.h"
#include "control/view.h"

static const char *const clocks[] = {"real", "virtual", NULL};

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

json_t *control_view_features(unsigned features)
{
    json_t *list = json_array();

    for (unsigned i = 0; control_guest_features[i]; i++)
        if (features >> i & 1)
            control_json_append(list, json_string(control_guest_features[i]));
    return list;
}

json_t *control_view_guest(const struct guest_info *guest)
{
    json_t *view = json_object();

    control_json_set(view, "name", control_json_string(guest->name));
    control_json_set(view, "number", json_integer(guest->number));
    control_json_set(view, "kind", json_string(control_guest_kinds[!guest->connected]));
    control_json_set(view, "features", control_view_features(guest->features));
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

const char *control_view_adapter_state(const struct adapter_info *a)
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
                     "state", control_view_adapter_state(&a), "serial",
                     a.installed ? a.config->serial : "", "in_lpar", a.in_lpar, "online", a.online,
                     "checkstop", a.checkstopped, "card", a.device);
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
     .returns =
         (const struct result[]){
             {"version", RESULT_STRING, 0, "the version of apus"},
             {"abi", RESULT_STRING, 0, "the profile: proposal or upstream"},
             {"clock", RESULT_CHOICE, 0, "the daemon's clock", NULL, clocks},
             {"time", RESULT_NUMBER, 0, "seconds since the daemon started"},
             {"scans", RESULT_INTEGER, 0, "how often the bus was scanned"},
             {"apmask", RESULT_MASK, 0, "as the attribute"},
             {"aqmask", RESULT_MASK, 0, "as the attribute"},
             {"lpar", RESULT_OBJECT, 0, "the LPAR", &result_lpar},
             {"adapters", RESULT_OBJECT, RESULT_LIST, "those of the machine", &result_adapter},
             {"queues", RESULT_OBJECT, 0, "how many, by owner", &result_queues},
             {"mdevs", RESULT_OBJECT, RESULT_LIST, "mediated devices", &result_mdev},
             {"guests", RESULT_OBJECT, RESULT_LIST, "those that run", &result_guest},
             {NULL}},
     .run = run_status},
    {.name = "export",
     .what = "The present state as a machine file, see apus-machine(5): a machine that starts from "
             "it is in the same state. Counters, requests under way, and removals that wait for a "
             "guest are not in it.",
     .returns =
         (const struct result[]){{"machine", RESULT_STRING, 0, "the text of the file"}, {NULL}},
     .run = run_export},
    {.name = "se-show",
     .what = "The view of the Support Element: the adapters of the machine, and the LPAR.",
     .returns = (const struct result[]){{"adapters", RESULT_OBJECT, RESULT_LIST,
                                         "those of the machine", &result_adapter},
                                        {"lpar", RESULT_OBJECT, 0, "the LPAR", &result_lpar},
                                        {NULL}},
     .run = run_se_show},
    {.name = NULL}};
