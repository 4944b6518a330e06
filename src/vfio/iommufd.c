/* SPDX-License-Identifier: MIT */
#include "vfio/iommufd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MAP_FIXED_IOVA 1u
#define MAP_WRITEABLE  2u
#define MAP_READABLE   4u
#define MAP_FLAGS      7u

enum { OPTION_RLIMIT_MODE, OPTION_HUGE_PAGES };
enum { OPTION_SET, OPTION_GET };
enum { VFIO_IOAS_GET, VFIO_IOAS_SET, VFIO_IOAS_CLEAR };

static struct iommu_object *find(const struct iommufd *f, uint32_t id)
{
    struct iommu_object *o;

    LIST_FOREACH (o, &f->objects, link)
        if (o->id == id)
            return o;
    return NULL;
}

static void discard(struct iommufd *f, struct iommu_object *o)
{
    LIST_REMOVE(o, link);
    f->count--;
    if (f->compat == o->id)
        f->compat = 0;
    ranges_done(&o->space.mappings);
    free(o);
}

void iommufd_done(struct iommufd *f)
{
    while (!LIST_EMPTY(&f->objects))
        discard(f, LIST_FIRST(&f->objects));
}

void iommufd_put(struct iommufd *f)
{
    if (f->users)
        return;
    iommufd_done(f);
    free(f);
}

static struct iommu_object *object_new(struct iommufd *f, bool is_device)
{
    struct iommu_object *o;

    if (f->count == IOMMUFD_OBJECTS_MAX)
        return NULL;
    o = xcalloc(1, sizeof *o);
    o->id = ++f->last_id;
    o->is_device = is_device;
    LIST_INSERT_HEAD(&f->objects, o, link);
    f->count++;
    return o;
}

/* NULL: there is no such IOAS. */
static struct ioas *find_ioas(const struct iommufd *f, uint32_t id)
{
    struct iommu_object *o = find(f, id);

    return o && !o->is_device ? &o->space : NULL;
}

uint32_t iommufd_bind(struct iommufd *f)
{
    struct iommu_object *o = object_new(f, true);

    return o ? o->id : 0;
}

void iommufd_unbind(struct iommufd *f, uint32_t id)
{
    struct iommu_object *o = find(f, id);

    if (o && o->is_device)
        discard(f, o);
}

int iommufd_attach(struct iommufd *f, uint32_t old, uint32_t id)
{
    struct ioas *s = find_ioas(f, id);
    int rc = s ? 0 : -ENOENT;

    if (s && old != id)
        rc = ioas_attach(s);
    if (rc == 0 && old != id)
        iommufd_detach(f, old);
    return rc;
}

void iommufd_detach(struct iommufd *f, uint32_t id)
{
    struct ioas *s = find_ioas(f, id);

    if (s)
        s->attached--;
}

int iommufd_use_as_container(struct iommufd *f)
{
    struct iommu_object *o = f->compat ? NULL : object_new(f, false);

    if (o)
        f->compat = o->id;
    return f->compat ? 0 : -ENOMEM;
}

int iommufd_attach_compat(struct iommufd *f, uint32_t *ioas)
{
    int rc = f->compat ? iommufd_attach(f, 0, f->compat) : -ENODEV;

    if (rc == 0)
        *ioas = f->compat;
    return rc;
}

static struct vfio_answer destroy(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_destroy destroy;
    struct iommu_object *o;

    vfio_abi_struct(a, &destroy, sizeof destroy);
    o = find(f, destroy.id);
    if (!o)
        return vfio_result(-ENOENT);
    if (o->is_device || o->space.attached)
        return vfio_result(-EBUSY);
    discard(f, o);
    return vfio_result(0);
}

static struct vfio_answer ioas_alloc(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_ioas_alloc alloc;
    struct iommu_object *o;

    vfio_abi_struct(a, &alloc, sizeof alloc);
    if (alloc.flags)
        return vfio_result(-EOPNOTSUPP);
    o = object_new(f, false);
    if (!o)
        return vfio_result(-ENOMEM);
    alloc.id = o->id;
    return vfio_give(&alloc, sizeof alloc);
}

/* The whole address space, in one range. */
static struct vfio_answer iova_ranges(struct iommufd *f, const struct vfio_args *a)
{
    static const uint64_t all[2] = {0, UINT64_MAX};
    struct iommu_ranges ranges;
    struct vfio_answer answer;
    struct ioas *s;
    bool room;

    vfio_abi_struct(a, &ranges, sizeof ranges);
    if (ranges.reserved)
        return vfio_result(-EOPNOTSUPP);
    s = find_ioas(f, ranges.ioas);
    if (!s)
        return vfio_result(-ENOENT);
    room = ranges.count >= 1;
    ranges.count = 1;
    ranges.alignment = ioas_alignment(s);
    answer = vfio_give(&ranges, sizeof ranges);
    answer.result = room ? 0 : -EMSGSIZE;
    answer.has_other = room;
    answer.other_address = ranges.address;
    memcpy(answer.other, all, sizeof all);
    return answer;
}

static int map_memory(struct iommufd *f, const struct vfio_args *a, struct iommu_map *map)
{
    struct ioas_memory memory = {map->address, map->length, a->number == IOMMU_IOAS_MAP_FILE,
                                 !(map->flags & MAP_FIXED_IOVA)};
    struct ioas *s;

    if (map->flags & ~MAP_FLAGS || (!memory.file && map->fd))
        return -EOPNOTSUPP;
    if (map->iova == UINT64_MAX || map->length == UINT64_MAX)
        return -EOVERFLOW;
    if (!(map->flags & (MAP_READABLE | MAP_WRITEABLE)))
        return -EINVAL;
    s = find_ioas(f, map->ioas);
    if (!s)
        return -ENOENT;
    /* A piece of a file that there cannot be is said first. */
    if (memory.file && a->no_file && map->length &&
        map->address + (map->length - 1) >= map->address)
        return -EBADF;
    return ioas_map(s, &memory, &map->iova);
}

