/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_SCHEMA_JSON_H
#define APUS_CONTROL_SCHEMA_JSON_H

#include <jansson.h>

#include "control/command.h"

/*
 * The whole protocol as JSON, what docs/control-protocol.json has: "commands", "events" and
 * "errors" by their names, whose values are JSON Schemas (draft 2020-12) for arguments, what is
 * returned, and the data of events; and "$defs", to which they refer.
 */
json_t *control_schema(const struct control_command *const *commands);

#endif
