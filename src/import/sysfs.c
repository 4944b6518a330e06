/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "import/read.h"
#include "machine/config.h"

/*
 * Files of a copy of /sys. Copies differ: attributes are padded with NUL bytes to 4096 or cut
 * there, links have become directories or are missing, and some files could not be read. So the
 * driver of a device is taken from its link, its uevent, or the driver's own directory.
 */

/* As much as an attribute can have. */
#define PAGE 4096u

/* The place of an attribute: a path below /sys, taken apart. */
struct place {
    enum { AT_BUS, AT_CARD, AT_QUEUE, AT_DEVICE, AT_PARENT, AT_DRIVER } at;
    unsigned apid;
    ap_qn qn;
    struct uuid uuid;
    struct slice driver;
    struct slice name; /* of the file */
};

static bool card_name(struct slice s, unsigned *apid)
{
    return slice_starts(s, "card") && read_apid(slice_from(s, 4), apid);
}

/* "card05/type", "card05/05.0004/online", "05.0004/online". */
static bool device_path(struct slice rest, struct place *out)
{
    struct slice first;

    slice_cut(rest, '/', &first, &rest);
    out->at = AT_CARD;
    if (card_name(first, &out->apid)) {
        slice_cut(rest, '/', &first, &out->name);
        if (!out->name.len) {
            out->name = first;
            return true;
        }
        rest = out->name;
    }
    out->at = AT_QUEUE;
    out->name = rest;
    return read_apqn(first, &out->qn);
}

static bool matrix_path(struct slice rest, struct place *out)
{
    struct slice first;

    out->at = AT_DEVICE;
    slice_cut(rest, '/', &first, &out->name);
    if (read_uuid(first, &out->uuid))
        return true;
    out->at = AT_PARENT;
    out->name = rest;
    return true;
}

static bool driver_path(struct slice rest, struct place *out)
{
    out->at = AT_DRIVER;
    slice_cut(rest, '/', &out->driver, &out->name);
    return read_apqn(out->name, &out->qn);
}

/* Behind the last folder of that name: a copy may lie in folders of any name. */
static struct slice behind(const char *path, const char *folder)
{
    struct slice rest = {"", 0};

    for (const char *at = path; (at = strstr(at, folder)); at++)
        if (at == path || at[-1] == '/')
            rest = (struct slice){at + strlen(folder), strlen(at + strlen(folder))};
    return rest;
}

static bool place_find(const char *path, struct place *out)
{
    struct slice card = behind(path, "devices/ap/"),
                 matrix = behind(path, "devices/vfio_ap/matrix/"), rest = behind(path, "bus/ap/");

    if (card.len && (!rest.len || card.len < rest.len) && (!matrix.len || card.len < matrix.len))
        return device_path(card, out);
    if (matrix.len && (!rest.len || matrix.len < rest.len))
        return matrix_path(matrix, out);
    if (slice_starts(rest, "devices/"))
        return device_path(slice_from(rest, 8), out);
    if (slice_starts(rest, "drivers/"))
        return driver_path(slice_from(rest, 8), out);
    out->at = AT_BUS;
    out->name = rest;
    return rest.len > 0;
}

typedef bool attribute_function(struct known *k, const struct place *p, struct slice value,
                                unsigned which);

static bool decimal(struct slice value, uint64_t *out)
{
    return number_parse_u64(value.at, value.len, 0, out) == 0;
}

static bool host_number(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    uint64_t number;

    /* No default domain is -1. */
    if (which == HOST_DOMAIN && slice_starts(value, "-"))
        return true;
    if (!decimal(value, &number))
        return false;
    known_host(k, which, number);
    return true;
}

static bool host_features(struct known *k, const struct place *p, struct slice value,
                          unsigned which)
{
    known_host(k, which, read_features(k, value));
    return true;
}

static bool host_mask(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    struct mask256 mask;

    /* The kernel shows all digits; a file that was copied while it could not be read is empty. */
    if (value.len <= 2 || memcmp(value.at, "0x", 2) != 0 ||
        mask256_parse_absolute(value.at, value.len, &mask) < 0)
        return false;
    known_mask(k, which, mask);
    return true;
}

