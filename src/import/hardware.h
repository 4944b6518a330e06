/* SPDX-License-Identifier: MIT */
#ifndef APUS_IMPORT_HARDWARE_H
#define APUS_IMPORT_HARDWARE_H

#include "import/known.h"
#include "machine/config.h"

/* The hardware, the host's start, and its present masks. 0, or -EINVAL with a sentence in why. */
int hardware_make(struct known *k, enum abi_profile abi, struct machine_config *out,
                  struct text *why);
struct mask256 hardware_domains(const struct known *k);

/* Which masks explain the drivers of the queues, where they are not known. */
void masks_find(struct known *k, const struct machine_config *machine, struct mask256 *apmask,
                struct mask256 *aqmask);

#endif
