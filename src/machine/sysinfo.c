/* SPDX-License-Identifier: MIT */
#include "machine/config.h"

/* The capacity of a machine whose CPUs are all for Linux. */
#define CAPACITY "400"

const struct machine_identity machine_identity_default = {
    .type = "3931",
    .model = "A01",
    .sequence_code = "00000000000A9001",
    .plant = "02",
    .lpar_name = "APUS",
    .lpar_number = 1,
    .cpus = 2,
};

static void add_count(struct text *out, const char *name, unsigned value)
{
    text_addf(out, "%-22s%u\n", name, value);
}

static void add_text(struct text *out, const char *name, int width, const char *value)
{
    text_addf(out, "%-22s%-*s\n", name, width, value);
}

/* A machine with one LPAR, which has all its CPUs. */
void machine_sysinfo(const struct machine_identity *id, struct text *out)
{
    add_text(out, "Manufacturer:", 16, "IBM");
    add_text(out, "Type:", 4, id->type);
    text_addf(out, "%-22s%-16s %-16s\n", "Model:", CAPACITY, id->model);
    add_text(out, "Sequence Code:", 16, id->sequence_code);
    add_text(out, "Plant:", 4, id->plant);
    text_addf(out, "%-22s%-16s %08u\n", "Model Capacity:", CAPACITY, 0u);
    add_count(out, "Capacity Adj. Ind.:", 100);
    add_count(out, "Capacity Ch. Reason:", 0);
    text_adds(out, "\n");
    add_count(out, "CPUs Total:", id->cpus);
    add_count(out, "CPUs Configured:", id->cpus);
    add_count(out, "CPUs Standby:", 0);
    add_count(out, "CPUs Reserved:", 0);
    text_adds(out, "\n");
    add_count(out, "LPAR Number:", id->lpar_number);
    add_text(out, "LPAR Characteristics:", 0, "Shared ");
    add_text(out, "LPAR Name:", 8, id->lpar_name);
    add_count(out, "LPAR Adjustment:", 1000);
    add_count(out, "LPAR CPUs Total:", id->cpus);
    add_count(out, "LPAR CPUs Configured:", id->cpus);
    add_count(out, "LPAR CPUs Standby:", 0);
    add_count(out, "LPAR CPUs Reserved:", 0);
    add_count(out, "LPAR CPUs Dedicated:", 0);
    add_count(out, "LPAR CPUs Shared:", id->cpus);
}
