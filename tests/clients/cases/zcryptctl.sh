# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154 # variables of the prelude, typed as a user types them
# needs: s390x
# options: --ioctl=notify
# The tool insists on a character device /dev/web.
run zcryptctl list
run zcryptctl create web
line 'stat -c %F /dev/web'
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
