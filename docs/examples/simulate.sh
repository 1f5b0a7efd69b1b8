#!/bin/sh
# What the kill switch buys on this machine: four loads, each on a stack of its own, and each with a report.
#
#   sh simulate.sh [DIRECTORY [OPTION]...]    about six minutes; the options go to each `opsctl simulate`
#   SIMULATIONS='compare' sh simulate.sh      one of them
set -eu

directory=${1:-simulations}
[ $# -eq 0 ] || shift

for name in ${SIMULATIONS:-compare spike avatar-slow avatar-down}; do
    # Whatever a machine can do: while the switch is off nobody asks the avatar API.
    ${OPSCTL:-opsctl} simulate "$name" --seed 7 --threshold 'degraded.avatar_calls==0' "$@" --report "$directory/$name"
done
