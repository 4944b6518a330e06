/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "import/read.h"
#include "machine/config.h"

/*
 * A CPC in DPM mode: its adapters, and the adapters and domains of one partition, which is the
 * LPAR. The adapter's number is crypto-number, decimal; adapter-id is the PCHID.
 */

#define PREFIX "/api/adapters/"

/* The HMC's dump has an object's properties one level below. */
static const json_t *get(const json_t *object, const char *key)
{
    const json_t *properties = json_object_get(object, "properties");

    return json_object_get(properties ? properties : object, key);
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(get(object, key));

    return value ? value : "";
}

/* "crypto-express-7s" and "cca-coprocessor": CEX7C. */
static bool type_of(const json_t *adapter, uint64_t *out)
{
    const char *card = text(adapter, "detected-card-type"), *mode = text(adapter, "crypto-type");
    char name[8] = "CEX5C";

    if (strncmp(card, "crypto-express-", 15) != 0 || !card[15])
        return false;
    name[3] = card[15];
    name[4] = strcmp(mode, "accelerator") == 0        ? 'A'
              : strcmp(mode, "ep11-coprocessor") == 0 ? 'P'
              : strcmp(mode, "cca-coprocessor") == 0  ? 'C'
                                                      : '?';
    return read_type((struct slice){name, 5}, out);
}

static bool number_of(const json_t *adapter, unsigned *out)
{
    const json_t *number = get(adapter, "crypto-number");

    *out = (unsigned)json_integer_value(number);
    return json_is_integer(number) && json_integer_value(number) >= 0 &&
           json_integer_value(number) < AP_IDS;
}

static bool is_crypto(const json_t *adapter)
{
    return strcmp(text(adapter, "adapter-family"), "crypto") == 0 ||
           strcmp(text(adapter, "type"), "crypto") == 0;
}

static void adapter_read(struct known *k, const json_t *adapter)
{
    unsigned apid;
    uint64_t type;

    if (!is_crypto(adapter))
        return;
    if (!number_of(adapter, &apid) || !type_of(adapter, &type)) {
        known_note(k, NOTE_MISSING, k->now,
                   "a crypto adapter without a known number or type: %.40s", text(adapter, "name"));
        return;
    }
    known_adapter(k, apid, ADAPTER_TYPE, type);
    if (*text(adapter, "state"))
        known_adapter(k, apid, ADAPTER_CONFIGURED, strcmp(text(adapter, "state"), "online") == 0);
}

static bool is_of_uri(const json_t *adapter, const char *uri)
{
    const char *id = text(adapter, "object-id");

    return strcmp(text(adapter, "object-uri"), uri) == 0 ||
           (*id && strncmp(uri, PREFIX, strlen(PREFIX)) == 0 &&
            strcmp(uri + strlen(PREFIX), id) == 0);
}

static void add_uri(struct known *k, const json_t *adapters, const char *uri, struct mask256 *out)
{
    size_t i;
    const json_t *adapter;
    unsigned apid;

    json_array_foreach (adapters, i, adapter) {
        if (is_of_uri(adapter, uri) && number_of(adapter, &apid)) {
            mask256_set(out, apid);
            return;
        }
    }
    known_note(k, NOTE_MISSING, k->now, "the partition's adapter %.60s is not described", uri);
}

/* An entry of crypto-domain-configurations. False: it is none. */
static bool domain_read(const json_t *domain, struct mask256 *usage, struct mask256 *control)
{
    const json_t *index = json_object_get(domain, "domain-index");
    json_int_t number = json_integer_value(index);
    bool is_usage = strcmp(text(domain, "access-mode"), "control-usage") == 0;

    if (!json_is_integer(index) || number < 0 || number >= (json_int_t)AP_IDS ||
        (!is_usage && strcmp(text(domain, "access-mode"), "control") != 0))
        return false;
    mask256_set(control, (unsigned)number);
    mask256_assign(usage, (unsigned)number, is_usage || mask256_test(usage, (unsigned)number));
    return true;
}

static void domains_read(struct known *k, const json_t *domains, struct mask256 *usage,
                         struct mask256 *control)
{
    size_t i;
    const json_t *domain;

    json_array_foreach (domains, i, domain)
        if (!domain_read(domain, usage, control))
            known_note(k, NOTE_MISSING, k->now,
                       "entry %zu of the partition's crypto-domain-configurations is left out: it "
                       "needs a domain-index from 0 to 255 and the access-mode control or "
                       "control-usage",
                       i + 1);
}

