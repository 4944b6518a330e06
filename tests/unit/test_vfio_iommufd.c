/* SPDX-License-Identifier: MIT */
/* What iommufds answer, also in place of a container: as the real driver. */
#include <errno.h>

#include "vfio_rig.h"

#define ALL_DEVICES UINT64_MAX

static uint32_t ioas(void)
{
    struct iommu_ioas_alloc alloc = {.size = sizeof alloc};
    struct vfio_answer a = ask(VFIO_IOMMUFD, IOMMU_IOAS_ALLOC, 0, &alloc, sizeof alloc);

    assert_int_equal(a.result, 0);
    memcpy(&alloc, a.bytes, sizeof alloc);
    return alloc.id;
}

static void test_sizes(void **state)
{
    struct {
        struct iommu_ioas_alloc alloc;
        uint8_t more[9000];
    } m = {0};

    assert_int_equal(value(VFIO_IOMMUFD, IOMMU_IOAS_ALLOC, 0), -EFAULT);
    for (m.alloc.size = 0; m.alloc.size < 12; m.alloc.size += 4)
        assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_IOAS_ALLOC, 0, &m, sizeof m).result, -EINVAL);
    m.alloc.size = 12;
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_IOAS_ALLOC, 0, &m, 8).result, -EFAULT);
    m.alloc.size = 9000;
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_IOAS_ALLOC, 0, &m, sizeof m).result, 0);
    m.more[8000] = 1;
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_IOAS_ALLOC, 0, &m, sizeof m).result, -E2BIG);
    /* An older structure has the newer fields 0. */
    m.more[8000] = 0;
    m.alloc.size = 32;
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_GET_HW_INFO, 0, &m, 32).result, -ENOENT);
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_GET_HW_INFO, 0, &m, 31).result, -EFAULT);
    m.alloc.size = 28;
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_GET_HW_INFO, 0, &m, 28).result, -EINVAL);
    m.alloc.size = 24;
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_HWPT_ALLOC, 0, &m, 24).result, -ENOENT);
    assert_int_equal(value(VFIO_IOMMUFD, 0x3b95, 0), -ENOTTY);
    assert_int_equal(value(VFIO_IOMMUFD, VFIO_DEVICE_RESET, 0), -ENOTTY);
}

static int64_t map_by(uint32_t number, struct iommu_map m, uint64_t *iova)
{
    struct vfio_answer a = ask(VFIO_IOMMUFD, number, 0, &m, sizeof m);

    if (a.result == 0) {
        memcpy(&m, a.bytes, sizeof m);
        *iova = m.iova;
    }
    return a.result;
}

static int64_t iommufd_map(uint32_t id, uint32_t flags, uint64_t address, uint64_t length,
                           uint64_t *iova)
{
    return map_by(
        IOMMU_IOAS_MAP,
        (struct iommu_map){sizeof(struct iommu_map), flags, id, 0, address, length, *iova}, iova);
}

static int64_t iommufd_unmap(uint32_t id, uint64_t iova, uint64_t length)
{
    struct iommu_unmap m = {sizeof m, id, iova, length};
    struct vfio_answer a = ask(VFIO_IOMMUFD, IOMMU_IOAS_UNMAP, 0, &m, sizeof m);

    if (a.result < 0)
        return a.result;
    memcpy(&m, a.bytes, sizeof m);
    return (int64_t)m.length;
}

