/* SPDX-License-Identifier: MIT */
#ifndef APUS_METRICS_PAGE_H
#define APUS_METRICS_PAGE_H

#include "core/query.h"

/*
 * The metrics as text in the format OpenMetrics 1.0 (docs/metrics.md), a piece at a time: commands
 * may be executed between two pieces, so that a machine of 65,536 queues stops nobody. Each counter
 * is then as new as its piece. All zero is the beginning.
 */
struct metrics_page {
    unsigned family;
    uint32_t cursor; /* the queue, guest or device of the family that comes next */
    bool headed;     /* the family's first lines are written */
};

/* Appends at least one line, and no more when out has room bytes. False: the page ends here; the
 * line that says so (METRICS_END) is not part of it. */
bool metrics_page_more(struct metrics_page *p, const struct core *core, size_t room,
                       struct text *out);

#define METRICS_END  "# EOF\n"
#define METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

#endif
