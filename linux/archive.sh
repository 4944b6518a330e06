# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Packages of the Debian archive, for fetch and tests/clients/setup. Apt does the work with a configuration and state of
# its own below $cache, so nothing of this machine's package state is read or touched except the address of its Debian
# mirror and proxy. Sourced after common.sh, never run.
#
# A mirror may list packages that it does not serve. Such a version is avoided for the rest of the run, so that an older
# one of the same suite (its updates and security included) is used instead. If there is none, the suite cannot deliver,
# and the caller tries the next suite. All packages of a set come from one suite, except that libraries may come from a
# newer suite than the programs that use them.

# The archive that Debian documents as the default, for machines whose own sources name none.
readonly DEFAULT_MIRROR=http://deb.debian.org/debian
readonly DEFAULT_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# Libraries that lszcrypt, chzcrypt, zcryptctl, lszdev and chzdev are linked with.
# shellcheck disable=SC2034 # for those who source this
readonly TOOLS_LIBRARIES='libc6 libgcc-s1 libudev1 libcap2 libjson-c5'
readonly APT_HELPER=/usr/lib/apt/apt-helper

cache='' mirror='' source_options=''
apt_dir=''          # configuration and lists of the suite that open_suite has opened
files=()            # the files that fetch_files fetched
missing=()          # the files that download could not fetch
why=''              # why the last suite could not deliver
declare -A opened=() # yes or no for each suite whose lists were asked for in this run

# The first Debian mirror in this machine's sources that is not a security or partial archive.
own_mirror() {
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [[ -r $file ]] || continue
        case $file in
        *.list) awk '$1 == "deb" { sub(/\[[^]]*\]/, ""); print $2, $3 }' "$file" ;;
        *) awk -F': *' 'tolower($1) == "uris" { uri = $2 } tolower($1) == "suites" { suites = $2 }
               $0 == "" { show() } END { show() }
               function show() { if (uri != "" && suites != "") { split(uri, u, " "); split(suites, s, " ");
                   print u[1], s[1] } uri = suites = "" }' "$file" ;;
        esac
    done | awk '$1 ~ /^(http|https|ftp|file|mirror\+[a-z]+):\/.*\/debian\/?$/ && $2 !~ /security|updates/ {
        sub(/\/$/, "", $1); if (!found) print $1; found = 1 }'
}

# archive_open: takes the cache's lock and finds the mirror. APUS_MIRROR overrides it; APUS_KEYRING is the keyring that
# must have signed it, or "none" for an unsigned mirror, as in the tests.
archive_open() {
    need apt-get apt-cache apt-config dpkg dpkg-deb sha256sum flock awk "$APT_HELPER"
    cache=$(cache_dir)
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock -n 9 || {
        say "waiting for another fetch to finish"
        flock 9
    }
    mirror=${APUS_MIRROR:-$(own_mirror)}
    mirror=${mirror:-$DEFAULT_MIRROR}
    source_options=signed-by=${APUS_KEYRING:-$DEFAULT_KEYRING}
    [[ ${APUS_KEYRING-} != none ]] || source_options=trusted=yes
}

# The only settings of this machine that apply: proxies and the like, and whether a mirror may be out of date.
own_acquire_settings() {
    apt-config dump Acquire | grep -E '^Acquire::(http|https|ftp|Retries|Check-Valid-Until)\b' || true
}

write_apt_configuration() {
    local arch=$1
    mkdir -p "$apt_dir/lists/partial"
    : >"$apt_dir/status"
    : >"$apt_dir/avoided"
    : >"$apt_dir/sources.list"
    {
        printf 'Dir "/";\nDir::Etc::main "/dev/null";\nDir::Etc::parts "/dev/null";\n'
        printf 'Dir::Etc::sourcelist "%s/sources.list";\nDir::Etc::sourceparts "/dev/null";\n' "$apt_dir"
        printf 'Dir::Etc::preferences "%s/avoided";\nDir::Etc::preferencesparts "/dev/null";\n' "$apt_dir"
        printf 'Dir::State "%s";\nDir::State::status "%s/status";\n' "$apt_dir" "$apt_dir"
        printf 'Dir::State::lists "%s/lists";\nAPT::Get::List-Cleanup "false";\n' "$apt_dir"
        # download decides where files are stored. Apt gets an empty directory, so that it names all that are needed.
        printf 'Dir::Cache "%s";\nDir::Cache::archives "%s/empty";\n' "$apt_dir" "$apt_dir"
        # Lists are used rarely, so keep them compressed and build no caches.
        printf 'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\nAcquire::GzipIndexes "true";\n'
        printf 'APT::Architecture "%s";\nAPT::Architectures { "%s"; };\n' "$arch" "$arch"
        printf 'APT::Install-Recommends "false";\nAcquire::Languages "none";\nAPT::Sandbox::User "";\n'
        printf 'Acquire::Retries "3";\n'
        APT_CONFIG=$machine_config own_acquire_settings
    } >"$apt_dir/apt.conf.new"
    mv "$apt_dir/apt.conf.new" "$apt_dir/apt.conf"
}
readonly machine_config=${APT_CONFIG-}

