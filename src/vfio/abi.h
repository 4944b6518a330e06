/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_ABI_H
#define APUS_VFIO_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What crosses the descriptors of VFIO and iommufd, as bytes [vfio-numbers]: numbers, structures,
 * and how much of the caller's memory an ioctl reads. Integers are in the host's byte order; the
 * layouts are the same for programs of 32 bits. Nothing here touches memory or keeps state.
 */
enum vfio_kind {
    VFIO_CONTAINER, /* /dev/vfio/vfio */
    VFIO_GROUP,     /* /dev/vfio/N */
    VFIO_CDEV,      /* /dev/vfio/devices/vfioN, not yet bound */
    VFIO_DEVICE,    /* from GET_DEVICE_FD, or a bound cdev */
    VFIO_IOMMUFD,   /* /dev/iommu */
    VFIO_KINDS
};

enum vfio_number {
    VFIO_GET_API_VERSION = 0x3b64,
    VFIO_CHECK_EXTENSION,
    VFIO_SET_IOMMU,
    VFIO_GROUP_GET_STATUS,
    VFIO_GROUP_SET_CONTAINER,
    VFIO_GROUP_UNSET_CONTAINER,
    VFIO_GROUP_GET_DEVICE_FD,
    VFIO_DEVICE_GET_INFO,
    VFIO_DEVICE_GET_REGION_INFO,
    VFIO_DEVICE_GET_IRQ_INFO,
    VFIO_DEVICE_SET_IRQS,
    VFIO_DEVICE_RESET,
    VFIO_IOMMU_GET_INFO = 0x3b70,
    VFIO_IOMMU_MAP_DMA,
    VFIO_IOMMU_UNMAP_DMA,
    VFIO_IOMMU_DIRTY_PAGES = 0x3b75,
    VFIO_DEVICE_FEATURE = 0x3b75, /* the same number, on another kind of descriptor */
    VFIO_DEVICE_BIND_IOMMUFD,
    VFIO_DEVICE_ATTACH_PT,
    VFIO_DEVICE_DETACH_PT,
    IOMMU_DESTROY = 0x3b80,
    IOMMU_IOAS_ALLOC,
    IOMMU_IOAS_ALLOW_IOVAS,
    IOMMU_IOAS_COPY,
    IOMMU_IOAS_IOVA_RANGES,
    IOMMU_IOAS_MAP,
    IOMMU_IOAS_UNMAP,
    IOMMU_OPTION,
    IOMMU_VFIO_IOAS,
    IOMMU_HWPT_ALLOC,
    IOMMU_GET_HW_INFO,
    IOMMU_HWPT_SET_DIRTY,
    IOMMU_HWPT_GET_DIRTY,
    IOMMU_HWPT_INVALIDATE,
    IOMMU_FAULT_QUEUE_ALLOC,
    IOMMU_IOAS_MAP_FILE,
    IOMMU_VIOMMU_ALLOC,
    IOMMU_VDEVICE_ALLOC,
    IOMMU_IOAS_CHANGE_PROCESS,
    IOMMU_VEVENTQ_ALLOC,
    IOMMU_HW_QUEUE_ALLOC,
};

#define VFIO_TYPE1_IOMMU   1u
#define VFIO_TYPE1v2_IOMMU 3u
#define VFIO_DMA_CC_IOMMU  4u
#define VFIO_UNMAP_ALL     9u

#define VFIO_DEVICE_FLAGS_RESET 0x01u
#define VFIO_DEVICE_FLAGS_AP    0x20u
#define VFIO_GROUP_VIABLE       1u
#define VFIO_GROUP_CONTAINER    2u
#define VFIO_IRQ_EVENTFD        1u

enum vfio_irq { VFIO_IRQ_REQUEST, VFIO_IRQ_CONFIG, VFIO_IRQS };

/* Structures behind the argument. argsz or size is what the caller has room for. */
struct vfio_group_status {
    uint32_t argsz, flags;
};

struct vfio_device_info {
    uint32_t argsz, flags, regions, irqs;
};

struct vfio_irq_info {
    uint32_t argsz, flags, index, count;
};

struct vfio_irq_set {
    uint32_t argsz, flags, index, start, count;
    int32_t fd; /* behind the header */
};

#define VFIO_IRQ_SET_HEADER  20u
#define VFIO_IRQ_SET_NONE    0x01u
#define VFIO_IRQ_SET_BOOL    0x02u
#define VFIO_IRQ_SET_EVENTFD 0x04u
#define VFIO_IRQ_SET_TRIGGER 0x20u
#define VFIO_IRQ_SET_FLAGS   0x3fu

/* Of the kinds of data and action only a trigger by eventfd is there. The header alone is looked
 * at. */
bool vfio_irq_set_valid(const struct vfio_irq_set *set);

