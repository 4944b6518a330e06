/* SPDX-License-Identifier: MIT */
#include "cuse/cuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "cuse/internal.h"

#define FIRST_TOKEN (UINT64_C(15) << 60) /* above those of src/seccomp */

static int refuse(int err, struct text *why)
{
    switch (err) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        text_adds(why, "--nodes=cuse: this kernel has no CUSE, or has not loaded it: try 'modprobe "
                       "cuse', or a kernel with CONFIG_CUSE (Debian's have it); in a container "
                       "/dev/cuse must be passed in");
        return -ENODEV;
    case EACCES:
    case EPERM:
        text_adds(why, "--nodes=cuse: no permission to open /dev/cuse; only root of the computer "
                       "may make devices");
        return -EACCES;
    default:
        text_addf(why, "--nodes=cuse: cannot open /dev/cuse: %s", error_text(err));
        return -err;
    }
}

/* Opening it says whether the kernel has CUSE; the module is loaded by that. */
static int probe(struct cuse *c, struct text *why)
{
    int fd, err;

    c->dev = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->dev < 0)
        return refuse(errno, why);
    fd = openat(c->dev, "cuse", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    err = errno;
    if (fd < 0)
        return refuse(err, why);
    close(fd);
    return 0;
}

/* Drivers have whole ranges: a free number in between would not have free neighbours. */
static bool major_is_free(unsigned number)
{
    FILE *list = fopen("/proc/devices", "re");
    char line[128];
    unsigned other;
    bool chars = false, free = true;

    while (list && free && fgets(line, sizeof line, list)) {
        if (line[0] == 'B')
            break;
        chars = chars || line[0] == 'C';
        free = !(chars && sscanf(line, "%u", &other) == 1 && other == number);
    }
    if (list)
        fclose(list);
    return free;
}

int cuse_new(struct door *door, sd_event *event, const char *prefix, struct cuse **out,
             struct text *why)
{
    struct cuse *c = xcalloc(1, sizeof *c);
    int rc;

    c->door = door;
    c->event = sd_event_ref(event);
    c->prefix = prefix;
    TAILQ_INIT(&c->between);
    rc = probe(c, why);
    if (rc == 0)
        rc = ioctl_desk_new(door, event, FIRST_TOKEN, &c->desk);
    if (rc < 0) {
        cuse_free(c);
        return rc;
    }
    c->major = major_is_free(ZCRYPT_MAJOR) ? ZCRYPT_MAJOR : 0;
    *out = c;
    return 0;
}

/* Who waits gets ENODEV; the name is gone when this returns. */
static void remove_node(struct cuse_node *n)
{
    n->closing = true;
    cuse_calls_end(n);
    eventfd_write(n->end, 1);
    cuse_node_drain(n);
    cuse_node_free(n);
}

void cuse_free(struct cuse *c)
{
    if (!c)
        return;
    while (!LIST_EMPTY(&c->nodes))
        remove_node(LIST_FIRST(&c->nodes));
    cuse_orphans_free(c);
    ioctl_desk_free(c->desk);
    if (c->dev >= 0)
        close(c->dev);
    free(c->buffer.mem);
    sd_event_unref(c->event);
    free(c);
}

static const struct cuse_node *find(const struct cuse *c, sysfs_ino ino)
{
    const struct cuse_node *n;

    LIST_FOREACH (n, &c->nodes, link)
        if (n->ino == ino)
            return n;
    return NULL;
}

dev_t cuse_number(const struct cuse *c, sysfs_ino ino)
{
    const struct cuse_node *n = find(c, ino);

    return n ? n->number : 0;
}

unsigned cuse_major(const struct cuse *c)
{
    return c->major;
}

static void remove_stale(struct cuse *c, const struct sysfs_tree *tree)
{
    struct cuse_node *n = LIST_FIRST(&c->nodes), *next;
    struct sysfs_entry entry;

    for (; n; n = next) {
        next = LIST_NEXT(n, link);
        if (sysfs_stat(tree, n->ino, &entry) < 0)
            remove_node(n);
    }
}

int cuse_follow(struct cuse *c, struct text *why)
{
    const struct sysfs_tree *tree = core_tree(c->door->core, CORE_HOST_TREE);
    struct sysfs_entry entry;
    uint64_t cursor = 0;
    sysfs_ino nodes;
    int rc = 0, one;

    remove_stale(c, tree);
    if (sysfs_resolve(tree, "dev", &nodes) < 0)
        return 0;
    while (sysfs_next(tree, nodes, &cursor, &entry) == 1) {
        one = find(c, entry.ino) ? 0 : cuse_node_new(c, &entry, why);
        if (one < 0 && (rc == 0 || rc == -EINVAL))
            rc = one;
    }
    return rc;
}

void cuse_effects(struct cuse *c, const struct effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *one = &effects->v[i];

        if (one->kind == EFFECT_REPLY)
            ioctl_desk_reply(c->desk, one->node, (int)one->value, effect_text(effects, one),
                             one->len);
    }
}
