# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154 # variables of the prelude, typed as a user types them
# needs: s390x
# The tool insists on a character device /dev/web; apus run makes a link to a file there. So mknod does it, in a /dev of
# the test's own.
mount -t tmpfs none /dev
mknod -m 666 /dev/null c 1 3
run zcryptctl list
run zcryptctl create web
rm -f /dev/web
line 'mknod /dev/web c $(tr : " " < /sys/class/zcrypt/web/dev)'
run zcryptctl addap web 5
run zcryptctl adddom web 4
run zcryptctl addioctl web ICARSAMODEXPO
run cat /sys/class/zcrypt/web/apmask
run cat /sys/class/zcrypt/web/aqmask
run cat /sys/class/zcrypt/web/ioctlmask
run zcryptctl list
run zcryptctl listconfig
run zcryptctl delap web 5
run cat /sys/class/zcrypt/web/apmask
run zcryptctl destroy web
run zcryptctl list
line 'ls -A /sys/class/zcrypt'
