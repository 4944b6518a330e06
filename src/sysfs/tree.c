/* SPDX-License-Identifier: MIT */
#include "sysfs/tree.h"

#include <errno.h>
#include <string.h>

#include "sysfs/inode.h"

void sysfs_register(struct sysfs_tree *t, enum sysfs_kind kind, const struct sysfs_kind_ops *ops,
                    void *ctx)
{
    t->ops[kind] = ops;
    t->ctx[kind] = ctx;
}

static uint16_t generation_of(const struct sysfs_tree *t, struct sysfs_dir dir)
{
    const struct sysfs_kind_ops *ops = t->ops[dir.kind];

    if (!ops)
        return 0;
    return ops->generation ? ops->generation(t->ctx[dir.kind], dir.object) : 1;
}

bool sysfs_exists(const struct sysfs_tree *t, struct sysfs_dir dir)
{
    return generation_of(t, dir) != 0;
}

bool inode_is_live(const struct sysfs_tree *t, struct inode in)
{
    uint16_t generation = generation_of(t, in.dir);

    return generation && generation == in.generation;
}

/* The kind's operations if ino's directory still exists, else NULL. */
static const struct sysfs_kind_ops *live_ops(const struct sysfs_tree *t, struct inode *in)
{
    return inode_is_live(t, *in) ? t->ops[in->dir.kind] : NULL;
}

struct sysfs_dir sysfs_dir_of(sysfs_ino ino)
{
    return inode_unpack(ino).dir;
}

sysfs_ino sysfs_dir_ino(const struct sysfs_tree *t, struct sysfs_dir dir)
{
    return inode_pack((struct inode){dir, MEMBER_SELF, generation_of(t, dir)});
}

sysfs_ino sysfs_attr_ino(const struct sysfs_tree *t, struct sysfs_dir dir, const char *name)
{
    const struct sysfs_attr *attrs = t->ops[dir.kind] ? t->ops[dir.kind]->attrs : NULL;

    for (unsigned i = 0; attrs && attrs[i].name; i++)
        if (strcmp(attrs[i].name, name) == 0)
            return inode_pack(
                (struct inode){dir, (uint8_t)(MEMBER_ATTR + i), generation_of(t, dir)});
    return 0;
}

static void set_name(struct sysfs_entry *e, const char *name)
{
    size_t len = strnlen(name, SYSFS_NAME_MAX - 1);

    memcpy(e->name, name, len);
    e->name[len] = '\0';
}

static void attr_entry(const struct sysfs_attr *attr, struct inode in, struct sysfs_entry *out)
{
    *out = (struct sysfs_entry){.ino = inode_pack(in),
                                .type = SYSFS_TYPE_FILE,
                                .mode = attr->mode,
                                .stable = !attr->visible};
    set_name(out, attr->name);
}

static void dir_entry(const struct sysfs_tree *t, struct sysfs_dir dir, const char *name,
                      struct sysfs_entry *out)
{
    *out = (struct sysfs_entry){
        .ino = sysfs_dir_ino(t, dir), .type = SYSFS_TYPE_DIR, .mode = 0755, .stable = true};
    if (t->ops[dir.kind]->device) {
        out->type = SYSFS_TYPE_FILE;
        out->mode = 0666;
        out->device = true;
    }
    set_name(out, name);
}

static void link_entry(struct inode in, const char *name, struct sysfs_entry *out)
{
    *out = (struct sysfs_entry){.ino = inode_pack(in), .type = SYSFS_TYPE_LINK, .mode = 0777};
    set_name(out, name);
}

static bool attr_visible(const struct sysfs_tree *t, const struct sysfs_attr *attr,
                         struct sysfs_dir dir)
{
    return !attr->visible || attr->visible(t->ctx[dir.kind], dir.object);
}

/* Entry number slot of the directory's fixed part; false if it does not exist now. */
static bool attr_slot(const struct sysfs_tree *t, struct inode dir, unsigned i,
                      struct sysfs_entry *out)
{
    const struct sysfs_attr *attr = &t->ops[dir.dir.kind]->attrs[i];

