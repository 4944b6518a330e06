/* SPDX-License-Identifier: MIT */
/* A client with the installed header alone: prints the greeting and the replies to its arguments.
 */
#include <stdio.h>

#include <apus/control.h>

int main(int argc, char **argv)
{
    struct apus_control c;

    if (apus_control_open(&c, NULL) < 0 || apus_control_read(&c) < 0)
        return 3;
    puts(c.line);
    for (int i = 1; i < argc; i++) {
        char request[4096];

        snprintf(request, sizeof(request), "%s\n", argv[i]);
        if (apus_control_ask(&c, request) < 0)
            return 4;
        puts(c.line);
    }
    apus_control_close(&c);
    return 0;
}
