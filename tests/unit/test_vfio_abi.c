/* SPDX-License-Identifier: MIT */
/* What containers and iommufds answer, and how much memory an ioctl reads: as the real driver. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "vfio/container.h"
#include "vfio/iommufd.h"

#define ALL_DEVICES UINT64_MAX

static struct container *container;
static struct iommufd *iommufd;

static int set_up(void **state)
{
    container = calloc(1, sizeof *container);
    iommufd = calloc(1, sizeof *iommufd);
    container->users = 1;
    return 0;
}

static int tear_down(void **state)
{
    ranges_done(&container->mappings);
    free(container);
    iommufd_done(iommufd);
    free(iommufd);
    return 0;
}

/* An ioctl whose argument's memory holds len bytes and no more. */
static struct vfio_answer ask(enum vfio_kind kind, uint32_t number, uint64_t argument,
                              const void *memory, size_t len)
{
    struct vfio_args a = {.kind = kind, .number = number, .argument = argument};
    struct vfio_piece next;

    while (vfio_abi_wants(&a, &next)) {
        size_t at = (size_t)(next.address - argument);

        if (at > len || next.len > len - at)
            a.fault = true;
        else
            vfio_abi_take(&a, &next, (const uint8_t *)memory + at);
    }
    return kind == VFIO_CONTAINER ? container_ioctl(container, &a) : iommufd_ioctl(iommufd, &a);
}

static int64_t value(enum vfio_kind kind, uint32_t number, uint64_t argument)
{
    return ask(kind, number, argument, NULL, 0).result;
}