static bool card_number(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    uint64_t number;

    if (!decimal(value, &number))
        return false;
    known_adapter(k, p->apid, which, number);
    return true;
}

static bool card_switch(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    uint64_t number;

    if (!decimal(value, &number) || number > 1)
        return false;
    known_adapter(k, p->apid, which, number);
    return true;
}

static bool card_type(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    uint64_t type;

    if (!read_type(value, &type))
        return false;
    known_adapter(k, p->apid, which, type);
    return true;
}

static bool card_serial(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    known_serial(k, p->apid, value.at, value.len);
    return true;
}

/* A line KEY=VALUE of a uevent. */
static struct slice uevent_value(struct slice text, const char *key)
{
    for (struct slice line; read_line(&text, &line);)
        if (slice_starts(line, key))
            return slice_from(line, strlen(key));
    return (struct slice){"", 0};
}

/* A card without a driver has no attribute type. */
static bool card_hardware(struct known *k, const struct place *p, struct slice value)
{
    struct slice mode = uevent_value(value, "MODE="), hardware = uevent_value(value, "DEV_TYPE=");
    unsigned letter = slice_is(mode, "accel") ? AP_MODE_ACCEL
                      : slice_is(mode, "cca") ? AP_MODE_CCA
                                              : AP_MODE_EP11;
    unsigned type, high;

    if (hardware.len != 4 || !mode.len || !read_apid((struct slice){hardware.at, 2}, &high) ||
        !read_apid(slice_from(hardware, 2), &type) || high || type < 10 || type > 14)
        return false;
    known_adapter(k, p->apid, ADAPTER_TYPE, KNOWN_TYPE(type, letter));
    return true;
}

static bool card_uevent(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    known_adapter(k, p->apid, ADAPTER_BOUND, uevent_value(value, "DRIVER=").len > 0);
    card_hardware(k, p, value);
    return true;
}

static void queue_driver(struct known *k, ap_qn qn, struct slice driver)
{
    if (driver.len && !slice_is(driver, "vfio_ap") && !slice_starts(driver, "cex"))
        known_note(k, NOTE_MISSING, k->now,
                   "%02x.%04x: its driver %.*s is unknown, so it has none here", AP_QN_APID(qn),
                   AP_QN_APQI(qn), (int)(driver.len < 40 ? driver.len : 40), driver.at);
    known_queue(k, qn, QUEUE_EXISTS, true);
    known_queue(k, qn, QUEUE_DRIVER,
                slice_is(driver, "vfio_ap")   ? DRIVER_VFIO_AP
                : slice_starts(driver, "cex") ? DRIVER_ZCRYPT
                                              : DRIVER_NONE);
}

static bool queue_uevent(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    queue_driver(k, p->qn, uevent_value(value, "DRIVER="));
    return true;
}

static bool queue_switch(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    uint64_t number;

    if (!decimal(value, &number) || number > 1)
        return false;
    known_queue(k, p->qn, which, number);
    return true;
}

static bool queue_status(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    known_queue(k, p->qn, which, slice_is(value, "in use"));
    return true;
}

static bool queue_override(struct known *k, const struct place *p, struct slice value,
                           unsigned which)
{
    if (value.len && !slice_is(value, "(null)"))
        known_override(k, p->qn, value.at, value.len);
    return true;
}

/* "05.0004", or only a half of it where nothing of the other kind is assigned. */
static bool matrix_line(struct slice line, struct known_matrix *m)
{
    unsigned apid, high, apqi;
    ap_qn qn;

    if (read_apqn(line, &qn)) {
        mask256_set(&m->apm, AP_QN_APID(qn));
        mask256_set(&m->aqm, AP_QN_APQI(qn));
    } else if (line.len == 3 && line.at[2] == '.' && read_apid((struct slice){line.at, 2}, &apid)) {
        mask256_set(&m->apm, apid);
    } else if (line.len == 5 && *line.at == '.' &&
               read_apid((struct slice){line.at + 1, 2}, &high) && !high &&
               read_apid(slice_from(line, 3), &apqi)) {
        mask256_set(&m->aqm, apqi);
    } else {
        return false;
    }
    return true;
}

