# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154 # variables of the prelude, typed as a user types them
own_mdevctl_d
run mdevctl types
line 'echo -5 > /sys/bus/ap/apmask'
run mdevctl start -u "$uuid1" -p matrix -t "$type"
run mdevctl list
run mdevctl stop -u "$uuid1"
run mdevctl list
run mdevctl define -u "$uuid1" -p matrix -t "$type"
run mdevctl modify -u "$uuid1" --addattr=assign_adapter --value=5
run mdevctl modify -u "$uuid1" --addattr=assign_domain --value=4
run mdevctl modify -u "$uuid1" --addattr=assign_control_domain --value=0x47
run mdevctl list -d -v
run mdevctl start -u "$uuid1"
run cat "$matrix/$uuid1/matrix"
run cat "$matrix/$uuid1/control_domains"
run mdevctl types
run mdevctl stop -u "$uuid1"
line 'ls $T/devices'
run mdevctl undefine -u "$uuid1"
