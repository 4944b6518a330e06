/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "import/read.h"

/* Which kind of source a text is. */

/* Above a table in a document there is a rule. */
#define RULE " \t=-"

static struct slice first_line(struct slice data)
{
    struct slice line = {"", 0};

    while (!slice_trim(line, RULE).len && read_line(&data, &line))
        line = slice_trim(line, " \t");
    return line;
}

/* One line of words, one of which the kernel would know. */
static bool is_cmdline(const char *name, struct slice data, struct slice line)
{
    static const char *const words[] = {
        "ap.apmask=", "ap.aqmask=", "ap.domain=", "root=", "BOOT_IMAGE="};
    struct slice rest = slice_trim(data, " \t\r\n");

    if (rest.len && memchr(rest.at, '\n', rest.len))
        return false;
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (slice_starts(line, words[i]) || read_has(line, words[i]))
            return true;
    return strcmp(read_base(name), "cmdline") == 0;
}

static bool is_table(struct slice line)
{
    static const char *const starts[] = {"CARD.DOM", "DOMAIN ", "ap_domain=", "features: "};

    for (unsigned i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (slice_starts(line, starts[i]))
            return true;
    return false;
}

static read_function *reader_find(const char *name, struct slice data)
{
    struct slice line = first_line(data);

    if (slice_starts(line, "<"))
        return read_xml;
    if (slice_starts(line, "{") || slice_starts(line, "["))
        return read_json;
    if (is_table(line))
        return read_lszcrypt;
    if (slice_starts(line, "Id ") && read_has(line, "Name"))
        return read_virsh_list;
    if (read_has(data, "hmc_definition:"))
        return read_hmc;
    if (is_cmdline(name, data, line))
        return read_cmdline;
    if (read_has(data, "> lszcrypt") || read_has(data, "> virsh") || slice_starts(line, "####"))
        return read_transcript;
    return NULL;
}

/* Without a byte order mark, and the prompt with the command, of what was copied from a terminal. A
 * collection of many commands keeps them. */
static struct slice without_prompt(struct slice data)
{
    struct slice rest, line;

    data = slice_from(data, slice_starts(data, "\xef\xbb\xbf") ? 3 : 0);
    rest = data;

    while (read_line(&rest, &line)) {
        if (read_prompt(line) && !read_has(data, "####"))
            return rest;
        if (slice_trim(line, SLICE_BLANKS).len)
            break;
    }
    return data;
}

bool read_is_known(const char *name, struct slice data)
{
    return reader_find(name, without_prompt(data)) != NULL;
}

int read_any(struct known *k, const char *name, struct slice data, struct text *why)
{
    read_function *read;

    data = without_prompt(data);
    read = reader_find(name, data);

    if (read)
        return read(k, name, data, why);
    text_adds(why, "not recognised; expected a copy of /sys, the output of lszcrypt, mdevctl list "
                   "--dumpjson, a file of /etc/mdevctl.d, XML of libvirt, a kernel command line, "
                   "the DPM export of a CPC, or an archive of these");
    return -EINVAL;
}
