# What tools/run and tools/test share: steps with progress, and packages. Sourced, not run.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=${logs-}  # folder for the output of steps; set by the caller before the first step
stepChild=
stepTimes=() # "SECONDS TITLE" of every step so far

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() { warn "$(basename "$0"): $*"; exit 1; }

# A step that is interrupted takes its command along: bash starts background commands with SIGINT ignored.
trap '[[ -z $stepChild ]] || kill "$stepChild" 2>/dev/null; exit 130' INT
trap '[[ -z $stepChild ]] || kill "$stepChild" 2>/dev/null; exit 143' TERM

# step TITLE COMMAND [ARG ...]: runs the command with its output in a log; on a terminal shows the time and the
# log's last line, elsewhere a line every 20 s; on failure shows the log's end and returns the command's status.
step() {
    local title=$1 start=$SECONDS next=20 log status=0 last columns
    shift
    mkdir -p "$logs"
    log=$logs/$(sed -E 's/[^a-zA-Z0-9]+/-/g; s/-+$//' <<<"$title").log
    say "==> $title"
    "$@" >"$log" 2>&1 </dev/null &
    stepChild=$!
    while kill -0 "$stepChild" 2>/dev/null; do
        sleep 0.2
        if [[ -t 1 && ${TERM-dumb} != dumb ]]; then
            columns=$(tput cols 2>/dev/null || echo 80)
            last=$(tail -n 1 "$log" | tr -d '\000-\037')
            last="    $((SECONDS - start)) s  $last"
            printf '\r%s\033[K' "${last:0:columns-1}"
        elif ((SECONDS - start >= next)); then
            last=$(tail -n 1 "$log" | tr -d '\000-\037')
            say "    $((SECONDS - start)) s  ${last:0:110}"
            next=$((next + 20))
        fi
    done
    wait "$stepChild" || status=$?
    stepChild=
    stepTimes+=("$((SECONDS - start)) $title")
    [[ -t 1 && ${TERM-dumb} != dumb ]] && printf '\r\033[K'
    if ((status == 0)); then
        say "    done, $((SECONDS - start)) s"
    else
        say "    FAILED with status $status after $((SECONDS - start)) s; the end of $log:"
        tail -n "${STEP_TAIL:-40}" "$log" | sed 's/^/    | /'
    fi
    return "$status"
}

# packagesOf SECTION ...: the packages of these sections of tools/packages
packagesOf() {
    local section
    for section in "$@"; do
        awk -v section="$section" '$1 == section { print $2 }' "$top/tools/packages"
    done
}

isInstalled() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# ensurePackages SECTION ...: installs what is missing, and fetches apt's lists only where they do not know it (or
# are out of date). The names of what was installed are left in the array `newPackages`.
newPackages=()
ensurePackages() {
    local name missing=()
    command -v apt-get >/dev/null || die "this needs apt: the project builds on Debian 12 or later"
    while read -r name; do
        isInstalled "$name" || missing+=("$name")
    done < <(packagesOf "$@")
    ((${#missing[@]})) || return 0
    if ((EUID != 0)); then
        die "packages are missing; run this as root once, or: apt-get install --no-install-recommends ${missing[*]}"
    fi
    if (($(known "${missing[@]}" | wc -l) < ${#missing[@]})); then
        step "Fetching the lists of packages" apt-get update -q || die "apt-get update failed"
    fi
    if ! step "Installing ${#missing[@]} packages" aptInstall "${missing[@]}"; then
        step "Fetching the lists of packages again" apt-get update -q || die "apt-get update failed"
        step "Installing ${#missing[@]} packages" aptInstall "${missing[@]}" || die "packages could not be installed"
    fi
    newPackages+=("${missing[@]}")
}

# known PACKAGE ...: those of them that apt can install
known() {
    # apt takes "g++" for an expression and tells more than was asked for
    LC_ALL=C apt-cache policy "$@" 2>/dev/null | awk -v asked="$*" '
        BEGIN { count = split(asked, names, " "); for (i = 1; i <= count; i++) wanted[names[i] ":"] = 1 }
        /^[^ ]/ { name = $1 }
        $1 == "Candidate:" && $2 != "(none)" && name in wanted { print name; delete wanted[name] }'
}

aptInstall() {
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
}

# asOwner COMMAND ...: as the owner of the tree where root builds in somebody's clone, so that no file of
# root's is left in it
asOwner() {
    local owner
    owner=$(stat -c %U "$top")
    if ((EUID == 0)) && [[ $owner != root && $owner != UNKNOWN ]]; then
        runuser -u "$owner" -- "$@"
    else
        "$@"
    fi
}

# configureBuild FOLDER OPTION ...: makes the build folder, or brings an older one in line
configureBuild() {
    local folder=$1
    shift
    if [[ -e $folder/build.ninja ]]; then
        asOwner meson configure "$folder" "$@"
    else
        asOwner rm -rf "$folder/meson-private"  # of a configuration that did not come to its end
        asOwner meson setup "$folder" "$top" "$@"
    fi
}