static void with_iommu(void)
{
    container_join(container);
    assert_int_equal(value(VFIO_CONTAINER, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
}

static void test_extensions(void **state)
{
    static const uint64_t there[] = {1, 3, 9};
    unsigned found = 0;

    for (uint64_t e = 0; e < 16; e++)
        found += (unsigned)value(VFIO_CONTAINER, VFIO_CHECK_EXTENSION, e);
    assert_int_equal(found, ARRAY_LEN(there));
    for (size_t i = 0; i < ARRAY_LEN(there); i++)
        assert_int_equal(value(VFIO_CONTAINER, VFIO_CHECK_EXTENSION, there[i]), 1);
    with_iommu();
    assert_int_equal(value(VFIO_CONTAINER, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU), 1);
    container_leave(container);
    assert_int_equal(value(VFIO_CONTAINER, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU), 0);
}

static void test_set_iommu(void **state)
{
    assert_int_equal(value(VFIO_CONTAINER, VFIO_SET_IOMMU, 1), -EINVAL);
    assert_int_equal(value(VFIO_CONTAINER, VFIO_IOMMU_MAP_DMA, 0), -EINVAL);
    assert_int_equal(value(VFIO_CONTAINER, 0x3b01, 0), -EINVAL);
    container_join(container);
    assert_int_equal(value(VFIO_CONTAINER, VFIO_SET_IOMMU, 8), -ENODEV);
    assert_int_equal(value(VFIO_CONTAINER, VFIO_SET_IOMMU, 1), 0);
    assert_int_equal(value(VFIO_CONTAINER, VFIO_SET_IOMMU, 1), -EINVAL);
    assert_int_equal(value(VFIO_CONTAINER, VFIO_IOMMU_MAP_DMA, 0), -EFAULT);
    assert_int_equal(value(VFIO_CONTAINER, 0x3b01, 0), -ENOTTY);
    container_leave(container);
}

/* How much room the capabilities take is told before they are. */
static void test_info(void **state)
{
    struct vfio_iommu_info info = {.argsz = 15};
    struct vfio_answer a;
    uint32_t available;

    with_iommu();
    assert_int_equal(ask(VFIO_CONTAINER, VFIO_IOMMU_GET_INFO, 0, &info, sizeof info).result,
                     -EINVAL);
    info.argsz = 16;
    a = ask(VFIO_CONTAINER, VFIO_IOMMU_GET_INFO, 0, &info, sizeof info);
    assert_int_equal(a.result, 0);
    assert_int_equal(a.len, 16);
    memcpy(&info, a.bytes, a.len);
    assert_int_equal(info.argsz, 72);
    assert_int_equal(info.flags, 3);
    assert_int_equal(info.page_sizes, UINT64_C(0xfffffffffffff000));
    a = ask(VFIO_CONTAINER, VFIO_IOMMU_GET_INFO, 0, &info, sizeof info);
    assert_int_equal(a.len, 72);
    memcpy(&info, a.bytes, sizeof info);
    assert_int_equal(info.capabilities, 24);
    memcpy(&available, a.bytes + 64, sizeof available);
    assert_int_equal(available, 65535);
    container_leave(container);
}

static int64_t map(uint32_t flags, uint64_t iova, uint64_t size)
{
    struct vfio_dma_map m = {sizeof m, flags, 0x10000, iova, size};

    return ask(VFIO_CONTAINER, VFIO_IOMMU_MAP_DMA, 0x1000, &m, sizeof m).result;
}

/* The size that comes back, or -errno. */
static int64_t unmap(uint32_t flags, uint64_t iova, uint64_t size)
{
    struct vfio_dma_unmap m = {sizeof m, flags, iova, size};
    struct vfio_answer a = ask(VFIO_CONTAINER, VFIO_IOMMU_UNMAP_DMA, 0x1000, &m, sizeof m);

    if (a.result < 0)
        return a.result;
    assert_int_equal(a.len, sizeof m);
    memcpy(&m, a.bytes, sizeof m);
    return (int64_t)m.size;
}

static void test_mappings(void **state)
{
    with_iommu();
    for (uint32_t flags = 0; flags < 16; flags += 4)
        assert_int_equal(map(flags, 0, 0x1000), -EINVAL);
    assert_int_equal(map(3, 0, 0), -EINVAL);
    assert_int_equal(map(3, 0x10, 0x1000), -EINVAL);
    assert_int_equal(map(3, 0xfffffffffffff000, 0x2000), -EOVERFLOW);
    assert_int_equal(map(1, 0xfffffffffffff000, 0x1000), 0);
    assert_int_equal(map(2, 0x8000, 0x4000), 0);
    assert_int_equal(map(3, 0xb000, 0x1000), -EEXIST);
    assert_int_equal(map(3, 0xc000, 0x1000), 0);
    assert_int_equal(unmap(0, 0x9000, 0x1000), -EINVAL);
    assert_int_equal(unmap(0, 0x8000, 0x1000), -EINVAL);
    assert_int_equal(unmap(0, 0, 0), -EINVAL);
    assert_int_equal(unmap(0, 0, 0x1000), 0);
    assert_int_equal(unmap(4, 0, 0), -EBUSY);
    assert_int_equal(unmap(8, 0, 0x1000), -EINVAL);
    assert_int_equal(unmap(2, 0, 0x1000), -EINVAL);
    assert_int_equal(unmap(0, 0x7000, 0x6000), 0x5000);
    assert_int_equal(unmap(2, 0, 0), 0x1000);
    container_leave(container);
}

static void test_dirty_pages(void **state)
{
    struct vfio_dirty d = {sizeof d, 0};

    with_iommu();
    for (d.flags = 0; d.flags < 9; d.flags++)
        assert_int_equal(ask(VFIO_CONTAINER, VFIO_IOMMU_DIRTY_PAGES, 0, &d, sizeof d).result,
                         d.flags == 1 || d.flags == 2 ? 0 : -EINVAL);
    container_leave(container);
}

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
    assert_int_equal(value(VFIO_IOMMUFD, 0x3b95, 0), -ENOTTY);
    assert_int_equal(value(VFIO_IOMMUFD, VFIO_DEVICE_RESET, 0), -ENOTTY);
}

static int64_t ioas_map(uint32_t id, uint32_t flags, uint64_t address, uint64_t length,
                        uint64_t *iova)
{
    struct iommu_map m = {sizeof m, flags, id, 0, address, length, *iova};
    struct vfio_answer a = ask(VFIO_IOMMUFD, IOMMU_IOAS_MAP, 0, &m, sizeof m);

    if (a.result == 0) {
        memcpy(&m, a.bytes, sizeof m);
        *iova = m.iova;
    }
    return a.result;
}

static int64_t ioas_unmap(uint32_t id, uint64_t iova, uint64_t length)
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
    assert_int_equal(ioas_map(9, 7, 0, 0x1000, &iova), -ENOENT);
    assert_int_equal(ioas_map(id, 8, 0, 0x1000, &iova), -EOPNOTSUPP);
    assert_int_equal(ioas_map(id, 1, 0, 0x1000, &iova), -EINVAL);
    assert_int_equal(ioas_map(id, 7, 0, 0, &iova), -EINVAL);
    assert_int_equal(ioas_map(id, 7, 0, 0x1000, &iova), 0);
    assert_int_equal(ioas_map(id, 7, 0, 0x1000, &iova), -EEXIST);
    assert_int_equal(ioas_map(id, 6, 0x2000, 0x2000, &chosen), 0);
    assert_int_equal(chosen, 0);
    assert_int_equal(ioas_map(id, 6, 0x2000, 0x4000, &chosen), 0);
    assert_int_equal(chosen, 0x6000);
    assert_int_equal(ioas_unmap(id, 0x4800, 0x1000), -ENOENT);
    assert_int_equal(ioas_unmap(id, 0, 0x5000), 0x3000);
    assert_int_equal(ioas_unmap(id, 0, 0x5000), -ENOENT);
    assert_int_equal(ioas_unmap(id, 0, 0), -EINVAL);
    assert_int_equal(ioas_unmap(id, 0, ALL_DEVICES), 0x4000);
    assert_int_equal(ioas_unmap(id, 0, ALL_DEVICES), 0);
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
    iommufd_ioas(iommufd, id)->attached = 1;
    assert_int_equal(ask(VFIO_IOMMUFD, IOMMU_DESTROY, 0, &d, sizeof d).result, -EBUSY);
    iommufd_ioas(iommufd, id)->attached = 0;
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

/* A name is read to its end and no further, page by page. */
static void test_name(void **state)
{
    struct vfio_args a = {
        .kind = VFIO_GROUP, .number = VFIO_GROUP_GET_DEVICE_FD, .argument = 2 * VFIO_PAGE - 4};
    struct vfio_piece next;
    const char *name;

    assert_true(vfio_abi_wants(&a, &next));
    assert_int_equal(next.len, 4);
    vfio_abi_take(&a, &next, (const uint8_t *)"abc");
    assert_false(vfio_abi_wants(&a, &next));
    assert_int_equal(vfio_abi_name(&a, &name), 0);
    assert_string_equal(name, "abc");
    memset(&a.bytes, 'x', sizeof a.bytes);
    a.len = sizeof a.bytes;
    assert_int_equal(vfio_abi_name(&a, &name), -EINVAL);
    a.len--;
    assert_int_equal(vfio_abi_name(&a, &name), -EFAULT);
}

/* The descriptor behind a header of SET_IRQS is read only if the header is right. */
static void test_irq_set(void **state)
{
    struct vfio_irq_set set = {.argsz = 24, .flags = 0x24, .index = 1, .count = 1};
    struct vfio_args a = {.kind = VFIO_DEVICE, .number = VFIO_DEVICE_SET_IRQS, .argument = 64};
    struct vfio_piece next;

    assert_true(vfio_abi_wants(&a, &next));
    assert_int_equal(next.len, VFIO_IRQ_SET_HEADER);
    vfio_abi_take(&a, &next, (const uint8_t *)&set);
    assert_true(vfio_abi_wants(&a, &next));
    assert_int_equal(next.address, 64 + VFIO_IRQ_SET_HEADER);
    set.index = 2;
    memcpy(a.bytes, &set, VFIO_IRQ_SET_HEADER);
    assert_false(vfio_abi_wants(&a, &next));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_extensions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_set_iommu, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_info, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mappings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dirty_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ioas, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_as_a_container, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_irq_set, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