static struct vfio_answer map(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_map map;
    int rc;

    vfio_abi_struct(a, &map, sizeof map);
    rc = map_memory(f, a, &map);
    return rc < 0 ? vfio_result(rc) : vfio_give(&map, sizeof map);
}

static struct vfio_answer unmap(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_unmap unmap;
    uint64_t length;
    struct ioas *s;
    int rc;

    vfio_abi_struct(a, &unmap, sizeof unmap);
    s = find_ioas(f, unmap.ioas);
    if (!s)
        return vfio_result(-ENOENT);
    if (unmap.iova == 0 && unmap.length == UINT64_MAX) {
        unmap.length = ioas_unmap_all(s);
        return vfio_give(&unmap, sizeof unmap);
    }
    if (unmap.iova == UINT64_MAX || unmap.length == UINT64_MAX)
        return vfio_result(-EOVERFLOW);
    rc = ioas_unmap(s, unmap.iova, unmap.length, &length);
    if (rc == 0 && !length)
        rc = -ENOENT;
    unmap.length = length;
    return rc < 0 ? vfio_result(rc) : vfio_give(&unmap, sizeof unmap);
}

static int charge_option(struct iommufd *f, struct iommu_option *option)
{
    if (option->object || option->op > OPTION_GET)
        return -EOPNOTSUPP;
    if (option->op == OPTION_GET)
        option->value = f->by_process;
    else if (f->count)
        return -EBUSY;
    else if (option->value > 1)
        return -EINVAL;
    f->by_process = option->value;
    return 0;
}

static int huge_pages_option(struct iommufd *f, struct iommu_option *option)
{
    struct ioas *s = find_ioas(f, option->object);

    if (!s)
        return -ENOENT;
    if (option->op > OPTION_GET)
        return -EOPNOTSUPP;
    if (option->op == OPTION_GET)
        option->value = !s->small_pages;
    else if (option->value > 1)
        return -EINVAL;
    else if (option->value == 0)
        return ioas_use_small_pages(s);
    else
        s->small_pages = false;
    return 0;
}

static struct vfio_answer option(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_option option;
    int rc;

    vfio_abi_struct(a, &option, sizeof option);
    if (option.reserved || option.id > OPTION_HUGE_PAGES)
        return vfio_result(-EOPNOTSUPP);
    rc = option.id == OPTION_HUGE_PAGES ? huge_pages_option(f, &option) : charge_option(f, &option);
    return rc < 0 ? vfio_result(rc) : vfio_give(&option, sizeof option);
}

static struct vfio_answer vfio_ioas(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_vfio_ioas set;

    vfio_abi_struct(a, &set, sizeof set);
    if (set.reserved)
        return vfio_result(-EOPNOTSUPP);
    switch (set.op) {
    case VFIO_IOAS_GET:
        set.ioas = f->compat;
        return f->compat ? vfio_give(&set, sizeof set) : vfio_result(-ENODEV);
    case VFIO_IOAS_SET:
        if (!find_ioas(f, set.ioas))
            return vfio_result(-ENOENT);
        f->compat = set.ioas;
        return vfio_result(0);
    case VFIO_IOAS_CLEAR:
        f->compat = 0;
        return vfio_result(0);
    default:
        return vfio_result(-EOPNOTSUPP);
    }
}

/* Files are nobody's memory; that of a process cannot become another's. */
static int change_process(const struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_change_process change;
    const struct iommu_object *o;

    vfio_abi_struct(a, &change, sizeof change);
    if (change.reserved)
        return -EOPNOTSUPP;
    LIST_FOREACH (o, &f->objects, link)
        for (unsigned i = 0; i < o->space.mappings.count; i++)
            if (!o->space.mappings.v[i].file)
                return -EINVAL;
    return 0;
}

/* Something behind the structure asks for what this kernel does not know. */
static struct vfio_answer object_ioctl(struct iommufd *f, const struct vfio_args *a)
{
    if (a->excess)
        return vfio_result(-E2BIG);
    switch (a->number) {
    case IOMMU_DESTROY:
        return destroy(f, a);
    case IOMMU_IOAS_ALLOC:
        return ioas_alloc(f, a);
    case IOMMU_IOAS_IOVA_RANGES:
        return iova_ranges(f, a);
    case IOMMU_IOAS_MAP:
    case IOMMU_IOAS_MAP_FILE:
        return map(f, a);
    case IOMMU_IOAS_UNMAP:
        return unmap(f, a);
    case IOMMU_OPTION:
        return option(f, a);
    case IOMMU_VFIO_IOAS:
        return vfio_ioas(f, a);
    case IOMMU_IOAS_CHANGE_PROCESS:
        return vfio_result(change_process(f, a));
    default:
        return vfio_result(iommufd_without_hardware(a));
    }
}

struct vfio_answer iommufd_ioctl(struct iommufd *f, const struct vfio_args *a)
{
    uint32_t size;

    if (a->number < IOMMU_DESTROY)
        return iommufd_compat_ioctl(f->compat ? find_ioas(f, f->compat) : NULL, a);
    if (a->number > IOMMU_HW_QUEUE_ALLOC)
        return vfio_result(-ENOTTY);
    if (!vfio_abi_struct(a, &size, sizeof size) || a->fault)
        return vfio_result(-EFAULT);
    if (size > VFIO_EXCESS_MAX)
        return vfio_result(-E2BIG);
    if (a->len <= sizeof size)
        return vfio_result(-EINVAL); /* smaller than the structure has ever been */
    return object_ioctl(f, a);
}
