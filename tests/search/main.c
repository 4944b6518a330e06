/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "states.h"

static int usage(void)
{
    fputs("usage: search [--profile proposal|upstream] [--size ADAPTERS,DOMAINS,DEVICES,GUESTS] "
          "[--overrides[=AT-ONCE]] [--lpar] [--waits] [--workers NUMBER]\n",
          stderr);
    return 2;
}

static bool take_size(const char *text, struct world_size *size)
{
    unsigned *const numbers[] = {&size->adapters, &size->domains, &size->devices, &size->guests};

    if (strlen(text) != 7)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        if (text[2 * i] < '1' || text[2 * i] > '2' || (i < 3 && text[2 * i + 1] != ','))
            return false;
        *numbers[i] = (unsigned)(text[2 * i] - '0');
    }
    return true;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"profile", required_argument, NULL, 'p'},
                                          {"size", required_argument, NULL, 's'},
                                          {"overrides", optional_argument, NULL, 'o'},
                                          {"lpar", no_argument, NULL, 'l'},
                                          {"waits", no_argument, NULL, 'w'},
                                          {"workers", required_argument, NULL, 'j'},
                                          {0}};
    struct world_size size = {
        .adapters = 2, .domains = 2, .devices = 2, .guests = 2, .abi = ABI_PROPOSAL};
    unsigned workers = 1;

    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'o')
            size.overrides = optarg ? (unsigned)(*optarg - '0') : QUEUES_MAX;
        else if (c == 'l')
            size.lpar = true;
        else if (c == 'w')
            size.waits = true;
        else if (c == 'j' && atoi(optarg) >= 1 && (unsigned)atoi(optarg) <= WORKERS_MAX)
            workers = (unsigned)atoi(optarg);
        else if (!(c == 'p' && abi_parse(optarg, &size.abi) == 0) &&
                 !(c == 's' && take_size(optarg, &size)))
            return usage();
    }
    return optind < argc ? usage() : search_states(&size, workers);
}
