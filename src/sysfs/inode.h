/* SPDX-License-Identifier: MIT */
#ifndef APUS_SYSFS_INODE_H
#define APUS_SYSFS_INODE_H

#include "sysfs/tree.h"

/* Encoding of inode numbers; private to src/sysfs. */

#define MEMBER_SELF  0   /* the directory itself */
#define MEMBER_ATTR  1   /* attribute 0 */
#define MEMBER_FIXED 101 /* fixed member 0 (a link; a subdirectory has its own number) */
#define MEMBER_LINK  255 /* a dynamic link: the number encodes its target */

struct inode {
    struct sysfs_dir dir;
    uint8_t member;
    uint16_t generation;
};

static inline sysfs_ino inode_pack(struct inode in)
{
    if (in.dir.kind == SYSFS_ROOT && in.member == MEMBER_SELF)
        return SYSFS_ROOT_INO;
    return (uint64_t)in.dir.kind << 56 | (uint64_t)in.member << 48 | (uint64_t)in.generation << 32 |
           in.dir.object;
}

static inline struct inode inode_unpack(sysfs_ino ino)
{
    if (ino == SYSFS_ROOT_INO)
        return (struct inode){{SYSFS_ROOT, 0}, MEMBER_SELF, 1};
    return (struct inode){
        {(enum sysfs_kind)(ino >> 56), (uint32_t)ino}, (uint8_t)(ino >> 48), (uint16_t)(ino >> 32)};
}

/*
 * A dynamic link: the kind is that of the directory that contains it; the object field holds that
 * directory's object and the target's (no kind has more than 65,536 objects), the generation field
 * the target's kind.
 */
static inline struct inode inode_of_link(struct sysfs_dir in, struct sysfs_dir target)
{
    return (struct inode){
        {in.kind, in.object << 16 | target.object}, MEMBER_LINK, (uint16_t)target.kind};
}

/* tree.c: whether the directory is still the one that the number refers to. */
bool inode_is_live(const struct sysfs_tree *t, struct inode in);

/* The name of an attribute by its inode number. */
const char *inode_attr_name(const struct sysfs_tree *t, struct inode in);

static inline struct sysfs_dir inode_link_dir(struct inode link)
{
    return (struct sysfs_dir){link.dir.kind, link.dir.object >> 16};
}

static inline struct sysfs_dir inode_link_target(struct inode link)
{
    return (struct sysfs_dir){(enum sysfs_kind)link.generation, link.dir.object & 0xffff};
}

#endif
