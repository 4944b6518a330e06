/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_ERROR_H
#define APUS_BASE_ERROR_H

/* As strerror; for errors caused by a resource limit the text also says which limit to raise. err
 * is positive. */
const char *error_text(int err);

#endif
