/* SPDX-License-Identifier: MIT */
/* What containers answer, and how much memory an ioctl reads: as the real driver. */
#include <errno.h>

#include "vfio_rig.h"

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

/* The first version of the type does not mind where a range was cut: it removes what begins in it.
 */
static void test_mappings_of_version_1(void **state)
{
    container_join(container);
    assert_int_equal(value(VFIO_CONTAINER, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
    assert_int_equal(map(3, 0x8000, 0x4000), 0);
    assert_int_equal(map(3, 0xc000, 0x2000), 0);
    assert_int_equal(unmap(0, 0x9000, 0x8000), 0);
    assert_int_equal(unmap(0, 0x4000, 0x5000), 0x4000);
    assert_int_equal(unmap(0, 0xc000, 0x1000), 0x2000);
    assert_int_equal(unmap(0, 0xc000, 0x1000), 0);
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

static int bind(const void *memory, size_t len)
{
    struct vfio_args a = {.kind = VFIO_CDEV, .number = VFIO_DEVICE_BIND_IOMMUFD, .argument = 64};
    struct vfio_bind out;

    read_for(&a, memory, len);
    return vfio_abi_bind(&a, &out);
}

/* The structure has grown by a token; something behind that is of a later kernel. */
static void test_bind(void **state)
{
    uint32_t w[16] = {15, 0, 5};

    assert_int_equal(bind(w, 3), -EFAULT);
    assert_int_equal(bind(w, 4), -EINVAL);
    w[0] = 16;
    assert_int_equal(bind(w, 15), -EFAULT);
    assert_int_equal(bind(w, 16), 0);
    w[0] = 24;
    w[4] = 1;
    assert_int_equal(bind(w, 16), -EFAULT);
    assert_int_equal(bind(w, 24), 0);
    w[0] = 40;
    assert_int_equal(bind(w, 32), -EFAULT);
    assert_int_equal(bind(w, 40), 0);
    w[8] = 1;
    assert_int_equal(bind(w, 40), -E2BIG);
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
        cmocka_unit_test_setup_teardown(test_mappings_of_version_1, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dirty_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_irq_set, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
