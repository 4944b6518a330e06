/* SPDX-License-Identifier: MIT */
#include "store/export.h"

#define TYPE "vfio_ap-passthrough"

/* One attribute to write: adapters first, so that an interrupted definition gives no queue. */
typedef void attribute_function(struct text *out, bool first, const char *name, unsigned id);

static void each_attribute(const struct mdev_info *m, attribute_function *add, struct text *out)
{
    bool first = true;

    mask256_for_each (apid, &m->apm) {
        add(out, first, "assign_adapter", apid);
        first = false;
    }
    mask256_for_each (apqi, &m->aqm) {
        add(out, first, "assign_domain", apqi);
        first = false;
    }
    mask256_for_each (apqi, &m->adm) {
        add(out, first, "assign_control_domain", apqi);
        first = false;
    }
}

static void add_json(struct text *out, bool first, const char *name, unsigned id)
{
    text_addf(out, "%s\n    {\n      \"%s\": \"0x%x\"\n    }", first ? "" : ",", name, id);
}

void export_mdevctl(const struct mdev_info *m, struct text *out)
{
    text_addf(out, "{\n  \"mdev_type\": \"" TYPE "\",\n  \"start\": \"%s\",\n  \"attrs\": [",
              m->autostart ? "auto" : "manual");
    each_attribute(m, add_json, out);
    text_adds(out, "\n  ]\n}\n");
}

static void add_xml(struct text *out, bool first, const char *name, unsigned id)
{
    text_addf(out, "    <attr name='%s' value='0x%x'/>\n", name, id);
}

void export_libvirt(const struct mdev_info *m, struct text *out)
{
    char uuid[UUID_TEXT];

    uuid_format(&m->uuid, uuid);
    text_addf(out,
              "<device>\n  <parent>ap_matrix</parent>\n  <capability type='mdev'>\n"
              "    <type id='" TYPE "'/>\n    <uuid>%s</uuid>\n",
              uuid);
    each_attribute(m, add_xml, out);
    text_adds(out, "  </capability>\n</device>\n");
}
