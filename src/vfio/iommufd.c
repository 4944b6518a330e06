/* SPDX-License-Identifier: MIT */
#include "vfio/iommufd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "vfio/container.h"

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
    ranges_done(&o->mappings);
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

struct iommu_object *iommufd_ioas(const struct iommufd *f, uint32_t id)
{
    struct iommu_object *o = find(f, id);

    return o && !o->is_device ? o : NULL;
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

int iommufd_use_as_container(struct iommufd *f)
{
    struct iommu_object *o = f->compat ? NULL : object_new(f, false);

    if (o)
        f->compat = o->id;
    return f->compat ? 0 : -ENOMEM;
}

static struct vfio_answer destroy(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_destroy destroy;
    struct iommu_object *o;

    vfio_abi_struct(a, &destroy, sizeof destroy);
    o = find(f, destroy.id);
    if (!o)
        return vfio_result(-ENOENT);
    if (o->is_device || o->attached)
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
    struct iommu_object *o;
    struct vfio_answer answer;
    bool room;

    vfio_abi_struct(a, &ranges, sizeof ranges);
    if (ranges.reserved)
        return vfio_result(-EOPNOTSUPP);
    o = iommufd_ioas(f, ranges.ioas);
    if (!o)
        return vfio_result(-ENOENT);
    room = ranges.count >= 1;
    ranges.count = 1;
    ranges.alignment = o->attached ? VFIO_PAGE : 1;
    answer = vfio_give(&ranges, sizeof ranges);
    answer.result = room ? 0 : -EMSGSIZE;
    answer.has_other = room;
    answer.other_address = ranges.address;
    memcpy(answer.other, all, sizeof all);
    return answer;
}

/* As large a power of two as the address allows, up to the length. */
static uint64_t alignment_for(const struct iommu_object *o, const struct iommu_map *map)
{
    uint64_t alignment = o->attached ? VFIO_PAGE : 1;

    while (alignment < map->length && alignment < UINT64_C(1) << 62 &&
           map->address % (alignment * 2) == 0)
        alignment *= 2;
    return alignment;
}

static struct vfio_answer ioas_map(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_object *o;
    struct iommu_map map;
    int rc;

    vfio_abi_struct(a, &map, sizeof map);
    if (map.flags & ~MAP_FLAGS)
        return vfio_result(-EOPNOTSUPP);
    if (!(map.flags & (MAP_READABLE | MAP_WRITEABLE)) || !map.length)
        return vfio_result(-EINVAL);
    o = iommufd_ioas(f, map.ioas);
    if (!o)
        return vfio_result(-ENOENT);
    if (!(map.flags & MAP_FIXED_IOVA) &&
        !ranges_free(&o->mappings, map.length, alignment_for(o, &map), &map.iova))
        return vfio_result(-ENOSPC);
    if (map.iova + map.length - 1 < map.iova)
        return vfio_result(-EOVERFLOW);
    if (o->attached && (map.iova % VFIO_PAGE || map.length % VFIO_PAGE))
        return vfio_result(-EINVAL);
    rc = ranges_add(&o->mappings, map.iova, map.iova + map.length - 1);
    return rc < 0 ? vfio_result(rc) : vfio_give(&map, sizeof map);
}

static struct vfio_answer ioas_unmap(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_unmap unmap;
    struct iommu_object *o;
    uint64_t last, before;

    vfio_abi_struct(a, &unmap, sizeof unmap);
    o = iommufd_ioas(f, unmap.ioas);
    if (!o)
        return vfio_result(-ENOENT);
    if (!unmap.length)
        return vfio_result(-EINVAL);
    last = unmap.iova + unmap.length - 1;
    if (last < unmap.iova)
        return vfio_result(-EOVERFLOW);
    if (unmap.iova == 0 && unmap.length == UINT64_MAX) {
        unmap.length = ranges_remove(&o->mappings, 0, UINT64_MAX);
        return vfio_give(&unmap, sizeof unmap);
    }
    before = o->mappings.count;
    if (ranges_cut(&o->mappings, unmap.iova, last))
        return vfio_result(-ENOENT);
    unmap.length = ranges_remove(&o->mappings, unmap.iova, last);
    return before == o->mappings.count ? vfio_result(-ENOENT) : vfio_give(&unmap, sizeof unmap);
}

static struct vfio_answer option(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_option option;

    vfio_abi_struct(a, &option, sizeof option);
    if (option.reserved || option.id > OPTION_HUGE_PAGES || option.op > OPTION_GET)
        return vfio_result(-EOPNOTSUPP);
    if (option.op == OPTION_GET) {
        option.value = option.id == OPTION_HUGE_PAGES && f->huge_pages;
        return vfio_give(&option, sizeof option);
    }
    if (option.id == OPTION_RLIMIT_MODE)
        return vfio_result(f->count ? -EBUSY : option.value ? -EINVAL : 0);
    if (option.value > 1)
        return vfio_result(-EINVAL);
    f->huge_pages = option.value;
    return vfio_result(0);
}

static struct vfio_answer vfio_ioas(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_vfio_ioas set;

    vfio_abi_struct(a, &set, sizeof set);
    switch (set.op) {
    case VFIO_IOAS_GET:
        set.ioas = f->compat;
        return f->compat ? vfio_give(&set, sizeof set) : vfio_result(-ENODEV);
    case VFIO_IOAS_SET:
        if (!iommufd_ioas(f, set.ioas))
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
        return ioas_map(f, a);
    case IOMMU_IOAS_UNMAP:
        return ioas_unmap(f, a);
    case IOMMU_OPTION:
        return option(f, a);
    case IOMMU_VFIO_IOAS:
        return vfio_ioas(f, a);
    case IOMMU_HWPT_ALLOC:
    case IOMMU_GET_HW_INFO:
        return vfio_result(-ENOENT); /* a mediated device has none */
    case IOMMU_IOAS_CHANGE_PROCESS:
        return vfio_result(0); /* nothing is pinned for the old one */
    default:
        return vfio_result(-EOPNOTSUPP);
    }
}

static struct vfio_answer compat_info(const struct vfio_args *a)
{
    static const struct {
        struct vfio_dma_available available;
        struct vfio_iova_range range;
    } capabilities = {
        .available = {.header = {VFIO_DMA_AVAILABLE, 1,
                                 sizeof(struct vfio_iommu_info) +
                                     sizeof(struct vfio_dma_available)},
                      .mappings = RANGES_MAX},
        .range = {.header = {VFIO_IOVA_RANGES, 1, 0}, .count = 1, .last = UINT64_MAX},
    };

