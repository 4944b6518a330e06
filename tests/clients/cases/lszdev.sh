# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154 # variables of the prelude, typed as a user types them
# needs: s390x trixie forky
run lszdev -t ap
run lszdev -t ap -i
run chzdev -t ap apmask=-5 -a
run cat /sys/bus/ap/apmask
line 'echo $uuid1 > $T/create'
line 'echo 5 > $matrix/$uuid1/assign_adapter'
line 'echo 4 > $matrix/$uuid1/assign_domain'
run chzdev -t ap apmask=+5 -a
run cat /sys/bus/ap/apmask
