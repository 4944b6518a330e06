/* SPDX-License-Identifier: MIT */
#include "plan/explain.h"

#include <errno.h>
#include <string.h>

#include "base/abi.h"
#include "base/list.h"
#include "core/saved.h"

static bool is_vfio_ap(const struct apqn_info *q)
{
    return q->driver && strcmp(q->driver, "vfio_ap") == 0;
}

/* Returns false if the hardware already decides that there is no queue. */
static bool explain_hardware(const struct core *c, ap_qn qn, struct text *out)
{
    unsigned apid = AP_QN_APID(qn), apqi = AP_QN_APQI(qn);
    struct adapter_info a;
    struct host_info host;
    char type[8];

    core_adapter_info(c, apid, &a);
    core_host_info(c, &host);
    if (!a.installed) {
        text_addf(out, "the machine has no adapter 0x%02x: there is no queue\n", apid);
        return false;
    }
    machine_adapter_type_format(a.config, type);
    text_addf(out, "adapter 0x%02x (%s) is %s the LPAR and %s\n", apid, type,
              a.in_lpar ? "in" : "not in",
              a.checkstopped ? "check-stopped"
              : a.online     ? "online"
                             : "in standby");
    text_addf(out, "domain 0x%02x is %s usage domain of the LPAR\n", apqi,
              mask256_test(&host.aqm, apqi) ? "a" : "no");
    if (a.in_lpar && mask256_test(&host.aqm, apqi))
        return true;
    text_adds(out,
              "so the LPAR has no such queue; the Support Element decides that (apus se lpar)\n");
    return false;
}

static void explain_override(const char *name, size_t len, bool bound, struct text *out)
{
    text_adds(out, "driver_override reserves it for ");
    text_add_quoted(out, name, len);
    text_adds(out, bound
                       ? "; that decides, and masks do not count\n"
                       : "; that counts once a driver has it, and until then it is for zcrypt, as "
                         "the masks say\n");
}

static void explain_masks(const struct core *c, ap_qn qn, struct text *out)
{
    unsigned apid = AP_QN_APID(qn), apqi = AP_QN_APQI(qn);
    struct change of = {.kind = STATE_OVERRIDE, .id = qn};
    struct host_info host;
    struct saved override;
    struct apqn_info q;
    bool adapter, domain;

    if (saved_get(c, &of, &override)) {
        core_apqn_info(c, qn, &q);
        explain_override(override.override.name, override.override.len, q.driver != NULL, out);
        return;
    }
    core_host_info(c, &host);
    adapter = mask256_test(&host.apmask, apid);
    domain = mask256_test(&host.aqmask, apqi);
    if (adapter && domain)
        text_addf(out, "bit 0x%02x of apmask and bit 0x%02x of aqmask are set: it is for zcrypt\n",
                  apid, apqi);
    else if (!adapter)
        text_addf(out, "bit 0x%02x of apmask is clear%s: it is for vfio_ap\n", apid,
                  domain ? "" : ", and so is that of aqmask");
    else
        text_addf(out, "bit 0x%02x of aqmask is clear: it is for vfio_ap\n", apqi);
}

static void explain_driver(const struct apqn_info *q, struct text *out)
{
    if (!q->device)
        text_adds(out, "the bus has no device for it: it does not answer, or Linux does not "
                       "support its type\n");
    else if (q->driver)
        text_addf(out, "it is bound to %s\n", q->driver);
    else
        text_adds(out, "it is bound to no driver: it was unbound by hand, or no driver supports "
                       "its type\n");
}

void explain_queue(const struct core *c, ap_qn qn, struct text *out)
{
    char uuid[UUID_TEXT], name[AP_QN_TEXT];
    struct apqn_info q;
    bool there;

    core_apqn_info(c, qn, &q);
    ap_qn_format(qn, name);
    text_addf(out, "%s\n", name);
    there = explain_hardware(c, qn, out);
    explain_masks(c, qn, out);
    if (there)
        explain_driver(&q, out);
    if (!q.assigned) {
        text_adds(out, "it is assigned to no mediated device\n");
        return;
    }
    uuid_format(&q.mdev, uuid);
    text_addf(out, "it is assigned to %s\n", uuid);
    if (!q.guest)
        text_adds(out, "no guest has that device\n");
    else if (q.in_use)
        text_addf(out, "guest %s has it\n", q.guest);
    else
        text_addf(out, "guest %s has the device but not this queue; 'apus explain %s' says why\n",
                  q.guest, uuid);
}

/* The first domain whose queue keeps the whole adapter from the guest; AP_IDS: none. */
static unsigned blocking(const struct core *c, unsigned apid, const struct mask256 *domains)
{
    mask256_for_each (apqi, domains) {
        struct apqn_info q;

        core_apqn_info(c, AP_QN(apid, apqi), &q);
        if (!is_vfio_ap(&q))
            return apqi;
    }
    return AP_IDS;
}

