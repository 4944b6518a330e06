/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <libxml/parser.h>
#include <string.h>

#include "base/number.h"
#include "import/read.h"

/*
 * libvirt's XML of domains and node devices. A document type declaration, which libvirt never
 * writes, is refused: it is where entities come from.
 */

static bool is(const xmlNode *n, const char *name)
{
    return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

static const xmlNode *child(const xmlNode *n, const char *name)
{
    for (const xmlNode *at = n ? n->children : NULL; at; at = at->next)
        if (is(at, name))
            return at;
    return NULL;
}

/* Without its blanks. */
static struct slice content(const xmlNode *n)
{
    const xmlNode *text = n ? n->children : NULL;

    if (!text || (text->type != XML_TEXT_NODE && text->type != XML_CDATA_SECTION_NODE) ||
        !text->content)
        return (struct slice){"", 0};
    return slice_trim(
        (struct slice){(const char *)text->content, strlen((const char *)text->content)},
        " \t\r\n");
}

static struct slice attribute(const xmlNode *n, const char *name)
{
    for (const xmlAttr *a = n ? n->properties : NULL; a; a = a->next)
        if (strcmp((const char *)a->name, name) == 0 && a->children && a->children->content)
            return (struct slice){(const char *)a->children->content,
                                  strlen((const char *)a->children->content)};
    return (struct slice){"", 0};
}

static bool is_ap(const xmlNode *hostdev)
{
    return is(hostdev, "hostdev") && slice_is(attribute(hostdev, "type"), "mdev") &&
           slice_is(attribute(hostdev, "model"), "vfio-ap");
}

static void domain_read(struct known *k, const xmlNode *domain, bool running)
{
    struct slice name = content(child(domain, "name"));
    struct known_guest *g = name.len ? known_guest(k, name.at, name.len) : NULL;
    const xmlNode *devices = child(domain, "devices");

    if (!g)
        return;
    if (running || attribute(domain, "id").len)
        known_running(k, g, true);
    for (const xmlNode *at = devices ? devices->children : NULL; at; at = at->next) {
        struct uuid uuid;

        if (!is_ap(at) ||
            !read_uuid(attribute(child(child(at, "source"), "address"), "uuid"), &uuid))
            continue;
        if (g->has_mdev && !uuid_equal(&g->mdev, &uuid))
            known_note(k, NOTE_CONTRADICTION, k->now,
                       "guest %.60s has several mediated devices of vfio_ap; the first is taken",
                       g->name);
        if (!g->has_mdev)
            g->mdev = uuid;
        g->has_mdev = true;
    }
}

static bool number_of(const xmlNode *n, unsigned *out)
{
    struct slice text = content(n);
    uint64_t value;

    if (number_parse_u64(text.at, text.len, 0, &value) < 0 || value >= AP_IDS)
        return false;
    *out = (unsigned)value;
    return true;
}

static void queue_read(struct known *k, const xmlNode *device, const xmlNode *capability)
{
    struct slice driver = content(child(child(device, "driver"), "name"));
    unsigned apid, apqi;
    ap_qn qn;

    if (!number_of(child(capability, "ap-adapter"), &apid) ||
        !number_of(child(capability, "ap-domain"), &apqi))
        return;
    qn = AP_QN(apid, apqi);
    known_queue(k, qn, QUEUE_EXISTS, true);
    if (driver.len)
        known_queue(k, qn, QUEUE_DRIVER,
                    slice_is(driver, "vfio_ap") ? DRIVER_VFIO_AP : DRIVER_ZCRYPT);
}

static int mdev_read(struct known *k, const xmlNode *capability, struct text *why)
{
    struct slice uuid = content(child(capability, "uuid"));
    struct known_matrix m = {0};
    struct known_device *d;
    struct uuid id;

    if (!slice_is(attribute(child(capability, "type"), "id"), "vfio_ap-passthrough"))
        return 0;
    if (!read_uuid(uuid, &id))
        return slice_refuse(why, -EINVAL, "the device has no UUID: ", uuid, "");
    for (const xmlNode *at = capability->children; at; at = at->next)
        if (is(at, "attr") && !read_assignment(&m, attribute(at, "name"), attribute(at, "value")))
            return slice_refuse(why, -EINVAL,
                                "not an attribute of a device: ", attribute(at, "value"), "");
    d = known_device(k, &id);
    if (!d)
        return 0;
    known_matrix(k, d, &d->defined, &m);
    if (!d->listed)
        d->listed = k->now;
    return 0;
}

static int device_read(struct known *k, const xmlNode *device, struct text *why)
{
    for (const xmlNode *at = device->children; at; at = at->next) {
        struct slice type = is(at, "capability") ? attribute(at, "type") : (struct slice){"", 0};

        if (slice_is(type, "ap_queue"))
            queue_read(k, device, at);
        else if (slice_is(type, "mdev") && mdev_read(k, at, why) < 0)
            return -EINVAL;
    }
    return 0;
}

static int root_read(struct known *k, const xmlNode *root, struct text *why)
{
    if (is(root, "domain")) {
        domain_read(k, root, false);
    } else if (is(root, "domstatus")) {
        if (child(root, "domain"))
            domain_read(k, child(root, "domain"), slice_is(attribute(root, "state"), "running"));
    } else if (is(root, "device")) {
        return device_read(k, root, why);
    } else {
        text_adds(why, "XML that is neither a domain nor a node device of libvirt");
        return -EINVAL;
    }
    return 0;
}

/* libxml2 writes some complaints about encodings to standard error, unless somebody takes them. */
static void unheard(void *data, const char *format, ...)
{
}

int read_xml(struct known *k, const char *name, struct slice data, struct text *why)
{
    xmlDoc *doc;
    int rc = -EINVAL;

    known_source(k, name, RANK_LIST);
    xmlSetGenericErrorFunc(NULL, unheard);
    doc = read_has(data, "<!DOCTYPE")
              ? NULL
              : xmlReadMemory(data.at, (int)data.len, NULL, NULL,
                              XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!doc && read_has(data, "<!DOCTYPE"))
        text_adds(why, "XML with a document type declaration, which libvirt does not write");
    else if (!doc || doc->intSubset || !xmlDocGetRootElement(doc))
        text_adds(why, "not valid XML");
    else
        rc = root_read(k, xmlDocGetRootElement(doc), why);
    xmlFreeDoc(doc);
    return rc;
}
