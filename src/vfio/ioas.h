/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_IOAS_H
#define APUS_VFIO_IOAS_H

#include "vfio/ranges.h"

/* An I/O address space of iommufd [vfio-iommufd]: mappings, and what these must be multiples of: a
 * page as soon as a device is attached, or huge pages are off. */
struct ioas {
    struct ranges mappings;
    unsigned attached; /* devices */
    bool small_pages;
};

/* Memory of a process, or of a file, that is to be mapped. */
struct ioas_memory {
    uint64_t address, length;
    bool file;
    bool choose; /* where; otherwise at the given iova */
};

uint64_t ioas_alignment(const struct ioas *s);

/* 0, and where; -EOVERFLOW, -EINVAL, -EEXIST, -ENOSPC. */
int ioas_map(struct ioas *s, const struct ioas_memory *memory, uint64_t *iova);

/* *unmapped: the sum of what has been. 0 if nothing was there; -EINVAL, -EOVERFLOW; -ENOENT: the
 * end of what was asked for is within a range, or its beginning. */
int ioas_unmap(struct ioas *s, uint64_t iova, uint64_t length, uint64_t *unmapped);
uint64_t ioas_unmap_all(struct ioas *s);

/* A range is made two behind this address, if it is in one. 0 or -EINVAL. */
int ioas_cut(struct ioas *s, uint64_t last);

/* 0, or -EADDRINUSE: there is a mapping of parts of pages. */
int ioas_attach(struct ioas *s);
int ioas_use_small_pages(struct ioas *s);

#endif
