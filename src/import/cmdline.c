/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/number.h"
#include "import/read.h"

/* A kernel command line. What it does not set is as the kernel sets it without a parameter. */

static bool parameter(struct known *k, struct slice word, const char *key, char out[256])
{
    size_t skip = strlen(key);

    if (word.len > 2 && *word.at == '"' && word.at[word.len - 1] == '"')
        word = (struct slice){word.at + 1, word.len - 2};
    if (!slice_starts(word, key))
        return false;
    if (word.len - skip >= 256) {
        known_note(k, NOTE_MISSING, k->now, "%s has more than 255 characters and is left out", key);
        return false;
    }
    word = slice_trim(slice_from(word, skip), "\"");
    memcpy(out, word.at, word.len);
    out[word.len] = '\0';
    return true;
}

/* As the kernel: a mask that it does not understand is empty. */
static void mask(struct known *k, const char *key, const char *text, struct mask256 *out)
{
    if (mask256_parse_parameter(text, out) < 0)
        known_note(k, NOTE_ASSUMED, k->now,
                   "%s is malformed, so the kernel started with an empty mask", key);
}

/* As the kernel: what it does not understand leaves it the choice. */
static int domain_of(struct known *k, const char *text)
{
    int domain;

    if (number_parse_int(text, strlen(text), 0, &domain) == 0 && domain >= -1 &&
        domain < (int)AP_IDS)
        return domain;
    known_note(k, NOTE_ASSUMED, k->now, "ap.domain is no domain, so the kernel chose one: %.40s",
               text);
    return -1;
}

int read_cmdline(struct known *k, const char *name, struct slice data, struct text *why)
{
    struct mask256 apmask = mask256_ones(), aqmask = mask256_ones();
    struct slice rest = slice_trim(data, " \t\r\n");
    char value[256];
    int domain = -1;

    known_source(k, name, RANK_SYSFS);
    for (struct slice word; (word = slice_word(&rest)).len;) {
        if (parameter(k, word, "ap.apmask=", value))
            mask(k, "ap.apmask", value, &apmask);
        else if (parameter(k, word, "ap.aqmask=", value))
            mask(k, "ap.aqmask", value, &aqmask);
        else if (parameter(k, word, "ap.domain=", value))
            domain = domain_of(k, value);
    }
    known_mask(k, MASK_BOOT_AP, apmask);
    known_mask(k, MASK_BOOT_AQ, aqmask);
    if (domain >= 0)
        known_host(k, HOST_BOOT_DOMAIN, (uint64_t)domain);
    return 0;
}