static void test_ioas(void **state)
{
    uint64_t iova = 0x4000, chosen = 0;
    uint32_t id = ioas();

    assert_int_equal(id, 1);
    assert_int_equal(iommufd_map(9, 7, 0, 0x1000, &iova), -ENOENT);
    assert_int_equal(iommufd_map(id, 8, 0, 0x1000, &iova), -EOPNOTSUPP);
    assert_int_equal(iommufd_map(id, 1, 0, 0x1000, &iova), -EINVAL);
    assert_int_equal(iommufd_map(id, 7, 0, 0, &iova), -EINVAL);
    assert_int_equal(iommufd_map(id, 7, 0, 0x1000, &iova), 0);
    assert_int_equal(iommufd_map(id, 7, 0, 0x1000, &iova), -EEXIST);
    assert_int_equal(iommufd_map(id, 6, 0x2000, 0x2000, &chosen), 0);
    assert_int_equal(chosen, 0x2000);
    assert_int_equal(iommufd_map(id, 6, 0x2000, 0x4000, &chosen), 0);
    assert_int_equal(chosen, 0x6000);
    assert_int_equal(iommufd_unmap(id, 0x4800, 0x1000), -ENOENT);
    assert_int_equal(iommufd_unmap(id, 0, 0x5000), 0x3000);
    assert_int_equal(iommufd_unmap(id, 0, 0x5000), -ENOENT);
    assert_int_equal(iommufd_unmap(id, 0, 0), -EINVAL);
    assert_int_equal(iommufd_unmap(9, 0, 0), -ENOENT);
    assert_int_equal(iommufd_unmap(id, UINT64_MAX, 1), -EOVERFLOW);
    assert_int_equal(iommufd_unmap(id, 0x1000, UINT64_MAX), -EOVERFLOW);
    assert_int_equal(iommufd_unmap(id, 0, ALL_DEVICES), 0x4000);
    assert_int_equal(iommufd_unmap(id, 0, ALL_DEVICES), 0);
}

/* What is wrong with a mapping, in the order in which it is looked at. */
static void test_order_of_map(void **state)
{
    uint64_t iova = UINT64_MAX, zero = 0, top = UINT64_MAX - 0xfff;
    uint32_t id = ioas();

    assert_int_equal(iommufd_map(id, 8, 0, 0, &iova), -EOPNOTSUPP);
    assert_int_equal(iommufd_map(9, 1, 0, 0, &iova), -EOVERFLOW);
    assert_int_equal(iommufd_map(9, 1, 0, UINT64_MAX, &zero), -EOVERFLOW);
    assert_int_equal(iommufd_map(9, 1, 0, 0, &zero), -EINVAL);
    assert_int_equal(iommufd_map(9, 7, 0, 0, &zero), -ENOENT);
    assert_int_equal(iommufd_map(id, 7, 0, 0, &zero), -EINVAL);
    assert_int_equal(iommufd_map(id, 7, top, 0x1000, &zero), -EOVERFLOW);
    assert_int_equal(iommufd_map(id, 7, 0, 0x2000, &top), -EOVERFLOW);
    assert_int_equal(iommufd_map(id, 7, 0, 0x1000, &top), 0);
    assert_int_equal(map_by(IOMMU_IOAS_MAP,
                            (struct iommu_map){sizeof(struct iommu_map), 7, id, 1, 0, 0x1000, 0},
                            &zero),
                     -EOPNOTSUPP);
    assert_int_equal(iommufd_map(id, 6, 0, UINT64_MAX / 2, &zero), -EOVERFLOW);
}

/* Never 0; an address within a page is kept, and no more than a huge page's alignment. */
static void test_chosen_address(void **state)
{
    uint64_t iova = 0;
    uint32_t id = ioas();

    assert_int_equal(iommufd_map(id, 6, 0, 0x1000, &iova), 0);
    assert_int_equal(iova, 0x1000);
    assert_int_equal(iommufd_map(id, 6, 0x40000000, 0x10000000, &iova), 0);
    assert_int_equal(iova, 0x100000);
    assert_int_equal(iommufd_map(id, 6, 0x40000234, 0x10, &iova), 0);
    assert_int_equal(iova, 0x2234);
}

/* Ranges before the one that would be cut are gone. */
static void test_unmap_stops_at_a_cut(void **state)
{
    uint64_t first = 0x1000, second = 0x3000;
    uint32_t id = ioas();

    assert_int_equal(iommufd_map(id, 7, 0, 0x1000, &first), 0);
    assert_int_equal(iommufd_map(id, 7, 0, 0x2000, &second), 0);
    assert_int_equal(iommufd_unmap(id, 0, 0x4000), -ENOENT);
    assert_int_equal(iommufd_unmap(id, 0, 0x2000), -ENOENT);
    assert_int_equal(iommufd_unmap(id, 0, 0x5000), 0x2000);
}

