/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "map/internal.h"

/* Style sheets: light and dark, as the reader has it; on paper light. */

void map_class(uint32_t owner, char out[16])
{
    if (owner < MAP_MDEV)
        snprintf(out, 16, "%c", "nzvu"[owner]);
    else
        snprintf(out, 16, "m%u", owner - MAP_MDEV);
}

/* One of the three channels of a colour; 0 red, 8 green, 4 blue. hue in degrees, others in percent.
 */
static unsigned channel(unsigned n, unsigned hue, unsigned saturation, unsigned lightness)
{
    int k = (int)((n * 300 + hue * 10) % 3600); /* in tenths of a degree, 300 a step */
    int ramp = k - 900 < 2700 - k ? k - 900 : 2700 - k;
    int a = (int)(saturation * (lightness < 50 ? lightness : 100 - lightness));

    ramp = ramp > 300 ? 300 : ramp < -300 ? -300 : ramp;
    return (unsigned)((int)lightness * 30000 - a * ramp) * 255 / 3000000;
}

static void add_fill(const char *class, unsigned hue, unsigned saturation, unsigned lightness,
                     struct text *out)
{
    text_addf(out, ".%s{fill:#%02x%02x%02x}", class, channel(0, hue, saturation, lightness),
              channel(8, hue, saturation, lightness), channel(4, hue, saturation, lightness));
}

/* Neighbours in the list get hues far from each other, and those that come back to a hue another
 * lightness. Each is far enough from the colour of text. */
static void add_fills(const struct map *m, bool dark, struct text *out)
{
    for (uint32_t i = 0; i < m->owner_count; i++) {
        unsigned hue = i * 138 % 360, turn = i / 13 % 3;
        char class[16];

        map_class(MAP_MDEV + i, class);
        add_fill(class, hue, dark ? 45 : 70, dark ? 22 + turn * 4 : 83 - turn * 6, out);
    }
}

static const char light[] = ".z{fill:#d5dae3}.v{fill:#fdf6d8}.u{fill:#f6c9c6}.n{fill:#f3f4f6}"
                            ".map text{fill:#16181d}.map .q{fill:#4c515c}"
                            ".map .o{stroke:#b3003c}.map .h{stroke:#16181d}";
static const char dark[] = ".z{fill:#3b4250}.v{fill:#2c2a1e}.u{fill:#6b2e2e}.n{fill:#22252b}"
                           ".map text{fill:#f2f3f6}.map .q{fill:#c3c8d2}"
                           ".map .o{stroke:#ff7a9c}.map .h{stroke:#f2f3f6}";

void map_style(const struct map *m, struct text *out)
{
    text_adds(out, ".map{font:11px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace}"
                   ".map .a{font-weight:600}.map .e{text-anchor:middle}.map .r{text-anchor:end}"
                   ".map .s{font-size:9.5px}.map .o{fill:none;stroke-width:2}"
                   ".k>.p{opacity:.45}.h{fill:none;opacity:.4}");
    text_adds(out, light);
    add_fills(m, false, out);
    text_adds(out, "@media screen and (prefers-color-scheme:dark){");
    text_adds(out, dark);
    add_fills(m, true, out);
    text_adds(out, "}");
}

const char map_page_style[] =
    ":root{color-scheme:light dark;--back:#fff;--fore:#16181d;--dim:#4c515c;--line:#d5dae3}"
    "@media screen and (prefers-color-scheme:dark){:root{--back:#15171b;--fore:#f2f3f6;"
    "--dim:#c3c8d2;--line:#3b4250}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;padding:1.5rem clamp(.75rem,3vw,2.5rem);max-width:1600px;"
    "background:var(--back);color:var(--fore);"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}"
    "h2{font-size:1.05rem;margin:1.75rem 0 .5rem}"
    "p{margin:0;color:var(--dim)}"
    ".maps{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,var(--least)),1fr));"
    "gap:1.25rem 2rem;margin-top:1.25rem}"
    "figure{margin:0;min-width:0;overflow-x:auto}"
    "figcaption{font-weight:600;margin-bottom:.25rem;position:sticky;left:0}"
    "figure .map{display:block;width:100%;height:auto}"
    ".legend{list-style:none;margin:0;padding:0;columns:21rem;column-gap:2rem}.legend "
    "small{display:block;color:var(--dim);font-size:.78rem;line-height:1.3}"
    ".legend li{display:flex;gap:.6rem;align-items:flex-start;break-inside:avoid;"
    "padding:.12rem 0;font-size:.87rem;overflow-wrap:anywhere;min-width:0}"
    ".legend svg{flex:none;margin-top:.15rem}"
    ".lines{margin:0;padding-left:1.6rem;overflow-wrap:anywhere}ul.lines{padding-left:1.1rem}"
    ".lines li{padding:.1rem 0}"
    "@media print{body{padding:0;font-size:9pt;print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}h1{font-size:13pt}h2{margin:.6rem 0 .2rem;"
    "break-after:avoid}.maps{display:flex;margin-top:.4rem;gap:6mm}"
    "figure{overflow:visible;flex:0 1 auto}figure .map{width:auto;max-width:100%!important;"
    "min-width:0!important;max-height:var(--tall)}"
    ".legend{columns:5;column-gap:5mm}.legend small{display:none}.legend "
    "li{font-size:6.5pt;line-height:1.25;padding:0}"
    ".legend svg{margin:0;width:5.6mm;height:3mm}}";
