// SPDX-License-Identifier: MIT
// Looks at a page of apus map, and leaves a report in it.
"use strict";

const parse = (text) => {
    const numbers = text.match(/[\d.]+/g).map(Number);
    return { rgb: numbers.slice(0, 3), alpha: numbers.length > 3 ? numbers[3] : 1 };
};
const over = (top, alpha, below) => top.map((c, i) => c * alpha + below[i] * (1 - alpha));
const luminance = (rgb) => rgb.map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)].sort((m, n) => n - m);
    return (x + 0.05) / (y + 0.05);
};

const back = document.querySelector("rect.back");
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const page = back ? parse(getComputedStyle(back).fill)
    : parse(getComputedStyle(document.body).backgroundColor);
const below = page.alpha ? page.rgb : dark ? [0, 0, 0] : [255, 255, 255];
const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
const report = { dark, cut: [], pale: [], texts: 0, page: document.documentElement.scrollWidth };

for (const text of document.querySelectorAll("svg text")) {
    const own = text.parentElement.querySelector(":scope > rect.p");
    const box = text.getBoundingClientRect();
    const room = (own || text.ownerSVGElement).getBoundingClientRect();
    const paint = own && getComputedStyle(own);
    const behind = paint ? over(parse(paint.fill).rgb, Number(paint.opacity), below) : below;

    report.texts++;
    // A line is as high as its tallest letters, which these words do not have.
    if (box.left < room.left - 1 || box.right > room.right + 1 || (!own && !inside(box, room)))
        report.cut.push(text.textContent);
    if (contrast(parse(getComputedStyle(text).fill).rgb, behind) < 4.5)
        report.pale.push(text.textContent);
}
for (const element of document.querySelectorAll("h1, h2, p, figcaption, .legend span, .legend small, .lines li")) {
    report.texts++;
    if (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline")
        report.cut.push(element.textContent);
    if (contrast(parse(getComputedStyle(element).color).rgb, below) < 4.5)
        report.pale.push(element.textContent);
}
// Names of adapters and domains do not run into each other.
for (const selector of ["svg > text.e.a", "svg > text.r"]) {
    for (const map of document.querySelectorAll("figure > svg.map")) {
        const boxes = [...map.querySelectorAll(selector)].map((t) => [t.textContent, t.getBoundingClientRect()]);
        for (let i = 1; i < boxes.length; i++)
            if (selector.endsWith("a") && boxes[i][1].top === boxes[i - 1][1].top && boxes[i][1].left < boxes[i - 1][1].right)
                report.cut.push(boxes[i][0]);
    }
}
const figures = [...document.querySelectorAll("figure")].map((f) => f.getBoundingClientRect());
report.beside = figures.length === 2 && figures[0].right <= figures[1].left && figures[0].top === figures[1].top;
const map = document.querySelector("figure > svg.map");
if (map) {
    map.scrollIntoView();
    const box = map.getBoundingClientRect();
    const scale = box.width / map.viewBox.baseVal.width;
    // The queue 0f.0021 of a map with 4 pixels for each.
    const found = document.elementFromPoint(box.left + (50 + 15 * 4 + 2) * scale, box.top + (44 + 33 * 4 + 2) * scale);
    const title = found && found.parentElement.querySelector(":scope > title");
    report.at = title ? title.textContent : "";
}
const result = document.createElement("script");
result.id = "report";
result.type = "application/json";
result.textContent = JSON.stringify(report).replace(/</g, "\\u003c");
document.body.append(result);
