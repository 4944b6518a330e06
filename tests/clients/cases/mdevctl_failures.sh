# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154 # variables of the prelude, typed as a user types them
own_mdevctl_d
define() {
    run mdevctl define -u "$1" -p matrix -t "$type"
    run mdevctl modify -u "$1" --addattr=assign_domain --value=4
    run mdevctl modify -u "$1" --addattr=assign_adapter --value="$2"
}
line 'echo -5 > /sys/bus/ap/apmask'
define "$uuid1" 5
define "$uuid2" 5
run mdevctl start -u "$uuid1"
run mdevctl start -u "$uuid2"
run mdevctl list
run mdevctl modify -u "$uuid2" --delattr --index 1
run mdevctl modify -u "$uuid2" --addattr=assign_adapter --value=6
run mdevctl start -u "$uuid2"
run mdevctl modify -u "$uuid2" --delattr --index 1
run mdevctl modify -u "$uuid2" --addattr=foo --value=6
run mdevctl start -u "$uuid2"
run mdevctl list
line 'ls $T/devices'
