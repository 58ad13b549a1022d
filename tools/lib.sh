# shellcheck shell=bash disable=SC2034 # the scripts use what is set here
#
# What tools/demo and tools/test share; sourced by them. Goes to the top of the checkout and offers
#
#   need PACKAGE...        install those of these Debian packages that are missing
#   step NAME COMMAND...   run a command, its output to build/log/NAME.log, one line of progress on the screen
#   fail MESSAGE           say why and exit
#
# A command may be a function. It runs where `set -e` has no effect, so functions chain their commands with &&.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export DEBIAN_FRONTEND=noninteractive

log=build/log
jobs=$(nproc)
mkdir -p "$log"

declare -A step_result step_ms

live=false bold='' dim='' red='' green='' plain=''
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
    live=true
    if [ -z "${NO_COLOR-}" ]; then
        bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
    fi
fi

fail()
{
    printf 'tools/%s: %s%s%s\n' "${0##*/}" "$red" "$*" "$plain" >&2
    exit 1
}

now_ms()
{
    echo $((${EPOCHREALTIME//[!0-9]/} / 1000))
}

in_seconds() # MILLISECONDS
{
    printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100))
}

# The spinner runs in the background and the command in the foreground, where Ctrl-C reaches it.
spin() # NAME
{
    local i=0 frames="|/-\\" begin=$SECONDS
    while :; do
        printf '\r  %-12s %s%s %d s%s ' "$1" "$dim" "${frames:i++%4:1}" $((SECONDS - begin)) "$plain"
        sleep 0.1
    done
}
spinner=

stop_spinner()
{
    if [ -n "$spinner" ]; then
        kill "$spinner" 2>/dev/null || :
        wait "$spinner" 2>/dev/null || :
        spinner=
        printf '\r\e[K'
    fi
}
trap stop_spinner EXIT

# The lines of a log, less those that say what went well: steps of cmake and ninja, programs of ctest, tests of cmocka.
without_successes() # FILE
{
    awk '/^-- |^\[[0-9]+\/[0-9]+\] |^ +Start +[0-9]+: |  Passed +[0-9.]+ sec$/ { next }
        /^\[ RUN      \] /  { if (run != "") print run; run = $0; next }
        /^\[       OK \] /  { run = ""; next }
        run != ""           { print run; run = "" }
                            { print }
        END                 { if (run != "") print run }' "$1"
}

step()
{
    local name=$1 begin status=0
    shift
    begin=$(now_ms)
    if $live; then
        spin "$name" &
        spinner=$!
    else
        printf '  %-12s ' "$name"
    fi
    "$@" >"$log/$name.log" 2>&1 </dev/null || status=$?
    stop_spinner
    step_ms[$name]=$(($(now_ms) - begin))
    if $live; then
        printf '  %-12s ' "$name"
    fi
    if [ "$status" -eq 0 ]; then
        step_result[$name]=ok
        printf '%sok%s      %9s\n' "$green" "$plain" "$(in_seconds "${step_ms[$name]}")"
    else
        step_result[$name]=FAILED
        printf '%sFAILED%s  %9s   exit status %d; the end of %s:\n\n' \
            "$red" "$plain" "$(in_seconds "${step_ms[$name]}")" "$status" "$log/$name.log"
        without_successes "$log/$name.log" | tail -n 40 | sed 's/^/    /'
        echo
    fi
    return "$status"
}

installed() # PACKAGE, or PACKAGE:ARCHITECTURE
{
    local arch=${1#*:}
    if [ "$arch" = "$1" ]; then
        arch=$(dpkg --print-architecture)
    fi
    dpkg-query -W -f '${Architecture} ${db:Status-Status}\n' "${1%:*}" 2>/dev/null | grep -qE "^($arch|all) installed$"
}

install()
{
    local package as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo env DEBIAN_FRONTEND=noninteractive)
    fi
    for package in "$@"; do
        if [[ $package == *:* ]] && ! dpkg --print-foreign-architectures | grep -qx "${package#*:}"; then
            "${as_root[@]}" dpkg --add-architecture "${package#*:}" || return
        fi
    done
    "${as_root[@]}" apt-get update -q -o Acquire::Retries=3 &&
        "${as_root[@]}" apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@"
}

need()
{
    local package missing=()
    if ! command -v apt-get >/dev/null; then
        echo "This is no Debian system. Please make sure that it has what these Debian packages hold: $*"
        return
    fi
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    if [ "${#missing[@]}" -eq 0 ]; then
        return
    fi
    echo "To be installed with apt-get: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "to install packages it needs root or sudo; have somebody run: apt-get install ${missing[*]}"
        sudo -v || fail "sudo refused; have somebody run: apt-get install ${missing[*]}"
    fi
    step apt install "${missing[@]}" || fail "apt-get could not install what is missing"
}