static void partition_read(struct known *k, const json_t *cpc, const json_t *partition)
{
    const json_t *crypto = get(partition, "crypto-configuration"), *uri;
    struct mask256 adapters = {0}, usage = {0}, control = {0};
    size_t i;

    json_array_foreach (json_object_get(crypto, "crypto-adapter-uris"), i, uri)
        if (json_is_string(uri))
            add_uri(k, json_object_get(cpc, "adapters"), json_string_value(uri), &adapters);
        else
            known_note(k, NOTE_MISSING, k->now,
                       "entry %zu of the partition's crypto-adapter-uris is no text", i + 1);
    domains_read(k, json_object_get(crypto, "crypto-domain-configurations"), &usage, &control);
    known_mask(k, MASK_ADAPTERS, adapters);
    known_mask(k, MASK_USAGE, usage);
    known_mask(k, MASK_CONTROL, control);
}

static bool has_crypto(const json_t *partition)
{
    return json_array_size(json_object_get(get(partition, "crypto-configuration"),
                                           "crypto-domain-configurations")) > 0;
}

/* The partition that is the LPAR, among those of all CPCs. */
struct choice {
    const json_t *cpc, *partition;
    unsigned found;
};

/* By its name, its short name, or "CPC/NAME". */
static bool is_called(const json_t *cpc, const json_t *partition, const char *wanted)
{
    const char *name = text(partition, "name"), *of = text(cpc, "name");
    size_t len = strlen(of);

    return strcmp(name, wanted) == 0 || strcmp(text(partition, "short-name"), wanted) == 0 ||
           (len && strncmp(wanted, of, len) == 0 && wanted[len] == '/' &&
            strcmp(name, wanted + len + 1) == 0);
}

static struct choice choose(const struct known *k, const json_t *cpcs)
{
    const json_t *cpc, *partition;
    struct choice c = {0};
    size_t i, j;

    json_array_foreach (cpcs, i, cpc) {
        json_array_foreach (json_object_get(cpc, "partitions"), j, partition) {
            if (k->partition ? !is_called(cpc, partition, k->partition) : !has_crypto(partition))
                continue;
            c = (struct choice){cpc, partition, c.found + 1};
        }
    }
    return c;
}

#define LISTED_MAX 100u

static void list(const json_t *cpcs, struct text *out)
{
    bool several = json_array_size(cpcs) > 1;
    const json_t *cpc, *one;
    const char *before = " ";
    unsigned count = 0;
    size_t i, j;

    json_array_foreach (cpcs, i, cpc) {
        json_array_foreach (json_object_get(cpc, "partitions"), j, one) {
            text_auto name = {0};

            if (!has_crypto(one) || ++count > LISTED_MAX)
                continue;
            if (several)
                text_addf(&name, "%.80s/", text(cpc, "name"));
            text_addf(&name, "%.80s", text(one, "name"));
            text_adds(out, before);
            text_add_quoted(out, name.data, name.len);
            before = ", ";
        }
    }
    if (count > LISTED_MAX)
        text_addf(out, " and %u more", count - LISTED_MAX);
}

static int refuse(const struct known *k, const json_t *cpcs, unsigned found, struct text *why)
{
    if (!found && !k->partition)
        text_adds(why, "no partition of the CPC has domains of crypto adapters");
    else
        text_adds(why, !found         ? "there is no such partition; those with domains are:"
                       : k->partition ? "several partitions have that name; those with domains are:"
                                      : "several partitions have domains; --partition says which "
                                        "one is the LPAR:");
    if (found || k->partition)
        list(cpcs, why);
    return -EINVAL;
}

int read_cpcs(struct known *k, const json_t *cpcs, struct text *why)
{
    struct choice c = choose(k, cpcs);
    const json_t *adapter;
    size_t i;

    k->has_cpc = true;
    if (c.found != 1)
        return refuse(k, cpcs, c.found, why);
    if (!k->partition)
        known_note(k, NOTE_ASSUMED, k->now,
                   "the LPAR is the partition %.40s, the only one with domains",
                   text(c.partition, "name"));
    json_array_foreach (json_object_get(c.cpc, "adapters"), i, adapter)
        adapter_read(k, adapter);
    partition_read(k, c.cpc, c.partition);
    return 0;
}