/* The last line of an attribute that was cut may be a part of one. */
static bool matrix_read(struct slice value, bool cut, struct known_matrix *m)
{
    for (struct slice line; read_line(&value, &line);)
        if (!matrix_line(line, m) && !(cut && !value.len))
            return false;
    return true;
}

static struct known_device *device(struct known *k, const struct place *p)
{
    struct known_device *d = known_device(k, &p->uuid);

    if (d && !d->runs)
        d->runs = k->now;
    return d;
}

/* Whoever reads the three masks has all; what the lists say then agrees. */
static void merge(struct known_matrix *to, const struct known_matrix *m, known_from now)
{
    to->apm = mask256_or(to->apm, m->apm);
    to->aqm = mask256_or(to->aqm, m->aqm);
    to->adm = mask256_or(to->adm, m->adm);
    to->from = now;
}

static bool mdev_config(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    static const char name[] = "ap_config";
    struct known_device *d = device(k, p);
    struct known_matrix m = {0};

    if (!read_assignment(&m, (struct slice){name, sizeof name - 1}, value))
        return false;
    if (!d)
        return true;
    merge(&d->assigned, &m, k->now);
    d->has_config = true;
    return true;
}

static bool mdev_matrix(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    struct known_device *d = device(k, p);
    struct known_matrix m = {0};
    bool cut = value.len >= PAGE - 8;

    if (!matrix_read(value, cut, &m))
        return false;
    if (!d)
        return true;
    merge(&d->assigned, &m, k->now);
    d->is_cut = cut;
    return true;
}

static bool mdev_guest(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    struct known_device *d = device(k, p);
    struct known_matrix m = {0};

    if (value.len >= PAGE - 8) {
        known_note(k, NOTE_MISSING, k->now, "guest_matrix has more than a page and is left out");
        return true;
    }
    if (!matrix_read(value, false, &m))
        return false;
    if (d)
        merge(&d->guest, &m, k->now);
    return true;
}

static bool mdev_control(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    struct known_device *d = device(k, p);
    struct known_matrix m = {0};

    for (struct slice line; read_line(&value, &line);) {
        unsigned high, apqi;

        if (line.len != 4 || !read_apid((struct slice){line.at, 2}, &high) || high ||
            !read_apid(slice_from(line, 2), &apqi))
            return false;
        mask256_set(&m.adm, apqi);
    }
    if (d)
        merge(&d->assigned, &m, k->now);
    return true;
}

static bool mdev_uevent(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    struct known_device *d = device(k, p);

    if (d)
        known_flag(k, d, &d->unbound, !uevent_value(value, "DRIVER=").len, "has no driver");
    return true;
}

/* Where the parent is, its devices are, too. */
static bool parent_seen(struct known *k, const struct place *p, struct slice value, unsigned which)
{
    return true;
}

struct attribute {
    const char *name;
    attribute_function *read;
    unsigned which;
};

static const struct attribute bus_attributes[] = {
    {"ap_adapter_mask", host_mask, MASK_ADAPTERS},
    {"ap_usage_domain_mask", host_mask, MASK_USAGE},
    {"ap_control_domain_mask", host_mask, MASK_CONTROL},
    {"apmask", host_mask, MASK_AP},
    {"aqmask", host_mask, MASK_AQ},
    {"ap_max_adapter_id", host_number, HOST_MAX_ADAPTER},
    {"ap_max_domain_id", host_number, HOST_MAX_DOMAIN},
    {"features", host_features, HOST_FEATURES},
    {"ap_interrupts", host_number, HOST_INTERRUPTS},
    {"ap_domain", host_number, HOST_DOMAIN},
    {"config_time", host_number, HOST_CONFIG_TIME},
    {"poll_thread", host_number, HOST_POLL_THREAD},
    {"poll_timeout", host_number, HOST_POLL_TIMEOUT},
    {"drivers_autoprobe", host_number, HOST_AUTOPROBE},
    {0}};

static const struct attribute card_attributes[] = {{"type", card_type, ADAPTER_TYPE},
                                                   {"config", card_switch, ADAPTER_CONFIGURED},
                                                   {"chkstop", card_switch, ADAPTER_CHECKSTOPPED},
                                                   {"ap_functions", card_number, ADAPTER_FUNCTIONS},
                                                   {"depth", card_number, ADAPTER_DEPTH},
                                                   {"max_msg_size", card_number, ADAPTER_MESSAGE},
                                                   {"online", card_switch, ADAPTER_ONLINE},
                                                   {"serialnr", card_serial, 0},
                                                   {"uevent", card_uevent, 0},
                                                   {0}};

