/* SPDX-License-Identifier: MIT */
#include "base/places.h"

#include <stddef.h>
#include <string.h>

const struct place places[] = {
    {"/sys/bus/ap", "bus/ap"},
    {"/sys/bus/matrix", "bus/matrix"},
    {"/sys/bus/mdev", "bus/mdev"},
    {"/sys/class/mdev_bus", "class/mdev_bus"},
    {"/sys/class/misc/iommu", "class/misc/iommu"},
    {"/sys/class/misc/vfio", "class/misc/vfio"},
    {"/sys/class/misc/z90crypt", "class/misc/z90crypt"},
    {"/sys/class/vfio", "class/vfio"},
    {"/sys/class/vfio-dev", "class/vfio-dev"},
    {"/sys/class/zcrypt", "class/zcrypt"},
    {"/sys/dev/char/10:1000", "sysdev/char/10:1000"},
    {"/sys/dev/char/10:1001", "sysdev/char/10:1001"},
    {"/sys/dev/char/10:196", "sysdev/char/10:196"},
    {"/sys/devices/ap", "devices/ap"},
    {"/sys/devices/vfio_ap", "devices/vfio_ap"},
    {"/sys/devices/virtual/misc/iommu", "devices/virtual/misc/iommu"},
    {"/sys/devices/virtual/misc/vfio", "devices/virtual/misc/vfio"},
    {"/sys/devices/virtual/misc/z90crypt", "devices/virtual/misc/z90crypt"},
    {"/sys/devices/virtual/vfio", "devices/virtual/vfio"},
    {"/sys/devices/virtual/zcrypt", "devices/virtual/zcrypt"},
    {"/sys/kernel/iommu_groups", "kernel/iommu_groups"},
    {"/sys/module/ap", "module/ap"},
    {"/sys/module/vfio_ap", "module/vfio_ap"},
    {"/sys/module/zcrypt", "module/zcrypt"},
    {"/sys/module/zcrypt_cex2a", "module/zcrypt_cex2a"},
    {"/sys/module/zcrypt_cex2c", "module/zcrypt_cex2c"},
    {"/sys/module/zcrypt_cex4", "module/zcrypt_cex4"},
    {NULL, NULL},
};

const struct place *places_find(const char *path)
{
    for (const struct place *p = places; p->path; p++)
        if (strcmp(p->path, path) == 0)
            return p;
    return NULL;
}

bool places_below(const char *path)
{
    size_t len = strlen(path);

    for (const struct place *p = places; p->path; p++)
        if (strncmp(p->path, path, len) == 0 && p->path[len] == '/')
            return true;
    return false;
}