/* What a device is attached to has pages. */
static void test_alignment(void **state)
{
    uint64_t odd = 0x10, even = 0x2000;
    uint32_t id = ioas(), device = iommufd_bind(iommufd);

    assert_int_equal(iommufd_attach(iommufd, 0, 99), -ENOENT);
    assert_int_equal(iommufd_attach(iommufd, 0, device), -ENOENT);
    assert_int_equal(iommufd_map(id, 7, 0x10, 0x10, &odd), 0);
    assert_int_equal(iommufd_attach(iommufd, 0, id), -EADDRINUSE);
    assert_int_equal(iommufd_unmap(id, odd, 0x10), 0x10);
    assert_int_equal(iommufd_map(id, 7, 0x10, 0x1000, &even), 0);
    assert_int_equal(iommufd_attach(iommufd, 0, id), -EADDRINUSE);
    assert_int_equal(iommufd_unmap(id, even, 0x1000), 0x1000);
    assert_int_equal(iommufd_attach(iommufd, 0, id), 0);
    assert_int_equal(iommufd_attach(iommufd, id, id), 0);
    assert_int_equal(iommufd_map(id, 7, 0, 0x10, &even), -EINVAL);
    assert_int_equal(iommufd_map(id, 7, 0, 0x1000, &odd), -EINVAL);
    assert_int_equal(iommufd_map(id, 7, 0x10, 0x1000, &even), -EINVAL);
    assert_int_equal(iommufd_map(id, 6, 0x10, 0x1000, &even), -EINVAL);
    iommufd_detach(iommufd, id);
    assert_int_equal(iommufd_map(id, 7, 0x10, 0x10, &odd), 0);
}

static int64_t option(uint32_t which, uint16_t op, uint32_t object, uint64_t *setting)
{
    struct iommu_option o = {sizeof o, which, op, 0, object, *setting};
    struct vfio_answer a = ask(VFIO_IOMMUFD, IOMMU_OPTION, 0, &o, sizeof o);

    if (a.result == 0 && a.len) {
        memcpy(&o, a.bytes, sizeof o);
        *setting = o.value;
    }
    return a.result;
}

/* Huge pages are an option of an address space, the way of counting one of all. */
static void test_options(void **state)
{
    uint64_t setting = 2, odd = 0x10, one = 1, none = 0;
    uint32_t id;

    assert_int_equal(option(0, 0, 0, &setting), -EINVAL);
    assert_int_equal(option(0, 1, 1, &setting), -EOPNOTSUPP);
    assert_int_equal(option(0, 0, 0, &one), 0);
    assert_int_equal(option(0, 1, 0, &setting), 0);
    assert_int_equal(setting, 1);
    assert_int_equal(option(1, 1, 1, &setting), -ENOENT);
    id = ioas();
    assert_int_equal(option(0, 0, 0, &one), -EBUSY);
    assert_int_equal(option(0, 2, 0, &one), -EOPNOTSUPP);
    setting = 9;
    assert_int_equal(option(1, 1, id, &setting), 0);
    assert_int_equal(setting, 1);
    assert_int_equal(option(1, 0, id, &setting), 0);
    setting = 2;
    assert_int_equal(option(1, 0, id, &setting), -EINVAL);
    assert_int_equal(option(1, 2, id, &one), -EOPNOTSUPP);
    assert_int_equal(iommufd_map(id, 7, 0, 0x10, &odd), 0);
    assert_int_equal(option(1, 0, id, &none), -EADDRINUSE);
    assert_int_equal(iommufd_unmap(id, odd, 0x10), 0x10);
    assert_int_equal(option(1, 0, id, &none), 0);
    assert_int_equal(option(1, 1, id, &setting), 0);
    assert_int_equal(setting, 0);
    assert_int_equal(iommufd_map(id, 7, 0, 0x10, &odd), -EINVAL);
    assert_int_equal(option(2, 1, id, &setting), -EOPNOTSUPP);
}

