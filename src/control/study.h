/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_STUDY_H
#define APUS_CONTROL_STUDY_H

#include <stdbool.h>

#include "base/mask256.h"

/*
 * What is asked of a copy of the core, and can take minutes: a map, a plan, an explanation. The
 * daemon has it answered by a thread (daemon/study.c), and meanwhile serves everybody else.
 */
enum study_kind { STUDY_MAP, STUDY_PLAN, STUDY_EXPLAIN, STUDY_REFUSAL };

struct study_request {
    enum study_kind kind;
    const char *machine; /* MAP, PLAN: the text of another state; MAP: or NULL */
    const struct mask256 *adapters, *domains; /* MAP; NULL: all */
    const char *guest;                        /* MAP; NULL: all */
    bool undo;                                /* PLAN: from machine to the present state */
    bool interrupt;                           /* PLAN: guests may be without queues for a while */
    unsigned format;                          /* PLAN: enum study_format */
    const char *object;                       /* EXPLAIN */
    const char *path, *value, *message;       /* REFUSAL of a write */
    const char *command;                      /* REFUSAL of a command of the Support Element */
};

enum study_format { STUDY_NO_TEXT, STUDY_TEXT, STUDY_SH, STUDY_MDEVCTL, STUDY_VIRSH, STUDY_SE };

#endif
