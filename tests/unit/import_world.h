/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_IMPORT_WORLD_H
#define APUS_TESTS_IMPORT_WORLD_H

/* What sources say, and what is said about them. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "import/import.h"
#include "import/read.h"

#include "unit.h"

#define U1 "69aa1a8a-0000-4000-8000-000000000001"
#define U2 "69aa1a8a-0000-4000-8000-000000000002"

static inline void give(struct known *k, const char *name, const char *data)
{
    text_auto why = {0};

    import_data(k, name, data, strlen(data), &why);
    assert_null(why.data);
}

static inline void refused(const char *name, const char *data, const char *expected)
{
    struct known *k = known_new();
    text_auto why = {0};

    assert_int_equal(import_data(k, name, data, strlen(data), &why), -EINVAL);
    if (!strstr(why.data, expected))
        assert_string_equal(why.data, expected);
    known_free(k);
}

static inline struct core *make(struct known *k)
{
    struct core *core;
    text_auto why = {0};

    import_build(k, ABI_UPSTREAM, &core, &why);
    assert_null(why.data);
    return core;
}

static inline bool noted(const struct known *k, enum note_kind kind, const char *text)
{
    for (size_t i = 0; i < k->note_count; i++)
        if (k->notes[i].kind == kind && strstr(k->notes[i].text, text))
            return true;
    return false;
}

static inline void assert_noted(const struct known *k, enum note_kind kind, const char *text)
{
    if (noted(k, kind, text))
        return;
    for (size_t i = 0; i < k->note_count; i++)
        print_message("%s: %s\n", known_note_name(k->notes[i].kind), k->notes[i].text);
    fail_msg("there is no note %s", text);
}

static inline struct apqn_info queue(const struct core *c, unsigned apid, unsigned apqi)
{
    struct apqn_info info;

    core_apqn_info(c, AP_QN(apid, apqi), &info);
    return info;
}

static inline bool is_type(const struct core *c, unsigned apid, const char *type)
{
    struct adapter_info a;
    char name[8];

    core_adapter_info(c, apid, &a);
    machine_adapter_type_format(a.config, name);
    return a.installed && strcmp(name, type) == 0;
}

/* As s390-tools 2.40 print it; adapters 0x0a and 0x10. */
#define TABLE                                                                                      \
    "CARD.DOM TYPE  MODE        STATUS     REQUESTS  PENDING HWTYPE QDEPTH FUNCTIONS  DRIVER   \n" \
    "-----------------------------------------------------------------------------------------\n"  \
    "0a       CEX7C CCA-Coproc  online            3        0     13     08 S--D--NF-- cex4card \n" \
    "0a.0004  CEX7C CCA-Coproc  online            3        0     13     08 S--D--NF-- cex4queue\n" \
    "0a.0010  CEX7C CCA-Coproc  offline           0        0     13     08 S--D--NF-- cex4queue\n" \
    "0a.0047  CEX7C CCA-Coproc  in use            0        -     13     08 S--D--NF-- vfio_ap  \n" \
    "10       CEX8P EP11-Coproc deconfig          -        -     14     08 -----XNF-- cex4card \n"

#define LIST(start, attrs)                                                                         \
    "[{\"matrix\": [{\"" U1 "\": {\"mdev_type\": \"vfio_ap-passthrough\", \"start\": \"" start     \
    "\", \"attrs\": [" attrs "]}}]}]"

static inline const struct mdev_info *only_device(const struct core *core, struct mdev_info *out)
{
    uint32_t cursor = 0;

    return core_mdev_next(core, &cursor, out) ? out : NULL;
}

#endif
