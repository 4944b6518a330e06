# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion for apus(1). The candidates come from the program itself.

_apus() {
    local current=${COMP_WORDS[COMP_CWORD]} candidate
    [[ $current == = ]] && current=
    COMPREPLY=()
    while IFS= read -r candidate; do
        case $candidate in
        @files) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
        @commands) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -c -- "$current" | sort -u) ;;
        @guests)
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
                compgen -W "$(apus guest list 2> /dev/null | awk 'NR > 1 { print $1 }')" -- "$current") ;;
        @machines)
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
                compgen -W "$(apus list 2> /dev/null | awk 'NR > 1 { print $1 }')" -- "$current") ;;
        @mdevs) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
            compgen -W "$(apus status 2> /dev/null |
                grep -oE '^  [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')" -- "$current") ;;
        @adapters)
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
                compgen -W "$(apus se show 2> /dev/null |
                    awk '$1 ~ /^[0-9a-f][0-9a-f]$/ { print "0x" $1 }')" -- "$current") ;;
        *) COMPREPLY+=("$candidate") ;;
        esac
    done < <(apus --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)
}

complete -o filenames -F _apus apus