/* Memory of a process stays that process's; a file does not. */
static void test_change_process(void **state)
{
    struct iommu_destroy change = {.size = 8};
    struct iommu_map file = {sizeof file, 7, 0, 3, 0, 0x1000, 0x3000};
    uint64_t iova = 0x1000, other = 0x3000;

    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_IOAS_CHANGE_PROCESS, 0, &change, 8).result, 0);
    file.ioas = ioas();
    assert_int_equal(map_by(IOMMU_IOAS_MAP_FILE, file, &other), 0);
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_IOAS_CHANGE_PROCESS, 0, &change, 8).result, 0);
    assert_int_equal(iommufd_map(file.ioas, 7, 0, 0x1000, &iova), 0);
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_IOAS_CHANGE_PROCESS, 0, &change, 8).result, -EINVAL);
    change.id = 1;
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_IOAS_CHANGE_PROCESS, 0, &change, 8).result,
                     -EOPNOTSUPP);
}

static void test_map_file_without_file(void **state)
{
    struct iommu_map m = {sizeof m, 7, 0, 99, 0, 0x1000, 0x3000};
    struct vfio_args a = {
        .kind = VFIO_IOMMUFD, .number = IOMMU_IOAS_MAP_FILE, .len = sizeof m, .no_file = true};

    memcpy(a.bytes, &m, sizeof m);
    assert_int_equal(iommufd_ioctl(iommufd, &a).result, -ENOENT);
    m.ioas = ioas();
    memcpy(a.bytes, &m, sizeof m);
    assert_int_equal(iommufd_ioctl(iommufd, &a).result, -EBADF);
    m.length = 0;
    memcpy(a.bytes, &m, sizeof m);
    assert_int_equal(iommufd_ioctl(iommufd, &a).result, -EINVAL);
    m.length = 0x1000;
    m.address = UINT64_MAX;
    memcpy(a.bytes, &m, sizeof m);
    assert_int_equal(iommufd_ioctl(iommufd, &a).result, -EOVERFLOW);
}

