/* SPDX-License-Identifier: MIT */
#include "control/json.h"
#include "control/view.h"
#include "plan/plan.h"
#include "plan/refusal.h"

/* Text may be empty, and then has no data. */
static json_t *string_of(const struct text *text)
{
    return control_json_string(text->data ? text->data : "");
}

static json_t *view_controls(const struct mask256 ids[3])
{
    return json_pack("{s:o, s:o, s:o}", "adapters", control_json_ids(&ids[LPAR_ADAPTER]), "domains",
                     control_json_ids(&ids[LPAR_DOMAIN]), "control-domains",
                     control_json_ids(&ids[LPAR_CONTROL_DOMAIN]));
}

/* A step at the Support Element. */
static void add_task(const struct plan_step *s, json_t *o)
{
    text_auto clicks = {0};

    plan_clicks(s, &clicks);
    control_json_set(o, "clicks", string_of(&clicks));
    if (s->kind == PLAN_SE_ADAPTER) {
        control_json_set(o, "adapters", control_json_ids(&s->ids));
        control_json_set(o, "state", json_string(s->on ? "on" : "off"));
        return;
    }
    control_json_set(o, "remove", view_controls(s->lpar.removed));
    control_json_set(o, "add", view_controls(s->lpar.added));
}

static json_t *view_step(const struct plan_step *s)
{
    static const char *const kinds[] = {"write",        "guest-start", "guest-stop", "guest-attach",
                                        "guest-detach", "se-adapter",  "se-lpar"};
    json_t *o = json_pack("{s:s, s:o, s:o}", "kind", kinds[s->kind], "what", string_of(&s->what),
                          "effect", string_of(&s->effect));
    char uuid[UUID_TEXT];

    if (plan_is_se(s)) {
        add_task(s, o);
        return o;
    }
    if (s->kind == PLAN_WRITE) {
        control_json_set(o, "path", control_json_string(s->path));
        control_json_set(o, "value", control_json_string(s->value));
        return o;
    }
    control_json_set(o, "guest", control_json_string(s->guest));
    uuid_format(&s->mdev, uuid);
    if (s->kind == PLAN_GUEST_ATTACH || (s->kind == PLAN_GUEST_START && s->has_mdev))
        control_json_set(o, "mdev", json_string(uuid));
    if (s->kind == PLAN_GUEST_START)
        control_json_set(o, "features", control_view_features(s->features));
    return o;
}

static json_t *view_steps(const struct plan_step *steps, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        control_json_append(list, view_step(&steps[i]));
    return list;
}

json_t *control_view_plan(const struct plan *p)
{
    return json_pack("{s:o, s:o, s:o, s:b}", "steps", view_steps(p->steps, p->count), "gains",
                     string_of(&p->gains), "notes", string_of(&p->notes), "fewest", p->fewest);
}

json_t *control_view_alternatives(const struct alternatives *a)
{
    json_t *list = json_array(), *view;

    for (size_t i = 0; i < a->count; i++)
        control_json_append(list, json_pack("{s:o, s:o}", "steps",
                                            view_steps(a->v[i].steps, a->v[i].count), "effects",
                                            string_of(&a->v[i].effects)));
    view = json_pack("{s:b, s:o}", "accepted", a->accepted, "alternatives", list);
    if (a->malformed.len)
        control_json_set(view, "malformed", string_of(&a->malformed));
    return view;
}
