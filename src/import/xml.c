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

    if (!name.len)
        known_note(k, NOTE_MISSING, k->now, "a domain without a name is left out");
    if (!g)
        return;
    if (running || attribute(domain, "id").len)
        known_running(k, g, true);
    for (const xmlNode *at = devices ? devices->children : NULL; at; at = at->next) {
        struct slice text = attribute(child(child(at, "source"), "address"), "uuid");
        struct uuid uuid;

        if (!is_ap(at))
            continue;
        if (!read_uuid(text, &uuid)) {
            known_note(k, NOTE_MISSING, k->now,
                       "guest %.60s: a mediated device without a UUID is left out: %.*s", g->name,
                       (int)(text.len < 60 ? text.len : 60), text.at);
            continue;
        }
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
        !number_of(child(capability, "ap-domain"), &apqi)) {
        struct slice name = content(child(device, "name"));

        known_note(k, NOTE_MISSING, k->now,
                   "a queue without an adapter and a domain from 0 to 255 is left out: %.*s",
                   (int)(name.len < 60 ? name.len : 60), name.at);
        return;
    }
    qn = AP_QN(apid, apqi);
    known_queue(k, qn, QUEUE_EXISTS, true);
    if (driver.len)
        known_queue(k, qn, QUEUE_DRIVER,
                    slice_is(driver, "vfio_ap") ? DRIVER_VFIO_AP : DRIVER_ZCRYPT);
}

/* "mdev_69aa1a8a_0000_4000_8000_000000000001", or with its parent behind. */
static bool name_uuid(struct slice name, struct uuid *out)
{
    char text[UUID_TEXT] = "";

    if (!slice_starts(name, "mdev_") || name.len < 5 + UUID_TEXT - 1)
        return false;
    for (unsigned i = 0; i < UUID_TEXT - 1; i++)
        text[i] = name.at[5 + i] == '_' ? '-' : name.at[5 + i];
    return uuid_parse(text, UUID_TEXT - 1, out) == 0;
}

/* Up to libvirt 7.2 the UUID is in the name only. A device that runs has no attributes here. */
static int mdev_read(struct known *k, const xmlNode *device, const xmlNode *capability,
                     struct text *why)
{
    struct slice uuid = content(child(capability, "uuid"));
    struct known_matrix m = {0};
    bool any = child(capability, "attr") != NULL;
    struct known_device *d;
    struct uuid id;

    if (!slice_is(attribute(child(capability, "type"), "id"), "vfio_ap-passthrough"))
        return 0;
    if (!read_uuid(uuid, &id) && (uuid.len || !name_uuid(content(child(device, "name")), &id)))
        return slice_refuse(why, -EINVAL, "the device has no UUID: ", uuid, "");
    for (const xmlNode *at = capability->children; at; at = at->next)
        if (is(at, "attr") && !read_assignment(&m, attribute(at, "name"), attribute(at, "value")))
            return slice_refuse(why, -EINVAL,
                                "not an attribute of a device: ", attribute(at, "value"), "");
    d = known_device(k, &id);
    if (!d)
        return 0;
    if (any)
        known_matrix(k, d, &d->defined, &m);
    if (!d->listed)
        d->listed = k->now;
    return 0;
}

/* Without its type, which other sources say. */
static void card_read(struct known *k, const xmlNode *device, const xmlNode *capability)
{
    unsigned apid;

    if (number_of(child(capability, "ap-adapter"), &apid))
        known_adapter(k, apid, ADAPTER_BOUND, child(device, "driver") != NULL);
    else
        known_note(k, NOTE_MISSING, k->now, "a card without an adapter from 0 to 255 is left out");
}

static int device_read(struct known *k, const xmlNode *device, struct text *why)
{
    for (const xmlNode *at = device->children; at; at = at->next) {
        struct slice type = is(at, "capability") ? attribute(at, "type") : (struct slice){"", 0};

        if (slice_is(type, "ap_queue"))
            queue_read(k, device, at);
        else if (slice_is(type, "mdev") && mdev_read(k, device, at, why) < 0)
            return -EINVAL;
        else if (slice_is(type, "ap_card"))
            card_read(k, device, at);
        else if (type.len && !slice_is(type, "mdev") && !slice_is(type, "ap_matrix"))
            known_note(k, NOTE_MISSING, k->now, "a node device of the kind %.*s says nothing here",
                       (int)(type.len < 40 ? type.len : 40), type.at);
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

/* The first complaint of a document; its words may repeat what is in the source. */
static void first_error(void *data, const xmlError *e)
{
    struct text *why = data;

    if (why->len || e->level < XML_ERR_ERROR || !e->message)
        return;
    text_addf(why, "not valid XML in line %d: ", e->line);
    for (const char *at = e->message; *at && *at != '\n'; at++)
        text_add(why, (unsigned char)*at < ' ' || *at == 0x7f ? "?" : at, 1);
}

static xmlDoc *document(struct slice data, struct text *complaint)
{
    xmlDoc *doc;

    xmlSetGenericErrorFunc(NULL, unheard);
    xmlSetStructuredErrorFunc(complaint, (xmlStructuredErrorFunc)(void (*)(void))first_error);
    doc = xmlReadMemory(data.at, (int)data.len, NULL, NULL, XML_PARSE_NONET);
    xmlSetStructuredErrorFunc(NULL, NULL);
    return doc;
}

int read_xml(struct known *k, const char *name, struct slice data, struct text *why)
{
    bool declared = read_has(data, "<!DOCTYPE");
    text_auto complaint = {0};
    xmlDoc *doc;
    int rc = -EINVAL;

    known_source(k, name, RANK_LIST);
    doc = declared ? NULL : document(data, &complaint);
    if (declared)
        text_adds(why, "XML with a document type declaration, which libvirt does not write");
    else if (!doc || doc->intSubset || !xmlDocGetRootElement(doc))
        text_adds(why, complaint.len ? complaint.data : "not valid XML");
    else
        rc = root_read(k, xmlDocGetRootElement(doc), why);
    xmlFreeDoc(doc);
    return rc;
}
