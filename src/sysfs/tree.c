/* SPDX-License-Identifier: MIT */
#include "sysfs/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sysfs/inode.h"
#include "sysfs/owner.h"

static unsigned count_attrs(const struct sysfs_attr *attrs)
{
    unsigned count = 0;

    while (attrs && attrs[count].name)
        count++;
    return count;
}

/* The attributes of a kind are numbered consecutively: its own, then those of each group. */
static void count_more(struct sysfs_tree *t, enum sysfs_kind kind, unsigned count)
{
    if (t->attr_count[kind] + count > MEMBER_FIXED - MEMBER_ATTR)
        abort();
    t->attr_count[kind] = (uint8_t)(t->attr_count[kind] + count);
}

void sysfs_register(struct sysfs_tree *t, enum sysfs_kind kind, const struct sysfs_kind_ops *ops,
                    void *ctx)
{
    t->ops[kind] = ops;
    t->ctx[kind] = ctx;
    count_more(t, kind, count_attrs(ops->attrs));
}

void sysfs_add_group(struct sysfs_tree *t, enum sysfs_kind kind, const struct sysfs_group *group)
{
    unsigned first = t->attr_count[kind], count = count_attrs(group->attrs);

    if (t->group_count == SYSFS_GROUPS_MAX)
        abort();
    count_more(t, kind, count);
    t->grouped |= UINT64_C(1) << kind;
    t->groups[t->group_count++] = (struct sysfs_kind_group){*group, kind, first, count};
}

/* An attribute of a directory and the group it comes from, which determines ctx. */
struct attr {
    const struct sysfs_attr *attr; /* NULL: no such attribute */
    void *ctx;
    const struct sysfs_group *group; /* NULL: the kind's own */
};

static bool has_groups(const struct sysfs_tree *t, enum sysfs_kind kind)
{
    return t->grouped >> kind & 1;
}

static struct attr attr_at(const struct sysfs_tree *t, enum sysfs_kind kind, unsigned number)
{
    if (number >= t->attr_count[kind])
        return (struct attr){0};
    for (unsigned i = 0; has_groups(t, kind) && i < t->group_count; i++) {
        const struct sysfs_kind_group *g = &t->groups[i];

        if (g->kind == kind && number - g->first < g->count)
            return (struct attr){&g->group.attrs[number - g->first], g->group.ctx, &g->group};
    }
    return (struct attr){&t->ops[kind]->attrs[number], t->ctx[kind], NULL};
}

static bool attr_visible(const struct attr *a, uint32_t object)
{
    if (a->group && !a->group->visible(a->group->visible_ctx, object))
        return false;
    return !a->attr->visible || a->attr->visible(a->ctx, object);
}

