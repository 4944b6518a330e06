# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154 # variables of the prelude, typed as a user types them
# needs: s390x
run chzcrypt -d 5
run lszcrypt
run chzcrypt -e 5
run chzcrypt -d 06.0047
run lszcrypt
run chzcrypt -e -a
run chzcrypt -c 60
run chzcrypt -c 3
run chzcrypt -t 100000
run chzcrypt -p
run chzcrypt -n
run chzcrypt -q 71
run lszcrypt -b
run chzcrypt --config-off 5
run lszcrypt
run chzcrypt -e 5
run chzcrypt --config-on 5
run lszcrypt
run chzcrypt -e 9