static void explain_blocked(const struct core *c, unsigned apid, unsigned apqi, struct text *out)
{
    struct apqn_info q;

    core_apqn_info(c, AP_QN(apid, apqi), &q);
    text_addf(out, "withheld as a whole, because %02x.%04x ", apid, apqi);
    if (!q.device)
        text_adds(out, "is not there");
    else if (q.driver)
        text_addf(out, "is bound to %s", q.driver);
    else
        text_adds(out, "is bound to no driver");
    text_adds(out, "; a guest gets a product of adapters and domains, so one queue less is an "
                   "adapter less\n");
}

static void explain_adapter(const struct core *c, const struct mdev_info *m, unsigned apid,
                            struct text *out)
{
    struct host_info host;
    struct adapter_info a;
    struct mask256 domains;
    unsigned apqi;

    core_host_info(c, &host);
    core_adapter_info(c, apid, &a);
    domains = mask256_and(m->aqm, host.aqm);
    apqi = blocking(c, apid, &domains);
    text_addf(out, "missing: adapter 0x%02x: ", apid);
    if (!mask256_test(&host.apm, apid))
        text_adds(out, "the LPAR does not have it (over-provisioned)\n");
    else if (core_abi(c)->standby_withheld && !a.online)
        text_adds(out, "it is in standby\n");
    else if (apqi < AP_IDS)
        explain_blocked(c, apid, apqi, out);
    else if (m->follows)
        text_adds(out, "the reset of one of its queues has not ended\n");
    else
        text_adds(out,
                  "it was withheld, and this kernel looks again only at the next assignment\n");
}

static void explain_list(const char *what, const struct mask256 *m, struct text *out)
{
    text_auto list = {0};

    ap_list_format(m, &list);
    text_addf(out, "%s: %s\n", what, list.len ? list.data : "none");
}

static void explain_missing(const struct core *c, const struct mdev_info *m, struct text *out)
{
    struct mask256 apm = mask256_andnot(m->apm, m->guest_apm),
                   aqm = mask256_andnot(m->aqm, m->guest_aqm),
                   adm = mask256_andnot(m->adm, m->guest_adm);

    mask256_for_each (apid, &apm)
        explain_adapter(c, m, apid, out);
    mask256_for_each (apqi, &aqm)
        text_addf(out, "missing: domain 0x%02x: the LPAR does not have it (over-provisioned)\n",
                  apqi);
    mask256_for_each (apqi, &adm)
        text_addf(out, "missing: control domain 0x%02x: the LPAR does not have it\n", apqi);
    if (mask256_empty(&apm) && mask256_empty(&aqm) && mask256_empty(&adm))
        text_adds(out, "nothing of what is assigned is missing\n");
}

void explain_mdev(const struct core *c, const struct mdev_info *m, struct text *out)
{
    char uuid[UUID_TEXT];

    uuid_format(&m->uuid, uuid);
    text_addf(out, "%s\n", uuid);
    explain_list("assigned adapters", &m->apm, out);
    explain_list("assigned domains", &m->aqm, out);
    explain_list("assigned control domains", &m->adm, out);
    text_addf(out, "guest: %s\n", m->guest ? m->guest : "none");
    explain_list(m->guest ? "it has the adapters" : "a guest would have the adapters",
                 &m->guest_apm, out);
    explain_list(m->guest ? "it has the domains" : "a guest would have the domains", &m->guest_aqm,
                 out);
    explain_missing(c, m, out);
}

void explain_guest(const struct core *c, const struct guest_info *g, struct text *out)
{
    struct mdev_info m;
    uint32_t cursor = 0;

    text_addf(out, "%s\n", g->name);
    if (!(g->features & GUEST_AP)) {
        text_adds(out, "it was started without the CPU feature ap, so it can have no queue\n");
        return;
    }
    if (!g->attached) {
        text_adds(out, "it has no mediated device, so it has no queue\n");
        return;
    }
    while (core_mdev_next(c, &cursor, &m))
        if (uuid_equal(&m.uuid, &g->mdev))
            explain_mdev(c, &m, out);
}

static bool find_mdev(const struct core *core, const char *text, struct mdev_info *out)
{
    uint32_t cursor = 0;
    struct uuid uuid;

    if (uuid_parse(text, strlen(text), &uuid) < 0)
        return false;
    while (core_mdev_next(core, &cursor, out))
        if (uuid_equal(&out->uuid, &uuid))
            return true;
    return false;
}

int explain_object(const struct core *c, const char *object, struct text *out)
{
    struct guest_info guest;
    struct mdev_info mdev;
    ap_qn qn;

    if (core_guest_find(c, object, &guest) == 0)
        explain_guest(c, &guest, out);
    else if (find_mdev(c, object, &mdev))
        explain_mdev(c, &mdev, out);
    else if (ap_qn_parse(object, &qn) == 0)
        explain_queue(c, qn, out);
    else
        return -ENOENT;
    return 0;
}
