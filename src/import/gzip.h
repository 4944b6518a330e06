/* SPDX-License-Identifier: MIT */
#ifndef APUS_IMPORT_GZIP_H
#define APUS_IMPORT_GZIP_H

#include <archive.h>
#include <stdbool.h>

/*
 * Copies of /sys are mostly zeros, in files of a page each. zlib takes ten times as long to unpack
 * these as ISA-L. This stands before libarchive: what is no gzip goes on to it as it is, and so
 * does everything in a build without ISA-L.
 */
#define GZIP_MAGIC "\x1f\x8b"

struct gzip;

/* read brings blocks as libarchive's callbacks do; data is its argument. */
struct gzip *gzip_new(archive_read_callback *read, void *data);
void gzip_free(struct gzip *g);

/* A callback of libarchive, with struct gzip as its argument. */
la_ssize_t gzip_read(struct archive *a, void *gzip, const void **block);

#endif
