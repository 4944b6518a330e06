/* SPDX-License-Identifier: MIT */
#ifndef APUS_BUS_ZCRYPT_H
#define APUS_BUS_ZCRYPT_H

#include "base/effects.h"
#include "base/mask256.h"
#include "sysfs/tree.h"

/*
 * The zcrypt device nodes: z90crypt, which obeys apmask and aqmask of the bus, and the nodes that
 * class zcrypt makes, each with masks of its own (spec 3.1).
 */
struct zcrypt;

#define ZCRYPT_NODES    256 /* minors */
#define ZCRYPT_NAME_MAX 32
#define ZCRYPT_Z90CRYPT                                                                            \
    0xffffu /* object of the default node in SYSFS_DEV_NODE; the others have their minor */

struct zcrypt_node {
    char name[ZCRYPT_NAME_MAX];
    uint16_t generation;
    bool present;
    struct mask256 ioctlmask, apmask, aqmask, admask; /* all zero after create: it can do nothing */
};

struct zcrypt *zcrypt_new(struct sysfs_tree *tree);
void zcrypt_free(struct zcrypt *z);

/* NULL: no such node. */
const struct zcrypt_node *zcrypt_node_at(const struct zcrypt *z, unsigned minor);

#endif