/* What needs hardware behind a device finds none; that is said last. */
static void test_without_hardware(void **state)
{
    static const struct {
        uint32_t number;
        uint32_t words[12];
        int wanted;
    } cases[] = {
        {IOMMU_HWPT_ALLOC, {48}, -ENOENT},
        {IOMMU_HWPT_ALLOC, {48, 0, 0, 0, 0, 1}, -EOPNOTSUPP},
        {IOMMU_HWPT_ALLOC, {48, 0, 0, 0, 0, 0, 1}, -EINVAL},
        {IOMMU_HWPT_ALLOC, {48, 0, 0, 0, 0, 0, 0, 1}, -EINVAL},
        {IOMMU_GET_HW_INFO, {40}, -ENOENT},
        {IOMMU_GET_HW_INFO, {40, 2}, -EOPNOTSUPP},
        {IOMMU_HWPT_SET_DIRTY, {16, 1}, -ENOENT},
        {IOMMU_HWPT_SET_DIRTY, {16, 2}, -EOPNOTSUPP},
        {IOMMU_HWPT_GET_DIRTY, {48, 0, 1}, -ENOENT},
        {IOMMU_HWPT_GET_DIRTY, {48, 0, 0, 1}, -EOPNOTSUPP},
        {IOMMU_HWPT_INVALIDATE, {32}, -ENOENT},
        {IOMMU_HWPT_INVALIDATE, {32, 0, 0, 0, 0, 0, 1}, -EINVAL},
        {IOMMU_HWPT_INVALIDATE, {32, 0, 0, 0, 0, 0, 0, 1}, -EOPNOTSUPP},
        {IOMMU_VIOMMU_ALLOC, {40}, -EOPNOTSUPP},
        {IOMMU_VIOMMU_ALLOC, {24, 0, 1}, -ENOENT},
        {IOMMU_VDEVICE_ALLOC, {24}, -ENOENT},
        {IOMMU_VEVENTQ_ALLOC, {32}, -EOPNOTSUPP},
        {IOMMU_VEVENTQ_ALLOC, {32, 0, 0, 1}, -EINVAL},
        {IOMMU_VEVENTQ_ALLOC, {28, 0, 0, 1, 1}, -ENOENT},
        {IOMMU_VEVENTQ_ALLOC, {32, 0, 0, 1, 0x80001}, -EINVAL},
        {IOMMU_HW_QUEUE_ALLOC, {40}, -EOPNOTSUPP},
        {IOMMU_HW_QUEUE_ALLOC, {40, 0, 0, 1}, -EINVAL},
        {IOMMU_HW_QUEUE_ALLOC, {40, 0, 0, 1, 0, 0, 0, 0, 1}, -ENOENT},
        {IOMMU_HW_QUEUE_ALLOC, {40, 0, 0, 1, 0, 0, 2, 0, ~0u, ~0u}, -EOVERFLOW},
        {IOMMU_HWPT_INVALIDATE, {32, 0, 1, 0, 0, 4096, 0x80000}, -ENOENT},
        {IOMMU_HWPT_INVALIDATE, {32, 0, 1, 0, 0, 4097, 1}, -EINVAL},
        {IOMMU_HWPT_INVALIDATE, {32, 0, 1, 0, 0, 1, 0x80001}, -EINVAL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(
            ask(VFIO_IOMMUFD, cases[i].number, 0, cases[i].words, sizeof cases[i].words).result,
            cases[i].wanted);
}

static void test_objects(void **state)
{
    struct iommu_destroy d = {.size = sizeof d};
    uint32_t id = ioas(), device = iommufd_bind(iommufd);

    assert_int_equal(device, 2);
    d.id = device;
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_DESTROY, 0, &d, sizeof d).result, -EBUSY);
    iommufd_unbind(iommufd, device);
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_DESTROY, 0, &d, sizeof d).result, -ENOENT);
    d.id = id;
    assert_int_equal(iommufd_attach(iommufd, 0, id), 0);
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_DESTROY, 0, &d, sizeof d).result, -EBUSY);
    iommufd_detach(iommufd, id);
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_DESTROY, 0, &d, sizeof d).result, 0);
    assert_int_equal(ioas(), 3);
}

static void test_as_a_container(void **state)
{
    assert_int_equal(value(VFIO_IOMMUFD, VFIO_GET_API_VERSION, 0), 0);
    assert_int_equal(value(VFIO_IOMMUFD, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU), -ENODEV);
    assert_int_equal(value(VFIO_IOMMUFD, VFIO_SET_IOMMU, 3), -ENODEV);
    assert_int_equal(iommufd_use_as_container(iommufd), 0);
    assert_int_equal(value(VFIO_IOMMUFD, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU), 1);
    assert_int_equal(value(VFIO_IOMMUFD, VFIO_SET_IOMMU, 3), 0);
    assert_int_equal(value(VFIO_IOMMUFD, VFIO_SET_IOMMU, 8), -EINVAL);
}

static int64_t compat_map(uint32_t flags, uint64_t iova, uint64_t size)
{
    struct vfio_dma_map m = {sizeof m, flags, 0x10000, iova, size};

    return ask(VFIO_IOMMUFD, VFIO_IOMMU_MAP_DMA, 0x1000, &m, sizeof m).result;
}

/* -errno, or the size that comes back: it does so with an error, too. */
static int64_t compat_unmap(uint32_t flags, uint64_t iova, uint64_t size)
{
    struct vfio_dma_unmap m = {sizeof m, flags, iova, size};
    struct vfio_answer a = ask(VFIO_IOMMUFD, VFIO_IOMMU_UNMAP_DMA, 0x1000, &m, sizeof m);

    if (a.len)
        memcpy(&m, a.bytes, sizeof m);
    assert_true(a.result == 0 || !a.len || m.size == 0);
    return a.result < 0 ? a.result : (int64_t)m.size;
}

