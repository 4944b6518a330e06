/* SPDX-License-Identifier: MIT */
#ifndef APUS_IMPORT_READ_H
#define APUS_IMPORT_READ_H

#include <jansson.h>

#include "base/slice.h"
#include "import/known.h"

/*
 * The readers, a file for each kind of source. data is what somebody may have made on purpose: a
 * reader touches nothing but *k. 0, or -EINVAL with a clause in why: it is no such source; facts
 * that came before the mistake stay.
 */
typedef int read_function(struct known *k, const char *name, struct slice data, struct text *why);

read_function read_lszcrypt;   /* lszcrypt, -V, -VV, -b, -d */
read_function read_transcript; /* dbginfo.sh's runtime.out: commands and their output */
read_function read_virsh_list; /* virsh list --all */
read_function read_cmdline;    /* a kernel command line */
read_function read_json;       /* mdevctl, or the DPM export of a CPC */
read_function read_hmc;        /* zhmcclient's YAML dump of an HMC */
read_function read_xml;        /* libvirt's domains and node devices */

/* A file of /etc/mdevctl.d, or of mdevctl define --jsonfile: the name's last part is the UUID. */
int read_definition(struct known *k, const char *name, const json_t *root, struct text *why);
/* The array of mdevctl list --dumpjson. */
int read_mdevctl(struct known *k, const json_t *root, struct text *why);
/* Adapters and the wanted partition of one of the CPCs. */
int read_cpcs(struct known *k, const json_t *cpcs, struct text *why);

/* Finds out by the content what it is. */
read_function read_any;
/* Whether it is a kind that read_any knows. */
bool read_is_known(const char *name, struct slice data);

/* assign_adapter and the like: the attributes of a device's definition. False: the name or the
 * value is none. */
bool read_assignment(struct known_matrix *m, struct slice attribute, struct slice value);

/*
 * Files of a copy of /sys. path is any that ends in one of bus/ap, devices/ap or devices/vfio_ap.
 * sysfs_wanted: whether the file's content, or where the link leads to, says anything.
 */
bool sysfs_wanted(const char *path);
void sysfs_attribute(struct known *k, const char *path, struct slice data);
void sysfs_link(struct known *k, const char *path, const char *target);

/* "CEX7C". False: unknown. */
bool read_type(struct slice word, uint64_t *out);
/* "APSC APXA": AP_QCI_*. */
uint32_t read_features(struct known *k, struct slice words);
/* "05", "05.0004" in either case. */
bool read_apid(struct slice word, unsigned *out);
bool read_apqn(struct slice word, ap_qn *out);
bool read_uuid(struct slice word, struct uuid *out);
/* As slice_line, also without a carriage return at its end. */
bool read_line(struct slice *rest, struct slice *line);
/* Whether text is in s. */
bool read_has(struct slice s, const char *text);
/* Whether the line is a shell's prompt with one of the commands whose output is a source. */
bool read_prompt(struct slice line);
/* Behind the last slash. */
const char *read_base(const char *path);

#endif