    if (!attr_visible(t, attr, dir.dir))
        return false;
    dir.member = (uint8_t)(MEMBER_ATTR + i);
    attr_entry(attr, dir, out);
    return true;
}

static bool member_slot(const struct sysfs_tree *t, struct inode dir, unsigned i,
                        struct sysfs_entry *out)
{
    const struct sysfs_member *m = &t->ops[dir.dir.kind]->members[i];
    struct sysfs_dir target;

    if (!m->target(t->ctx[dir.dir.kind], dir.dir.object, &target) || !t->ops[target.kind])
        return false;
    if (m->is_link) {
        dir.member = (uint8_t)(MEMBER_FIXED + i);
        link_entry(dir, m->name, out);
    } else {
        dir_entry(t, target, m->name, out);
        out->stable = t->ops[target.kind]->generation == NULL;
    }
    return true;
}

static void child_entry(const struct sysfs_tree *t, struct inode dir, const struct sysfs_child *c,
                        const char *name, struct sysfs_entry *out)
{
    if (!c->is_link) {
        dir_entry(t, c->dir, name, out);
        return;
    }
    link_entry(inode_of_link(dir.dir, c->dir), name, out);
}

int sysfs_lookup(const struct sysfs_tree *t, sysfs_ino dir, const char *name,
                 struct sysfs_entry *out)
{
    struct inode in = inode_unpack(dir);
    const struct sysfs_kind_ops *ops = live_ops(t, &in);
    struct sysfs_child child;

    if (!ops)
        return -ENOENT;
    if (in.member != MEMBER_SELF)
        return -ENOTDIR;
    for (unsigned i = 0; ops->attrs && ops->attrs[i].name; i++)
        if (strcmp(ops->attrs[i].name, name) == 0)
            return attr_slot(t, in, i, out) ? 0 : -ENOENT;
    for (unsigned i = 0; ops->members && ops->members[i].name; i++)
        if (strcmp(ops->members[i].name, name) == 0)
            return member_slot(t, in, i, out) ? 0 : -ENOENT;
    if (!ops->child_find || ops->child_find(t->ctx[in.dir.kind], in.dir.object, name, &child) < 0)
        return -ENOENT;
    child_entry(t, in, &child, name, out);
    return 0;
}

static const struct sysfs_attr *attr_of(const struct sysfs_kind_ops *ops, uint8_t member)
{
    return member >= MEMBER_ATTR && member < MEMBER_FIXED ? &ops->attrs[member - MEMBER_ATTR]
                                                          : NULL;
}

int sysfs_stat(const struct sysfs_tree *t, sysfs_ino ino, struct sysfs_entry *out)
{
    struct inode in = inode_unpack(ino);
    const struct sysfs_kind_ops *ops;
    const struct sysfs_attr *attr;

    if (in.dir.kind >= SYSFS_KINDS)
        return -ENOENT;
    if (in.member == MEMBER_LINK) {
        struct sysfs_dir target = inode_link_target(in);

        if (target.kind >= SYSFS_KINDS || !generation_of(t, target))
            return -ENODEV;
        link_entry(in, "", out);
        return 0;
    }
    ops = live_ops(t, &in);
    if (!ops)
        return -ENODEV;
    if (in.member == MEMBER_SELF) {
        dir_entry(t, in.dir, "", out);
        return 0;
    }
    attr = attr_of(ops, in.member);
    if (attr) {
        if (!attr_visible(t, attr, in.dir))
            return -ENODEV;
        attr_entry(attr, in, out);
        return 0;
    }
    return member_slot(t, in, in.member - MEMBER_FIXED, out) ? 0 : -ENODEV;
}

/*
 * The cursor counts attributes, then members, then carries the dynamic children's own cursor. It
 * may be any number: whoever lists a directory can ask for any position.
 */
#define CURSOR_MEMBERS  UINT64_C(0x100)
#define CURSOR_CHILDREN UINT64_C(0x200)