/* The numbers of a container ask bad arguments first, and know no pages until a device comes. */
static void test_mappings_as_a_container(void **state)
{
    assert_int_equal(value(VFIO_IOMMUFD, VFIO_IOMMU_MAP_DMA, 1), -EFAULT);
    assert_int_equal(compat_map(4, 0, 0x1000), -EINVAL);
    assert_int_equal(compat_map(3, 0, 0x1000), -ENODEV);
    assert_int_equal(compat_unmap(4, 0, 0x1000), -EINVAL);
    assert_int_equal(compat_unmap(0, 0, 0x1000), -ENODEV);
    assert_int_equal(iommufd_use_as_container(iommufd), 0);
    assert_int_equal(compat_map(0, 0x8010, 0x10), 0);
    assert_int_equal(compat_map(3, 0x8000, 0x1000), -EEXIST);
    assert_int_equal(compat_map(3, 0x1000, 0), -EINVAL);
    assert_int_equal(compat_map(3, 0xfffffffffffff000, 0x2000), -EOVERFLOW);
    assert_int_equal(compat_unmap(0, 0x8000, 0x18), -ENOENT);
    assert_int_equal(compat_unmap(0, 0, 0), -EINVAL);
    assert_int_equal(compat_unmap(2, 0, 0x10), -EINVAL);
    assert_int_equal(compat_unmap(0, 0x10, 0x100), 0);
    assert_int_equal(compat_unmap(2, 0, 0), 0x10);
    assert_int_equal(compat_unmap(2, 0, 0), 0);
}

/* Type 1 in its first version unmaps within a range: that takes small pages. */
static void test_version_1_as_a_container(void **state)
{
    assert_int_equal(iommufd_use_as_container(iommufd), 0);
    assert_int_equal(compat_map(3, 0x10, 0x10), 0);
    assert_int_equal(value(VFIO_IOMMUFD, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), -EADDRINUSE);
    assert_int_equal(compat_unmap(2, 0, 0), 0x10);
    assert_int_equal(value(VFIO_IOMMUFD, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
    assert_int_equal(compat_map(3, 0x8000, 0x4000), 0);
    assert_int_equal(compat_unmap(0, 0x9010, 0x1000), -EINVAL);
    assert_int_equal(compat_unmap(0, 0x9000, 0x1000), 0x1000);
    assert_int_equal(compat_unmap(0, 0, 0x10000), 0x3000);
}

static void test_info_as_a_container(void **state)
{
    struct vfio_iommu_info info = {.argsz = 4096};
    struct vfio_answer a;
    uint32_t available;

    assert_int_equal(ask(VFIO_IOMMUFD, VFIO_IOMMU_GET_INFO, 0, &info, sizeof info).result, -ENODEV);
    info.argsz = 15;
    assert_int_equal(ask(VFIO_IOMMUFD, VFIO_IOMMU_GET_INFO, 0, &info, sizeof info).result, -EINVAL);
    info.argsz = 4096;
    assert_int_equal(iommufd_use_as_container(iommufd), 0);
    a = ask(VFIO_IOMMUFD, VFIO_IOMMU_GET_INFO, 0, &info, sizeof info);
    assert_int_equal(a.len, 72);
    memcpy(&info, a.bytes, sizeof info);
    assert_int_equal(info.argsz, 72);
    assert_int_equal(info.capabilities, 24);
    memcpy(&available, a.bytes + 32, sizeof available);
    assert_int_equal(available, UINT32_MAX);
}

static void test_vfio_ioas(void **state)
{
    struct iommu_vfio_ioas v = {.size = sizeof v, .op = 3};

    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_VFIO_IOAS, 0, &v, sizeof v).result, -EOPNOTSUPP);
    v.op = 2;
    v.reserved = 1;
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_VFIO_IOAS, 0, &v, sizeof v).result, -EOPNOTSUPP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ioas, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_order_of_map, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_chosen_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unmap_stops_at_a_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_alignment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_change_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_map_file_without_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_hardware, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_as_a_container, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mappings_as_a_container, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_version_1_as_a_container, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_info_as_a_container, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vfio_ioas, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
