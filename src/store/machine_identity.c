/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <string.h>

#include "store/machine_keys.h"

/* The keys of [machine] that say which machine and LPAR this is. */

static const struct {
    enum machine_key key;
    size_t at, least, most; /* characters */
    const char *remedy;
} texts[] = {
    {MACHINE_KEY_TYPE, offsetof(struct machine_identity, type), 4, 4,
     "expected the four digits of a machine type, such as 3931"},
    {MACHINE_KEY_MODEL, offsetof(struct machine_identity, model), 1, 16,
     "expected a model of 1 to 16 capital letters and digits, such as A01"},
    {MACHINE_KEY_SEQUENCE_CODE, offsetof(struct machine_identity, sequence_code), 16, 16,
     "expected a sequence code of 16 capital letters and digits, such as 0000000000012345"},
    {MACHINE_KEY_PLANT, offsetof(struct machine_identity, plant), 1, 4,
     "expected a plant of 1 to 4 capital letters and digits, such as 02"},
    {MACHINE_KEY_LPAR_NAME, offsetof(struct machine_identity, lpar_name), 1, 8,
     "expected a name of 1 to 8 capital letters and digits"},
};

#define TEXTS (sizeof texts / sizeof *texts)

static int text_read(const struct ini_reading *in, const struct ini_entry *e, unsigned i,
                     struct machine_identity *out)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t digits = texts[i].key == MACHINE_KEY_TYPE ? 10 : sizeof letters - 1;
    size_t len = e ? strlen(e->value) : 0;
    char usable[sizeof letters] = "";

    if (!e)
        return 0;
    memcpy(usable, letters, digits);
    if (len < texts[i].least || len > texts[i].most || strspn(e->value, usable) != len)
        return ini_refuse_value(in, e, texts[i].remedy);
    memcpy((char *)out + texts[i].at, e->value, len + 1);
    return 0;
}

int machine_identity_read(const struct ini_reading *in, const struct ini_entry *const *found,
                          struct machine_identity *out)
{
    const struct ini_entry *lpar = found[MACHINE_KEY_LPAR_NUMBER], *cpus = found[MACHINE_KEY_CPUS];
    uint64_t number = out->lpar_number, count = out->cpus;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < TEXTS; i++)
        rc = text_read(in, found[texts[i].key], i, out);
    if (rc == 0 && lpar)
        rc = ini_number(in, lpar, 1, 255, &number);
    if (rc == 0 && cpus)
        rc = ini_number(in, cpus, 1, 999, &count);
    if (rc == 0) {
        out->lpar_number = (uint8_t)number;
        out->cpus = (uint16_t)count;
    }
    return rc;
}

void machine_identity_format(const struct machine_identity *id, struct text *out)
{
    const struct machine_identity *usual = &machine_identity_default;

    for (unsigned i = 0; i < TEXTS; i++) {
        const char *value = (const char *)id + texts[i].at;

        if (strcmp(value, (const char *)usual + texts[i].at) != 0)
            text_addf(out, "%s = %s\n", machine_key_names[texts[i].key], value);
    }
    if (id->lpar_number != usual->lpar_number)
        text_addf(out, "%s = %u\n", machine_key_names[MACHINE_KEY_LPAR_NUMBER], id->lpar_number);
    if (id->cpus != usual->cpus)
        text_addf(out, "%s = %u\n", machine_key_names[MACHINE_KEY_CPUS], id->cpus);
}