static const struct attribute queue_attributes[] = {{"online", queue_switch, QUEUE_ONLINE},
                                                    {"status", queue_status, QUEUE_IN_USE},
                                                    {"driver_override", queue_override, 0},
                                                    {"uevent", queue_uevent, 0},
                                                    {0}};

static const struct attribute device_attributes[] = {
    {"matrix", mdev_matrix, 0},    {"guest_matrix", mdev_guest, 0},
    {"ap_config", mdev_config, 0}, {"control_domains", mdev_control, 0},
    {"uevent", mdev_uevent, 0},    {0}};

#define TYPE "mdev_supported_types/vfio_ap-passthrough/"
static const struct attribute parent_attributes[] = {{"uevent", parent_seen, 0},
                                                     {"features", parent_seen, 0},
                                                     {TYPE "available_instances", parent_seen, 0},
                                                     {TYPE "device_api", parent_seen, 0},
                                                     {TYPE "name", parent_seen, 0},
                                                     {0}};

static const struct attribute *const tables[] = {
    [AT_BUS] = bus_attributes,       [AT_CARD] = card_attributes,     [AT_QUEUE] = queue_attributes,
    [AT_DEVICE] = device_attributes, [AT_PARENT] = parent_attributes, [AT_DRIVER] = NULL};

static const struct attribute *attribute_find(const struct place *p)
{
    for (const struct attribute *a = tables[p->at]; a && a->name; a++)
        if (slice_is(p->name, a->name))
            return a;
    return NULL;
}

bool sysfs_wanted(const char *path)
{
    struct place p = {0};

    if (!place_find(path, &p))
        return false;
    return p.at == AT_DRIVER || slice_is(p.name, "driver") || slice_is(p.name, "iommu_group") ||
           attribute_find(&p);
}

/* One that has a part of devices/vfio_ap shows every device that runs. */
static void claim(struct known *k, const struct place *p)
{
    if (k->copy && strcmp(known_name(k, k->copy), known_name(k, k->now)) != 0)
        known_note(
            k, NOTE_CONTRADICTION, k->now,
            "a second copy of /sys beside %s; a machine has one, so only one should be given",
            known_name(k, k->copy));
    k->copy = k->now;
    if (p->at == AT_DEVICE || p->at == AT_PARENT)
        k->lists_devices = k->now;
}

void sysfs_attribute(struct known *k, const char *path, struct slice data)
{
    struct place p = {0};
    const struct attribute *a = place_find(path, &p) ? attribute_find(&p) : NULL;
    const char *end = data.len ? memchr(data.at, '\0', data.len) : NULL;

    if (!a)
        return;
    if (end)
        data.len = (size_t)(end - data.at);
    claim(k, &p);
    if (p.at == AT_QUEUE)
        known_queue(k, p.qn, QUEUE_EXISTS, true);
    data = slice_trim(data, " \t\r\n");
    if (!a->read(k, &p, data, a->which))
        known_note(k, NOTE_MISSING, k->now, "%.200s is not understood", path);
}

void sysfs_link(struct known *k, const char *path, const char *target)
{
    const char *base = read_base(target);
    struct slice name = {base, strlen(base)};
    struct known_device *d;
    struct place p = {0};
    uint64_t group;

    if (!place_find(path, &p))
        return;
    if (p.at == AT_DRIVER)
        queue_driver(k, p.qn, p.driver);
    else if (p.at == AT_QUEUE && slice_is(p.name, "driver"))
        queue_driver(k, p.qn, name);
    else if (p.at == AT_CARD && slice_is(p.name, "driver"))
        known_adapter(k, p.apid, ADAPTER_BOUND, true);
    else if (p.at == AT_DEVICE && slice_is(p.name, "iommu_group") && decimal(name, &group) &&
             group <= UINT16_MAX && (d = device(k, &p)))
        d->group = (struct fact){k->now, group};
}
