# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154 # variables of the prelude, typed as a user types them
# needs: s390x
run lszcrypt
run lszcrypt -V
run lszcrypt -b
run lszcrypt -d
run lszcrypt -c 4
run lszcrypt -c 5
run lszcrypt -c 6
run lszcrypt 5 06.0047
run lszcrypt 7
run lszcrypt -s
line 'echo -4 > /sys/bus/ap/aqmask'
line 'echo $uuid1 > $T/create'
line 'echo 5 > $matrix/$uuid1/assign_adapter'
line 'echo 4 > $matrix/$uuid1/assign_domain'
run lszcrypt
run lszcrypt -V