struct vfio_feature {
    uint32_t argsz, flags;
};

#define VFIO_BIND_TOKEN 1u

struct vfio_bind {
    uint32_t argsz, flags;
    int32_t iommufd;
    uint32_t devid;
    /* and the address of a token, which no mediated device has */
};

struct vfio_attach {
    uint32_t argsz, flags, pt_id;
};

struct vfio_iommu_info {
    uint32_t argsz, flags;
    uint64_t page_sizes;
    uint32_t capabilities, pad;
};

/* What follows that structure: capabilities, each with its header. */
enum vfio_iommu_capability { VFIO_IOVA_RANGES = 1, VFIO_MIGRATION, VFIO_DMA_AVAILABLE };

struct vfio_capability {
    uint16_t id, version;
    uint32_t next; /* from the beginning of the structure; 0: the last one */
};

struct vfio_dma_available {
    struct vfio_capability header;
    uint32_t mappings, pad;
};

struct vfio_migration {
    struct vfio_capability header;
    uint32_t flags, pad;
    uint64_t page_size, bitmap_max;
};

struct vfio_iova_range {
    struct vfio_capability header;
    uint32_t count, pad;
    uint64_t first, last;
};

struct vfio_dma_map {
    uint32_t argsz, flags;
    uint64_t vaddr, iova, size;
};

#define VFIO_UNMAP_FLAG_ALL 2u

struct vfio_dma_unmap {
    uint32_t argsz, flags;
    uint64_t iova, size;
};

struct vfio_dirty {
    uint32_t argsz, flags;
};

struct iommu_destroy {
    uint32_t size, id;
};

struct iommu_ioas_alloc {
    uint32_t size, flags, id;
};

struct iommu_ranges {
    uint32_t size, ioas, count, reserved;
    uint64_t address, alignment;
};

struct iommu_map {
    uint32_t size, flags, ioas;
    int32_t fd; /* MAP_FILE; else 0 */
    uint64_t address, length, iova;
};

struct iommu_unmap {
    uint32_t size, ioas;
    uint64_t iova, length;
};

struct iommu_option {
    uint32_t size, id;
    uint16_t op, reserved;
    uint32_t object;
    uint64_t value;
};

struct iommu_change_process {
    uint32_t size, reserved;
};

struct iommu_vfio_ioas {
    uint32_t size, ioas;
    uint16_t op, reserved;
};

#define VFIO_PAGE        4096u
#define VFIO_NAME_MAX    VFIO_PAGE /* of GET_DEVICE_FD, its end included */
#define VFIO_STRUCT_MAX  64u
#define VFIO_EXCESS_MAX  65536u /* of a structure of iommufd, which may grow in later kernels */
#define VFIO_WRITTEN_MAX 80u

/* An ioctl and what has been read for it. */
struct vfio_args {
    enum vfio_kind kind;
    uint32_t number;
    uint64_t argument; /* an address, or a value */
    size_t len;        /* of bytes */
    bool fault;        /* what comes behind them cannot be read */
    bool excess;       /* of a structure that may grow: there is more than 0 behind the structure */
    bool no_file;      /* iommufd: the descriptor in the structure is none */
    size_t checked;    /* bytes behind the structure that are 0 */
    uint8_t bytes[VFIO_NAME_MAX];
};

/* The next piece of the caller's memory that is to be read, and where to. False: all is read. */
struct vfio_piece {
    uint64_t address;
    size_t len;
    bool zero; /* for vfio_abi_excess alone */
};

bool vfio_abi_wants(const struct vfio_args *a, struct vfio_piece *next);

/* The piece has been read: appends it, or looks for what is not 0. */
void vfio_abi_take(struct vfio_args *a, const struct vfio_piece *piece, const uint8_t *bytes);

/* Copies the structure of that many bytes. False: that many have not been read. */
bool vfio_abi_struct(const struct vfio_args *a, void *out, size_t len);

/* BIND_IOMMUFD: 0, -EFAULT, -EINVAL: the structure is too short, or -E2BIG. */
int vfio_abi_bind(const struct vfio_args *a, struct vfio_bind *out);

/* GET_DEVICE_FD: 0, -EFAULT, or -EINVAL: it has no end. */
int vfio_abi_name(const struct vfio_args *a, const char **out);

/* The answer: a result, and what is written into the caller's memory before it is given. */
struct vfio_answer {
    int64_t result; /* or -errno */
    size_t len;     /* written at the argument */
    uint8_t bytes[VFIO_WRITTEN_MAX];
    uint64_t other_address; /* and 16 bytes here, if has_other */
    bool has_other;
    uint8_t other[16];
};

struct vfio_answer vfio_result(int64_t result);
/* 0, with a structure written back. */
struct vfio_answer vfio_give(const void *bytes, size_t len);

#endif
