/* SPDX-License-Identifier: MIT */
/*
 * How long a mediated device takes to be opened through VFIO, until the guest has it: the answer of
 * GET_DEVICE_FD comes then. Inside `apus run`, beside an ioctl that fails at once.
 *
 *   bench_vfio GROUP UUID
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 300
#define ASKED  20 /* times the unknown ioctl in each round */

static int open_node(const char *directory, const char *name)
{
    char path[256];
    int fd;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        bench_fail("%s: %s", path, strerror(errno));
    return fd;
}

static void must(int result, const char *what)
{
    if (result < 0)
        bench_fail("%s: %s", what, strerror(errno));
}

/* In microseconds. */
static void open_once(const char *group_name, const char *uuid, double *open_us, double *none_us)
{
    int container = open_node("/dev/vfio", "vfio"), group = open_node("/dev/vfio", group_name);
    uint64_t start;
    int device;

    start = bench_now();
    for (int i = 0; i < ASKED; i++)
        if (ioctl(group, VFIO_CHECK_EXTENSION, 0) >= 0)
            bench_fail("a group answers what only a container can");
    *none_us = (double)(bench_now() - start) / 1000 / ASKED;
    must(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), "SET_CONTAINER");
    must(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), "SET_IOMMU");
    start = bench_now();
    device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, uuid);
    *open_us = (double)(bench_now() - start) / 1000;
    must(device, "GET_DEVICE_FD");
    close(device);
    close(group);
    close(container);
}

int main(int argc, char **argv)
{
    static double open_us[ROUNDS], none_us[ROUNDS];
    double opened, none;

    if (argc != 3)
        bench_fail("usage: bench_vfio GROUP UUID");
    for (int i = 0; i < ROUNDS; i++) {
        open_once(argv[1], argv[2], &open_us[i], &none_us[i]);
        /* The group is free again when the daemon has seen the end of the descriptors. */
        usleep(2000);
    }
    opened = bench_percentile(open_us, ROUNDS, 50);
    none = bench_percentile(none_us, ROUNDS, 50);
    printf("{\"vfio\":\"open\",\"get_device_fd_us\":%.1f,\"p99_us\":%.1f,\"unknown_ioctl_us\":%.1f,"
           "\"ratio\":%.2f,\"target_us\":1000}\n",
           opened, bench_percentile(open_us, ROUNDS, 99), none, opened / none);
    fprintf(stderr, "  GET_DEVICE_FD until the guest has its queues: %.0f us (wanted: 1000)\n",
            opened);
    return 0;
}