# add_source URI SUITE: adds a source if its lists can be read.
add_source() {
    printf 'deb [arch=%s %s] %s %s main\n' "$arch" "$source_options" "$1" "$2" >"$apt_dir/source"
    apt-get -o APT::Update::Error-Mode=any -o "Dir::Etc::sourcelist=$apt_dir/source" update >"$apt_dir/log" 2>&1 ||
        return 1
    cat "$apt_dir/source" >>"$apt_dir/sources.list"
}

# The same for a source that is required. While a mirror is being synchronized its files do not match, so try again.
need_source() {
    local try
    for try in 1 2 3; do
        ! add_source "$@" || return 0
        if ((try == 3)) || ! grep -qE 'sync in progress|Hash Sum mismatch' "$apt_dir/log"; then
            break
        fi
        say "the mirror is being synchronized: trying again in 5 s"
        sleep 5
    done
    sed 's/^/    /' "$apt_dir/log" >&2
    ! grep -q 'is expired' "$apt_dir/log" ||
        say "the mirror is out of date; apt's setting Acquire::Check-Valid-Until \"false\" accepts it nevertheless"
    return 1
}

read_lists() {
    local arch=$1 suite=$2 base=${2%-backports}
    write_apt_configuration "$arch"
    say "reading package lists of $suite ($arch)"
    need_source "$mirror" "$base" || return 1
    [[ $suite == "$base" ]] || need_source "$mirror" "$suite" || return 1
    add_source "$mirror" "$base-updates" || true
    add_source "$mirror-security" "$base-security" || true
}

# open_suite ARCH SUITE: a suite with its updates and security; NAME-backports includes NAME. Lists are read once per
# run.
open_suite() {
    apt_dir=$cache/apt-$1-$2
    export APT_CONFIG=$apt_dir/apt.conf
    if [[ -z ${opened["$1 $2"]-} ]]; then
        opened["$1 $2"]=no
        ! read_lists "$@" || opened["$1 $2"]=yes
    fi
    why="cannot read the package lists of $2 from $mirror"
    [[ ${opened["$1 $2"]} == yes ]]
}

# show_growth PART KIB FILE...: on a terminal, each second how much of the files is there, until this run or it is ended.
show_growth() {
    local part=$1 total=$2 now
    shift 2
    [[ -t 2 ]] || return 0
    while sleep 1 && kill -0 $$ 2>/dev/null; do
        now=$(stat -c %s -- "$@" 2>/dev/null | awk '{ n += $1 } END { print int(n / 1024) }')
        printf '\r%s: %s of %s KiB   ' "$part" "$now" "$total" >&2
    done
}

is_intact() {
    printf '%s  %s\n' "${2#SHA256:}" "$1" | sha256sum --check --status 2>/dev/null
}

