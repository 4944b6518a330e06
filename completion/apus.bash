# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion for apus(1). The candidates come from the program itself.

_apus() {
    local current=${COMP_WORDS[COMP_CWORD]} candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        case $candidate in
        @files) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
        @commands) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -c -- "$current" | sort -u) ;;
        @guests)
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
                compgen -W "$(apus guest list 2> /dev/null | awk 'NR > 1 { print $1 }')" -- "$current") ;;
        *) COMPREPLY+=("$candidate") ;;
        esac
    done < <(apus --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)
}

complete -o filenames -F _apus apus
