/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/number.h"
#include "import/read.h"
#include "machine/config.h"

/* Words that several sources have. */

bool read_type(struct slice word, uint64_t *out)
{
    struct adapter_config type = {0};
    char name[8] = "";

    if (word.len >= sizeof name)
        return false;
    memcpy(name, word.at, word.len);
    if (machine_adapter_type_parse(name, &type) < 0)
        return false;
    *out = KNOWN_TYPE(type.type, type.mode);
    return true;
}

static bool hex(struct slice s, unsigned *out)
{
    *out = 0;
    for (size_t i = 0; i < s.len; i++) {
        int digit = number_hex_digit(s.at[i]);

        if (digit < 0)
            return false;
        *out = *out << 4 | (unsigned)digit;
    }
    return true;
}

bool read_apid(struct slice word, unsigned *out)
{
    return word.len == 2 && hex(word, out);
}

bool read_apqn(struct slice word, ap_qn *out)
{
    unsigned apid, apqi;

    if (word.len != 7 || word.at[2] != '.' || !hex((struct slice){word.at, 2}, &apid) ||
        !hex((struct slice){word.at + 3, 4}, &apqi) || apqi >= AP_IDS)
        return false;
    *out = AP_QN(apid, apqi);
    return true;
}

bool read_uuid(struct slice word, struct uuid *out)
{
    return uuid_parse(word.at, word.len, out) == 0;
}

bool read_line(struct slice *rest, struct slice *line)
{
    if (!slice_line(rest, line))
        return false;
    if (line->len && line->at[line->len - 1] == '\r')
        line->len--;
    return true;
}

bool read_has(struct slice s, const char *text)
{
    return s.len && memmem(s.at, s.len, text, strlen(text)) != NULL;
}

/* Bytes in which a prompt and the command's name are looked for. */
#define PROMPT_MAX 256u

bool read_prompt(struct slice line)
{
    static const char *const commands[] = {"lszcrypt", "mdevctl ", "virsh ", "cat /proc/cmdline"};

    line.len = line.len < PROMPT_MAX ? line.len : PROMPT_MAX;
    for (size_t i = 0; i + 2 < line.len; i++) {
        struct slice rest = slice_trim(slice_from(line, i + 1), SLICE_BLANKS);

        if (!strchr("#$>%", line.at[i]))
            continue;
        for (unsigned c = 0; c < sizeof commands / sizeof commands[0]; c++)
            if (slice_starts(rest, commands[c]) ||
                (slice_starts(rest, "sudo ") && read_has(rest, commands[c])))
                return true;
    }
    return false;
}

const char *read_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* As kstrtoul with base 0 reads it: decimal, unless there is a prefix. */
static bool id(struct slice value, unsigned *out)
{
    uint64_t number;

    if (number_parse_u64(value.at, value.len, 0, &number) < 0 || number >= AP_IDS)
        return false;
    *out = (unsigned)number;
    return true;
}

static bool config(struct known_matrix *m, struct slice value)
{
    struct mask256 *const masks[] = {&m->apm, &m->aqm, &m->adm};
    struct slice rest = value, one;

    for (unsigned i = 0; i < 3; i++) {
        slice_cut(rest, ',', &one, &rest);
        one = slice_trim(one, " \t\n");
        if (mask256_parse_absolute(one.at, one.len, masks[i]) < 0)
            return false;
    }
    return !rest.len;
}

bool read_assignment(struct known_matrix *m, struct slice attribute, struct slice value)
{
    bool off = slice_starts(attribute, "unassign_");
    struct slice what = off ? slice_from(attribute, 2) : attribute;
    struct mask256 *mask = slice_is(what, "assign_adapter")          ? &m->apm
                           : slice_is(what, "assign_domain")         ? &m->aqm
                           : slice_is(what, "assign_control_domain") ? &m->adm
                                                                     : NULL;
    unsigned number;

    if (slice_is(attribute, "ap_config"))
        return config(m, value);
    if (!mask || !id(slice_trim(value, " \t\n"), &number))
        return false;
    mask256_assign(mask, number, !off);
    return true;
}

uint32_t read_features(struct known *k, struct slice rest)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } names[] = {{"APSC", AP_QCI_APSC},
                 {"APXA", AP_QCI_APXA},
                 {"QACT", AP_QCI_QACT},
                 {"RC8A", AP_QCI_RC8A},
                 {"APSB", AP_QCI_APSB}};
    uint32_t bits = 0;

    for (struct slice word; (word = slice_word(&rest)).len;) {
        unsigned i = 0;

        while (i < sizeof names / sizeof names[0] && !slice_is(word, names[i].name))
            i++;
        if (i < sizeof names / sizeof names[0])
            bits |= names[i].bit;
        else
            known_note(k, NOTE_MISSING, k->now, "the feature %.*s is unknown",
                       (int)(word.len < 40 ? word.len : 40), word.at);
    }
    return bits;
}