# download DIRECTORY: fetches the files that apt names on standard input (--print-uris), unless they are already there;
# sets files and missing.
download() {
    local dir=$1 uri name size sum sums=() wanted=() total=0 i
    files=() missing=()
    while read -r uri name size sum; do
        files+=("$dir/$name") sums+=("$sum")
        ! is_intact "$dir/$name" "$sum" || continue
        rm -f "$dir/$name"
        wanted+=("${uri//\'/}" "$dir/$name" "$sum")
        total=$((total + size))
    done
    ((${#wanted[@]})) || return 0
    say "${dir##*/}: fetching $((total / 1024)) KiB of ${apt_dir##*/apt-*([!-])-}"
    show_growth "${dir##*/}" $((total / 1024)) "${files[@]}" 9>&- & # without the lock, which it could outlive
    "$APT_HELPER" download-file "${wanted[@]}" >"$apt_dir/log" 2>&1 || true
    kill "$!" 2>/dev/null && [[ -t 2 ]] && printf '\r%60s\r' '' >&2
    wait "$!" 2>/dev/null || true
    for i in "${!files[@]}"; do
        is_intact "${files[i]}" "${sums[i]}" || missing+=("${files[i]##*/}")
    done
}

# avoid FILE...: excludes these versions for apt.
avoid() {
    local file version
    for file; do
        version=${file#*_}
        version=${version%_*}
        printf 'Package: %s\nPin: version %s\nPin-Priority: -1\n\n' "${file%%_*}" "${version//%3a/:}" >>"$apt_dir/avoided"
    done
}

# fetch_files PART COMMAND...: fetches the files that COMMAND, an apt-get --print-uris, names; sets files. The loop ends,
# since each turn that misses a file avoids a version.
fetch_files() {
    local part=$1 uris
    shift
    mkdir -p "$apt_dir/$part"
    why=''
    while :; do
        if ! uris=$("$@" 2>"$apt_dir/log"); then
            why=${why:-$(tail -n 1 "$apt_dir/log")}
            return 1
        fi
        download "$apt_dir/$part" < <(grep "^'" <<<"$uris")
        ((${#missing[@]})) || return 0
        why="the mirror does not serve ${missing[0]}"
        ((${#missing[@]} == 1)) || why+=" and $((${#missing[@]} - 1)) more"
        avoid "${missing[@]}"
    done
}

# print_closure WORDS...: an install request with all dependencies; with SHA256 sums instead of the default MD5.
print_closure() {
    apt-get -qq -y -o Acquire::ForceHash=SHA256 --print-uris install "$@"
}

# print_single PACKAGE...: the packages without dependencies.
print_single() {
    apt-get -qq --print-uris download "$@"
}

# Suites whose libraries the programs of SUITE can use, in order of preference.
not_older() {
    case $1 in
    bookworm) echo bookworm trixie forky ;;
    trixie) echo trixie forky ;;
    *) echo "$1" ;;
    esac
}

# fetch_programs PART SUITE "PROGRAM..." "LIBRARY...": programs of the suite, and libraries of the same or a newer one.
fetch_programs() {
    local part=$1 suite=$2 programs libraries=$4
    open_suite s390x "$suite" || return 1
    # shellcheck disable=SC2086 # lists of names
    fetch_files "$part" print_single $3 || return 1
    programs=("${files[@]}")
    for suite in $(not_older "$suite"); do
        # shellcheck disable=SC2086
        if open_suite s390x "$suite" && fetch_files "$part" print_single $libraries; then
            files=("${programs[@]}" "${files[@]}")
            return 0
        fi
        say "$part: no libraries from $suite: $why"
    done
    return 1
}

# first_of PART "SUITE..." FUNCTION: calls FUNCTION with one suite after the other until it succeeds.
first_of() {
    local suite
    for suite in $2; do
        ! "$3" "$suite" || return 0
        say "$1: not from $suite: $why"
    done
    return 1
}

# Packages have their files below / or /usr. Merges them, as on an installed system, since programs refer to both.
merge_usr() {
    local root=$1 name
    for name in bin sbin lib lib64; do
        if [[ -d $root/$name ]]; then
            mkdir -p "$root/usr/$name"
            cp -a "$root/$name/." "$root/usr/$name/"
            rm -rf "${root:?}/$name"
        fi
        [[ ! -d $root/usr/$name ]] || ln -s "usr/$name" "$root/$name"
    done
}

# unpack TARGET STAMP FILE...: unpacks the packages into TARGET, all or nothing. (The caller may have disabled set -e.)
unpack() {
    local target=$1 stamp=$2 file new
    shift 2
    new=$target.new
    rm -rf "$new"
    mkdir -p "$new"
    for file; do
        dpkg-deb -x "$file" "$new" || die "cannot unpack $file"
    done
    (set -e && merge_usr "$new" && printf '%s\n' "$stamp" >"$new/stamp") || die "cannot unpack into $new"
    rm -rf "$target.old"
    [[ ! -e $target && ! -L $target ]] || mv "$target" "$target.old"
    mv "$new" "$target" || die "cannot create $target"
    rm -rf "$target.old"
}

# The stamp of a set of packages: SHA-256, name and suite of each file.
stamp_of() {
    local file suite sum
    for file; do
        sum=$(sha256sum <"$file")
        suite=${file%/*/*}
        printf '%s  %s  %s\n' "${sum%% *}" "${file##*/}" "${suite##*/apt-*([!-])-}"
    done
}

# Removes packages of a part that the current set does not need.
forget_others() {
    local part=$1 file wanted
    shift
    for file in "$cache"/apt-*/"$part"/*; do
        for wanted; do
            [[ $file != "$wanted" ]] || continue 2
        done
        rm -f "$file"
    done
}

# install_files PART TARGET: unpacks what fetch_files fetched, unless TARGET is up to date.
install_files() {
    local part=$1 target=$2 stamp
    stamp=$(stamp_of "${files[@]}")
    if is_complete "$target" && [[ $(<"$target/stamp") == "$stamp" ]]; then
        say "$part: up to date"
    else
        say "$part: unpacking ${#files[@]} packages"
        unpack "$target" "$stamp" "${files[@]}"
    fi
    forget_others "$part" "${files[@]}"
}
