/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/import_command.h"

static const struct cli_option options[] = {
    {'o', "output", "FILE", "write the machine file here (default: standard output)"},
    {IMPORT_PARTITION, "partition", "NAME", "the partition of a CPC that is the LPAR"},
    {IMPORT_ABI, "abi", "PROFILE", "the interface, proposal or upstream (default: upstream)"},
    {0}};

const struct cli_command cmd_import = {
    .name = "import",
    .args = "SOURCE...",
    .summary = "make a machine file of a real machine",
    .run = import_command,
    .options = options,
    .flags = CLI_JSON,
    .group = CLI_LOOK,
    .words = "@files",
    .help =
        "Reads what describes a machine, and writes a machine file, see apus-machine(5), with\n"
        "which a machine starts in the same state. A source is recognised by its content; several\n"
        "are combined:\n"
        "  /sys, a copy of it as a directory or tar archive, the results of dbginfo.sh and\n"
        "  sosreport (files that are missing or could not be read do not matter);\n"
        "  the output of lszcrypt, lszcrypt -V, -b, -d;\n"
        "  the output of mdevctl list --dumpjson, files of /etc/mdevctl.d;\n"
        "  libvirt's XML of domains and node devices, the output of virsh list --all;\n"
        "  a kernel command line, as in /proc/cmdline;\n"
        "  the DPM export of a CPC, the dump of an HMC by zhmcclient.\n"
        "- is standard input. Standard error lists what contradicts, what is missing, and what\n"
        "was assumed. Nothing is executed or unpacked.\n"
        "\n"
        "Examples:\n"
        "  apus import sysfs.tgz mdevctl.json guest*.xml -o lab.ini\n"
        "  ssh lpar lszcrypt -V | apus import - -o lab.ini\n"
        "  apus import cpc.json --partition PROD1 -o lab.ini\n"};
