/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sysfs/tree.h"

/* Devices by number: dev/char in sysfs [files-misc]. Here it is sysdev/char, since dev has the
 * device nodes. */

static void numbers_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "sysdev");
}

static struct sysfs_dir numbers_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_ROOT, 0};
}

static bool to_char(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_CHAR_NUMBERS, 0};
    return true;
}

static void char_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "char");
}

static struct sysfs_dir char_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_NUMBERS, 0};
}

static void number_name(unsigned major, unsigned minor, char out[SYSFS_NAME_MAX])
{
    snprintf(out, SYSFS_NAME_MAX, "%u:%u", major, minor);
}

/* The inverse of number_name; nothing else is a name. */
static bool number_parse(const char *name, unsigned *major, unsigned *minor)
{
    char again[SYSFS_NAME_MAX];

    if (sscanf(name, "%u:%u", major, minor) != 2)
        return false;
    number_name(*major, *minor, again);
    return strcmp(again, name) == 0;
}

static int char_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    const struct sysfs_tree *t = ctx;
    unsigned major, minor;

    out->is_link = true;
    if (!number_parse(name, &major, &minor))
        return -ENOENT;
    for (unsigned i = 0; i < t->major_count; i++)
        if (t->majors[i].major == major)
            return t->majors[i].find(t->majors[i].ctx, minor, &out->dir);
    return -ENOENT;
}

/* The cursor has the index of the major number in its upper bits. */
#define CURSOR_BITS 24

static bool char_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                      char name[SYSFS_NAME_MAX])
{
    const struct sysfs_tree *t = ctx;

    for (uint32_t i = *cursor >> CURSOR_BITS; i < t->major_count; i++) {
        uint32_t within = *cursor & ((1u << CURSOR_BITS) - 1);
        unsigned minor;

        if (t->majors[i].next(t->majors[i].ctx, &within, &minor, &out->dir)) {
            *cursor = i << CURSOR_BITS | within;
            out->is_link = true;
            number_name(t->majors[i].major, minor, name);
            return true;
        }
        *cursor = (i + 1) << CURSOR_BITS;
    }
    return false;
}

static const struct sysfs_member numbers_members[] = {{"char", false, to_char}, {0}};

void sysfs_major_add(struct sysfs_tree *t, const struct sysfs_major *major)
{
    static const struct sysfs_kind_ops numbers_ops = {
        .members = numbers_members, .name = numbers_name, .parent = numbers_parent};
    static const struct sysfs_kind_ops char_ops = {
        .name = char_name, .parent = char_parent, .child_find = char_find, .child_next = char_next};

    if (t->major_count == SYSFS_MAJORS_MAX)
        abort();
    if (!t->major_count) {
        sysfs_register(t, SYSFS_NUMBERS, &numbers_ops, t);
        sysfs_register(t, SYSFS_CHAR_NUMBERS, &char_ops, t);
    }
    t->majors[t->major_count++] = *major;
}
