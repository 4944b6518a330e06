/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "map/internal.h"

/* A page: what is in it, the maps, the legend, and notes. */

/* On paper the map and the legend of a usual machine share a page. */
static void add_paper(const struct map *m, struct text *out)
{
    unsigned width, height;

    map_svg_size(m, &width, &height);
    if (m->cells[MAP_BEFORE])
        width *= 2;
    if (2 * width > 3 * height)
        text_adds(out, "@page{size:A4 landscape;margin:10mm}:root{--tall:100mm}");
    else
        text_adds(out, "@page{size:A4 portrait;margin:10mm}:root{--tall:170mm}");
}

static void add_head(const struct map *m, const char *title, struct text *out)
{
    text_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                   "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    map_name_xml(title, 0, out);
    text_addf(out, "</title>\n<style>%s", map_page_style);
    add_paper(m, out);
    map_style(m, out);
    text_adds(out, "</style>\n</head>\n<body>\n<h1>");
    map_name_xml(title, 0, out);
    text_adds(out, "</h1>\n");
}

static void add_summary(const struct map *m, struct text *out)
{
    unsigned assigned = 0, changed = 0;

    for (uint32_t i = 0; i < m->owner_count; i++)
        assigned += map_queues(m, MAP_MDEV + i, MAP_NOW);
    for (size_t i = 0; i < (size_t)m->rows * m->columns; i++)
        changed += map_changed(m, i);
    text_addf(out,
              "<p>%u adapter%s and %u domain%s: %u queues of zcrypt, %u assigned to mediated "
              "devices, %u of vfio_ap and not assigned, %u without a driver.",
              m->columns, m->columns == 1 ? "" : "s", m->rows, m->rows == 1 ? "" : "s",
              map_queues(m, MAP_ZCRYPT, MAP_NOW), assigned, map_queues(m, MAP_VFIO_AP, MAP_NOW),
              map_queues(m, MAP_UNBOUND, MAP_NOW));
    if (m->cells[MAP_BEFORE])
        text_addf(out, " %u change%s.", changed, changed == 1 ? "s" : "");
    text_adds(out, "</p>\n");
}

static void add_figure(const struct map *m, unsigned state, const char *caption, struct text *out)
{
    text_adds(out, "<figure>");
    if (caption) {
        text_adds(out, "<figcaption>");
        map_name_xml(caption, 0, out);
        text_adds(out, "</figcaption>");
    }
    map_svg_state(m, state, out);
    text_adds(out, "</figure>\n");
}

static void legend_item(const struct map *m, uint32_t owner, unsigned condition,
                        const char *heading, const char *details, struct text *out)
{
    text_adds(out, "<li>");
    map_svg_sample(m, owner, condition, out);
    text_adds(out, "<span>");
    map_name_xml(heading, 0, out);
    text_addf(out, " <small>%s</small></span></li>\n", details);
}

static void add_legend(const struct map *m, struct text *out)
{
    text_adds(out, "<h2>Legend</h2>\n<ul class=\"legend\">\n");
    for (uint32_t o = 0; o < MAP_MDEV + m->owner_count; o++) {
        text_auto heading = {0}, details = {0};

        if (!map_has_owner(m, o))
            continue;
        map_owner_heading(m, o, &heading);
        map_owner_details(m, o, &details);
        legend_item(m, o, MAP_ONLINE, heading.data, details.data, out);
    }
    for (unsigned c = MAP_ONLINE + 1; c < MAP_CONDITIONS; c++)
        if (map_has_condition(m, c))
            legend_item(m, MAP_NOBODY, c, map_condition_title(c), "", out);
    text_adds(out, "</ul>\n");
}

static void add_note(const struct map_note *n, struct text *out)
{
    const char *list = n->numbered ? "ol" : "ul";

    text_addf(out, "<h2>%s</h2>\n<%s class=\"lines\">\n", n->title, list);
    for (const char *at = n->lines; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        text_auto line = {0};

        text_add(&line, at, strcspn(at, "\n"));
        text_adds(out, "<li>");
        map_name_xml(line.data ? line.data : "", 0, out);
        text_adds(out, "</li>\n");
    }
    text_addf(out, "</%s>\n", list);
}

static void add_maps(const struct map *m, const struct map_page *page, struct text *out)
{
    unsigned width, height;

    map_svg_size(m, &width, &height);
    text_addf(out,
              "<svg class=\"map\" width=\"0\" height=\"0\" style=\"position:absolute\" "
              "aria-hidden=\"true\">%s</svg>\n<div class=\"maps\" style=\"--least:%upx\">\n",
              map_patterns, width * 4 / 5);
    if (!m->columns || !m->rows) {
        text_addf(out, "<p>%s</p>\n", m->filtered ? "Nothing matches." : "There are no queues.");
    } else {
        if (m->cells[MAP_BEFORE])
            add_figure(m, MAP_BEFORE, page->caption[MAP_BEFORE], out);
        add_figure(m, MAP_NOW, page->caption[MAP_NOW], out);
    }
    text_adds(out, "</div>\n");
}

void map_html(const struct map *m, const struct map_page *page, struct text *out)
{
    add_head(m, page->title, out);
    add_summary(m, out);
    add_maps(m, page, out);
    add_legend(m, out);
    for (const struct map_note *n = page->notes; n && n->title; n++)
        if (n->lines && *n->lines)
            add_note(n, out);
    text_adds(out, "</body>\n</html>\n");
}
