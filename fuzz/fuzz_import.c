/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a source of apus import: of whatever kind they seem to be, or, if they begin with a
 * line "sysfs", files of /sys as lines "PATH=VALUE" and "PATH>TARGET". What is known of a machine
 * afterwards gives a machine file that starts such a machine again, or a sentence.
 */
#include <string.h>

#include "import/import.h"
#include "import/member.h"
#include "store/setup.h"

#include "fuzz.h"

static const char sysfs[] = "sysfs\n";

static void file_add(struct known *k, struct slice line)
{
    struct slice path, value;
    text_auto name = {0}, target = {0};
    bool file = slice_cut(line, '=', &path, &value);

    if (!file && !slice_cut(line, '>', &path, &value))
        return;
    text_add(&name, path.at, path.len);
    text_add(&target, value.at, value.len);
    if (!name.data || !target.data)
        return;
    /* A vertical bar stands for a newline in the value. */
    for (char *at = target.data; (at = strchr(at, '|'));)
        *at = '\n';
    if (file)
        member_file(k, "fuzz", name.data, (struct slice){target.data, target.len});
    else
        member_link(k, "fuzz", name.data, target.data);
}

static void files_add(struct known *k, struct slice rest)
{
    while (rest.len) {
        struct slice line;

        slice_cut(rest, '\n', &line, &rest);
        file_add(k, line);
    }
}

/* The file makes a core, whose file is the same. */
static void check_machine(const struct core *core)
{
    struct effects unheard = {0};
    text_auto file = {0}, again = {0}, why = {0};
    struct core *other = NULL;
    setup_auto setup = {0};

    setup_format(core, &file);
    fuzz_check(setup_parse("fuzz", file.data, file.len, &setup, &why) == 0);
    fuzz_check(setup_core(&setup, &other, &unheard, &why) == 0);
    setup_format(other, &again);
    fuzz_check(strcmp(file.data, again.data) == 0);
    effects_done(&unheard);
    core_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct slice all = {(const char *)data, len};
    struct known *k = known_new();
    text_auto why = {0};
    struct core *core = NULL;
    int rc = 0;

    if (slice_starts(all, sysfs))
        files_add(k, slice_from(all, sizeof sysfs - 1));
    else
        rc = import_data(k, "fuzz", all.at, all.len, &why);
    fuzz_check((rc < 0) == (why.len > 0));
    text_clear(&why);
    rc = import_build(k, len & 1 ? ABI_UPSTREAM : ABI_PROPOSAL, &core, &why);
    fuzz_check((rc == 0) == (core != NULL) && (rc < 0) == (why.len > 0));
    if (core)
        check_machine(core);
    core_free(core);
    known_free(k);
    return 0;
}