static uint16_t generation_of(const struct sysfs_tree *t, struct sysfs_dir dir)
{
    const struct sysfs_kind_ops *ops = dir.kind < SYSFS_KINDS ? t->ops[dir.kind] : NULL;

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

bool sysfs_is_dir(sysfs_ino ino)
{
    return inode_unpack(ino).member == MEMBER_SELF;
}

struct sysfs_dir sysfs_dir_of(sysfs_ino ino)
{
    return inode_unpack(ino).dir;
}

sysfs_ino sysfs_dir_ino(const struct sysfs_tree *t, struct sysfs_dir dir)
{
    return inode_pack((struct inode){dir, MEMBER_SELF, generation_of(t, dir)});
}

static int find_in(const struct sysfs_attr *attrs, const char *name)
{
    for (unsigned i = 0; attrs && attrs[i].name; i++)
        if (strcmp(attrs[i].name, name) == 0)
            return (int)i;
    return -ENOENT;
}

/* The number of the attribute of that name, or -ENOENT. Of several, the one that is visible. */
static int attr_find(const struct sysfs_tree *t, struct sysfs_dir dir, const char *name)
{
    int found = find_in(t->ops[dir.kind]->attrs, name);

    for (unsigned i = 0; has_groups(t, dir.kind) && found < 0 && i < t->group_count; i++) {
        const struct sysfs_kind_group *g = &t->groups[i];

        if (g->kind == dir.kind && g->group.visible(g->group.visible_ctx, dir.object))
            found = find_in(g->group.attrs, name);
        if (found >= 0)
            found += (int)g->first;
    }
    return found;
}

sysfs_ino sysfs_attr_ino(const struct sysfs_tree *t, struct sysfs_dir dir, const char *name)
{
    int number = t->ops[dir.kind] ? attr_find(t, dir, name) : -ENOENT;

    if (number < 0)
        return 0;
    return inode_pack((struct inode){dir, (uint8_t)(MEMBER_ATTR + number), generation_of(t, dir)});
}

static void set_name(struct sysfs_entry *e, const char *name)
{
    size_t len = strnlen(name, SYSFS_NAME_MAX - 1);

    memcpy(e->name, name, len);
    e->name[len] = '\0';
}

static sysfs_ino owner_target(const struct sysfs_tree *t, sysfs_ino ino)
{
    struct inode in = inode_unpack(ino);

    return in.member == MEMBER_LINK ? sysfs_dir_ino(t, inode_link_target(in)) : 0;
}

/* Mode and owner as somebody has changed them. */
static void owner_apply(const struct sysfs_tree *t, struct sysfs_entry *e)
{
    const struct sysfs_owner *owner =
        t->owned ? owner_find(t, e->ino, owner_target(t, e->ino)) : NULL;

    if (!owner)
        return;
    e->mode = owner->mode;
    e->uid = owner->uid;
    e->gid = owner->gid;
}

static void attr_entry(const struct sysfs_tree *t, const struct attr *a, struct inode in,
                       struct sysfs_entry *out)
{
    *out = (struct sysfs_entry){.ino = inode_pack(in),
                                .type = SYSFS_TYPE_FILE,
                                .mode = a->attr->mode,
                                .stable = !a->group && (!a->attr->visible || a->attr->told)};
    set_name(out, a->attr->name);
    owner_apply(t, out);
}

static void dir_entry(const struct sysfs_tree *t, struct sysfs_dir dir, const char *name,
                      struct sysfs_entry *out)
{
    *out = (struct sysfs_entry){
        .ino = sysfs_dir_ino(t, dir), .type = SYSFS_TYPE_DIR, .mode = 0755, .stable = true};
    if (t->ops[dir.kind]->device) {
        out->type = SYSFS_TYPE_FILE;
        out->mode = t->ops[dir.kind]->device;
        out->device = true;
    }
    set_name(out, name);
    owner_apply(t, out);
}

static void link_entry(const struct sysfs_tree *t, struct inode in, const char *name,
                       struct sysfs_entry *out)
{
    *out = (struct sysfs_entry){.ino = inode_pack(in), .type = SYSFS_TYPE_LINK, .mode = 0777};
    set_name(out, name);
    owner_apply(t, out);
}

/* Attribute number slot of the directory; false if it does not exist now. */
static bool attr_slot(const struct sysfs_tree *t, struct inode dir, unsigned i,
                      struct sysfs_entry *out)
{
    struct attr a = attr_at(t, dir.dir.kind, i);

    if (!attr_visible(&a, dir.dir.object))
        return false;
    dir.member = (uint8_t)(MEMBER_ATTR + i);
    attr_entry(t, &a, dir, out);
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
        link_entry(t, dir, m->name, out);
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
    link_entry(t, inode_of_link(dir.dir, c->dir), name, out);
}

int sysfs_lookup(const struct sysfs_tree *t, sysfs_ino dir, const char *name,
                 struct sysfs_entry *out)
{
    struct inode in = inode_unpack(dir);
    const struct sysfs_kind_ops *ops = live_ops(t, &in);
    struct sysfs_child child;
    int number;

    if (!ops)
        return -ENOENT;
    if (in.member != MEMBER_SELF)
        return -ENOTDIR;
    number = attr_find(t, in.dir, name);
    if (number >= 0)
        return attr_slot(t, in, (unsigned)number, out) ? 0 : -ENOENT;
    for (unsigned i = 0; ops->members && ops->members[i].name; i++)
        if (strcmp(ops->members[i].name, name) == 0)
            return member_slot(t, in, i, out) ? 0 : -ENOENT;
    if (!ops->child_find || ops->child_find(t->ctx[in.dir.kind], in.dir.object, name, &child) < 0)
        return -ENOENT;
    child_entry(t, in, &child, name, out);
    return 0;
}

/* The attribute of a live inode number; attr is NULL if the number is not an attribute's. */
static struct attr attr_of(const struct sysfs_tree *t, struct inode in)
{
    if (in.member < MEMBER_ATTR || in.member >= MEMBER_FIXED)
        return (struct attr){0};
    return attr_at(t, in.dir.kind, in.member - MEMBER_ATTR);
}

/* in is an attribute's. */
const char *inode_attr_name(const struct sysfs_tree *t, struct inode in)
{
    return attr_of(t, in).attr->name; /* NOLINT(clang-analyzer-core.NullDereference) */
}

static unsigned member_count(const struct sysfs_kind_ops *ops)
{
    unsigned count = 0;

    while (ops->members && ops->members[count].name)
        count++;
    return count;
}

int sysfs_stat(const struct sysfs_tree *t, sysfs_ino ino, struct sysfs_entry *out)
{
    struct inode in = inode_unpack(ino);
    struct attr a;

    if (in.dir.kind >= SYSFS_KINDS)
        return -ENOENT;
    if (in.member == MEMBER_LINK) {
        struct sysfs_dir target = inode_link_target(in);

        if (target.kind >= SYSFS_KINDS || !generation_of(t, target))
            return -ENODEV;
        link_entry(t, in, "", out);
        return 0;
    }
    if (!inode_is_live(t, in))
        return -ENODEV;
    if (in.member == MEMBER_SELF) {
        dir_entry(t, in.dir, "", out);
        return 0;
    }
    a = attr_of(t, in);
    if (a.attr) {
        if (!attr_visible(&a, in.dir.object))
            return -ENODEV;
        attr_entry(t, &a, in, out);
        return 0;
    }
    if (in.member < MEMBER_FIXED || in.member >= MEMBER_FIXED + member_count(t->ops[in.dir.kind]))
        return -ENOENT;
    return member_slot(t, in, in.member - MEMBER_FIXED, out) ? 0 : -ENODEV;
}

/*
 * The cursor counts attributes, then members, then carries the cursor of the dynamic children.
 * seekdir(3) may set it to any number.
 */
#define CURSOR_MEMBERS  UINT64_C(0x100)
#define CURSOR_CHILDREN UINT64_C(0x200)

static bool next_attr(const struct sysfs_tree *t, struct inode in, uint64_t *cursor,
                      struct sysfs_entry *out)
{
    unsigned count = *cursor < CURSOR_MEMBERS ? t->attr_count[in.dir.kind] : 0;

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

/* The attribute of ino. -ENODEV: vanished or not visible now; -EISDIR: not an attribute. */
static int attr_get(const struct sysfs_tree *t, struct inode in, struct attr *out)
{
    if (!inode_is_live(t, in))
        return -ENODEV;
    *out = attr_of(t, in);
    if (!out->attr)
        return -EISDIR;
    return attr_visible(out, in.dir.object) ? 0 : -ENODEV;
}

int sysfs_show(const struct sysfs_tree *t, sysfs_ino ino, struct text *out)
{
    struct inode in = inode_unpack(ino);
    size_t before = out->len;
    struct attr a;
    int rc = attr_get(t, in, &a);

    if (rc < 0)
        return rc;
    if (!a.attr->show)
        return -EIO;
    rc = a.attr->show(a.ctx, in.dir.object, out);
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
    struct attr a;
    int rc = attr_get(t, in, &a);

    if (rc < 0)
        return rc;
    if (!a.attr->store)
        return -EIO;
    if (!len)
        return 0;
    /* The kernel reads most of what is written as a string [files-sysfs]. */
    return a.attr->store(a.ctx, in.dir.object, data, a.attr->counted ? len : strnlen(data, len),
                         effects);
}

static bool is_there(const struct sysfs_tree *t, sysfs_ino ino, sysfs_ino target)
{
    struct sysfs_entry e;

    return sysfs_stat(t, ino, &e) == 0 && owner_target(t, ino) == target;
}

int sysfs_set_owner(struct sysfs_tree *t, sysfs_ino ino, const struct sysfs_owner *owner)
{
    struct sysfs_entry e;
    int rc = sysfs_stat(t, ino, &e);

    if (rc < 0)
        return rc;
    if (owner->mode & ~07777)
        return -EINVAL;
    owner_put(t, ino, owner_target(t, ino), owner);
    return 0;
}

bool sysfs_owner_restore(struct sysfs_tree *t, uint32_t number, sysfs_ino ino,
                         const struct sysfs_owner *owner)
{
    sysfs_ino other, target = owner_target(t, ino);
    struct sysfs_owner its;

    if (owner_find(t, ino, target) || sysfs_owner_at(t, number, &other, &its))
        return false;
    owner_put_at(t, number, ino, target, owner);
    return true;
}

void sysfs_owners_sweep(struct sysfs_tree *t)
{
    if (t->owned)
        owner_drop_dead(t, is_there);
}

void sysfs_groups_gone(struct sysfs_tree *t, struct sysfs_dir dir)
{
    struct inode in = inode_unpack(sysfs_dir_ino(t, dir));

    for (unsigned i = 0; t->owned && i < t->group_count; i++) {
        const struct sysfs_kind_group *g = &t->groups[i];

        for (unsigned n = g->first; g->kind == dir.kind && n < g->first + g->count; n++) {
            in.member = (uint8_t)(MEMBER_ATTR + n);
            owner_drop(t, inode_pack(in));
        }
    }
}