static unsigned attr_count(const struct sysfs_kind_ops *ops)
{
    unsigned count = 0;

    while (ops->attrs && ops->attrs[count].name)
        count++;
    return count;
}

static unsigned member_count(const struct sysfs_kind_ops *ops)
{
    unsigned count = 0;

    while (ops->members && ops->members[count].name)
        count++;
    return count;
}

static bool next_attr(const struct sysfs_tree *t, struct inode in, uint64_t *cursor,
                      struct sysfs_entry *out)
{
    unsigned count = *cursor < CURSOR_MEMBERS ? attr_count(t->ops[in.dir.kind]) : 0;

    while (*cursor < count)
        if (attr_slot(t, in, (unsigned)(*cursor)++, out))
            return true;
    if (*cursor < CURSOR_MEMBERS)
        *cursor = CURSOR_MEMBERS;
    return false;
}

static bool next_member(const struct sysfs_tree *t, struct inode in, uint64_t *cursor,
                        struct sysfs_entry *out)
{
    unsigned count = *cursor < CURSOR_CHILDREN ? member_count(t->ops[in.dir.kind]) : 0;

    while (*cursor < CURSOR_MEMBERS + count)
        if (member_slot(t, in, (unsigned)((*cursor)++ - CURSOR_MEMBERS), out))
            return true;
    if (*cursor < CURSOR_CHILDREN)
        *cursor = CURSOR_CHILDREN;
    return false;
}

int sysfs_next(const struct sysfs_tree *t, sysfs_ino dir, uint64_t *cursor, struct sysfs_entry *out)
{
    struct inode in = inode_unpack(dir);
    const struct sysfs_kind_ops *ops = live_ops(t, &in);
    char name[SYSFS_NAME_MAX];
    struct sysfs_child child;
    uint32_t sub;

    if (!ops)
        return -ENOENT;
    if (in.member != MEMBER_SELF)
        return -ENOTDIR;
    if (next_attr(t, in, cursor, out) || next_member(t, in, cursor, out))
        return 1;
    if (!ops->child_next || *cursor - CURSOR_CHILDREN > UINT32_MAX)
        return 0;
    sub = (uint32_t)(*cursor - CURSOR_CHILDREN);
    if (!ops->child_next(t->ctx[in.dir.kind], in.dir.object, &sub, &child, name))
        return 0;
    *cursor = CURSOR_CHILDREN + sub;
    child_entry(t, in, &child, name, out);
    return 1;
}

/* The attribute that ino names: -ENODEV vanished or not there now, -EISDIR no attribute. */
static int attr_find(const struct sysfs_tree *t, struct inode *in, const struct sysfs_attr **out)
{
    const struct sysfs_kind_ops *ops = live_ops(t, in);
    const struct sysfs_attr *attr = ops ? attr_of(ops, in->member) : NULL;

    if (!ops)
        return -ENODEV;
    if (!attr)
        return -EISDIR;
    *out = attr;
    return attr_visible(t, attr, in->dir) ? 0 : -ENODEV;
}

int sysfs_show(const struct sysfs_tree *t, sysfs_ino ino, struct text *out)
{
    struct inode in = inode_unpack(ino);
    const struct sysfs_attr *attr;
    size_t before = out->len;
    int rc = attr_find(t, &in, &attr);

    if (rc < 0)
        return rc;
    if (!attr->show)
        return -EACCES;
    rc = attr->show(t->ctx[in.dir.kind], in.dir.object, out);
    if (rc < 0 && out->data) {
        out->len = before;
        out->data[before] = '\0';
    }
    return rc;
}

int sysfs_store(const struct sysfs_tree *t, sysfs_ino ino, const char *data, size_t len,
                struct effects *effects)
{
    struct inode in = inode_unpack(ino);
    const struct sysfs_attr *attr;
    int rc = attr_find(t, &in, &attr);

    if (rc < 0)
        return rc;
    if (!attr->store)
        return -EACCES;
    if (!len)
        return 0;
    return attr->store(t->ctx[in.dir.kind], in.dir.object, data, len, effects);
}
