/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_KIND_H
#define APUS_RUN_KIND_H

/*
 * Says on standard error what this program will not be able to do without a mount, before it starts
 * and meets with it: a privilege of its file does not count behind the filter of a process that has
 * none itself, and a static shell does not have the library that its 'cd' needs
 * (nomount/nomount.h). Scripts are looked at up to their interpreter.
 */
void kind_tell(char **argv);

#endif
