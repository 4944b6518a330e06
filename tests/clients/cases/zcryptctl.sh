# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# needs: s390x
run zcryptctl list
run zcryptctl create web
run zcryptctl addap web 5
run zcryptctl adddom web 4
run zcryptctl addioctl web ICARSAMODEXPO
run cat /sys/class/zcrypt/web/apmask
run cat /sys/class/zcrypt/web/aqmask
run cat /sys/class/zcrypt/web/ioctlmask
run zcryptctl listconfig
run zcryptctl delap web 5
run cat /sys/class/zcrypt/web/apmask
run zcryptctl destroy web
run zcryptctl list
line 'ls -A /sys/class/zcrypt'