    return mappings_info(a, &capabilities, sizeof capabilities);
}

static struct vfio_answer set_iommu(const struct iommu_object *compat, uint64_t type)
{
    if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU)
        return vfio_result(-EINVAL);
    return vfio_result(compat ? 0 : -ENODEV);
}

static struct vfio_answer check_extension(const struct iommu_object *compat, uint64_t extension)
{
    if (extension == VFIO_DMA_CC_IOMMU)
        return vfio_result(compat ? 1 : -ENODEV);
    return vfio_result(extension == VFIO_TYPE1_IOMMU || extension == VFIO_TYPE1v2_IOMMU ||
                       extension == VFIO_UNMAP_ALL);
}

/* The numbers of a container, for programs that know no other ones. */
static struct vfio_answer compat_ioctl(struct iommufd *f, const struct vfio_args *a)
{
    struct iommu_object *compat = f->compat ? find(f, f->compat) : NULL;

    switch (a->number) {
    case VFIO_GET_API_VERSION:
        return vfio_result(0);
    case VFIO_CHECK_EXTENSION:
        return check_extension(compat, a->argument);
    case VFIO_SET_IOMMU:
        return set_iommu(compat, a->argument);
    case VFIO_IOMMU_GET_INFO:
        return compat ? compat_info(a) : vfio_result(-ENODEV);
    case VFIO_IOMMU_MAP_DMA:
        return compat ? mappings_map(&compat->mappings, a) : vfio_result(-ENODEV);
    case VFIO_IOMMU_UNMAP_DMA:
        return compat ? mappings_unmap(&compat->mappings, a) : vfio_result(-ENODEV);
    default:
        return vfio_result(-ENOTTY);
    }
}

struct vfio_answer iommufd_ioctl(struct iommufd *f, const struct vfio_args *a)
{
    uint32_t size;

    if (a->number < IOMMU_DESTROY)
        return compat_ioctl(f, a);
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
