/* SPDX-License-Identifier: MIT */
#include "base/list.h"
#include "base/slice.h"
#include "plan/internal.h"
#include "plan/lpar.h"

/* What somebody does at the Support Element, which no program of ours can do. */

bool plan_is_se(const struct plan_step *s)
{
    return s->kind == PLAN_SE_ADAPTER || s->kind == PLAN_SE_LPAR;
}

static void add_controls(const char *verb, bool with_access, const struct mask256 ids[3],
                         struct text *out)
{
    static const char *const ways[] = {
        [LPAR_ADAPTER] = "adapter", [LPAR_DOMAIN] = "domain", [LPAR_CONTROL_DOMAIN] = "domain"};
    static const char *const access[] = {[LPAR_ADAPTER] = "",
                                         [LPAR_DOMAIN] = " for control and usage",
                                         [LPAR_CONTROL_DOMAIN] = " for control only"};
    /* A usage domain is a control domain, too. */
    struct mask256 control = mask256_andnot(ids[LPAR_CONTROL_DOMAIN], ids[LPAR_DOMAIN]);

    for (unsigned kind = LPAR_ADAPTER; kind <= LPAR_CONTROL_DOMAIN; kind++) {
        const struct mask256 *these = kind == LPAR_CONTROL_DOMAIN ? &control : &ids[kind];

        if (mask256_empty(these))
            continue;
        text_addf(out, "  %s %s%s ", verb, ways[kind], mask256_count(these) > 1 ? "s" : "");
        ap_list_format(these, out);
        text_addf(out, "%s.\n", with_access ? access[kind] : "");
    }
}

/* A domain that stays for control only loses its usage. */
static void add_usage_lost(const struct plan_lpar *l, struct mask256 removed[3], struct text *out)
{
    struct mask256 kept = mask256_and(l->removed[LPAR_DOMAIN], l->after[LPAR_CONTROL_DOMAIN]);

    removed[LPAR_DOMAIN] = mask256_andnot(removed[LPAR_DOMAIN], kept);
    if (mask256_empty(&kept))
        return;
    text_addf(out, "  Change the access of domain%s ", mask256_count(&kept) > 1 ? "s" : "");
    ap_list_format(&kept, out);
    text_adds(out, " to control only.\n");
}

static void add_usage_got(const struct plan_lpar *l, struct mask256 added[3], struct text *out)
{
    struct mask256 had = mask256_andnot(l->added[LPAR_DOMAIN], l->added[LPAR_CONTROL_DOMAIN]);

    added[LPAR_DOMAIN] = mask256_andnot(added[LPAR_DOMAIN], had);
    if (mask256_empty(&had))
        return;
    text_addf(out, "  Change the access of domain%s ", mask256_count(&had) > 1 ? "s" : "");
    ap_list_format(&had, out);
    text_adds(out, " to control and usage.\n");
}

static void lpar_clicks(const struct plan_lpar *l, struct text *out)
{
    struct plan_lpar rest = *l;

    text_adds(out, "Select the image of the LPAR, and open Change LPAR Cryptographic Controls.\n");
    add_usage_lost(l, rest.removed, out);
    add_usage_got(l, rest.added, out);
    add_controls("Remove", false, rest.removed, out);
    add_controls("Add", true, rest.added, out);
    text_adds(out, "  Change the running system; save to the profiles as well, for the next "
                   "activation.\n");
}

static void adapter_clicks(const struct plan_step *s, struct text *out)
{
    text_addf(out, "Select adapter%s ", mask256_count(&s->ids) > 1 ? "s" : "");
    ap_list_format(&s->ids, out);
    text_addf(out, " of the CPC, open Configure On/Off, and set the state to %s.\n",
              s->on ? "online" : "standby");
}

void plan_clicks(const struct plan_step *s, struct text *out)
{
    if (s->kind == PLAN_SE_LPAR)
        lpar_clicks(&s->lpar, out);
    else
        adapter_clicks(s, out);
}

static void others(size_t first, size_t last, struct text *out)
{
    if (first == last)
        text_addf(out, "%3zu. In Linux: step %zu of the plan.\n", first, first);
    else
        text_addf(out, "%3zu. In Linux: steps %zu to %zu of the plan.\n", first, first, last);
}

/* Lines after the first one below it. */
static void add_clicks(const struct plan_step *s, struct text *out)
{
    text_auto clicks = {0};
    struct slice rest, first;

    plan_clicks(s, &clicks);
    rest = (struct slice){clicks.data, clicks.len};
    slice_line(&rest, &first);
    text_addf(out, "%.*s\n", (int)first.len, first.at);
    slice_add_lines(rest, "     ", out);
}

void plan_se(const struct plan *p, struct text *out)
{
    size_t linux_from = 0, tasks = 0;

    for (size_t i = 0; i < p->count; i++) {
        const struct plan_step *s = &p->steps[i];

        if (!plan_is_se(s)) {
            linux_from = linux_from ? linux_from : i + 1;
            continue;
        }
        if (linux_from)
            others(linux_from, i, out);
        linux_from = 0;
        tasks++;
        text_addf(out, "%3zu. ", i + 1);
        add_clicks(s, out);
    }
    if (tasks && linux_from)
        others(linux_from, p->count, out);
    if (!tasks)
        text_adds(out, "Nothing is to be done at the Support Element.\n");
}
