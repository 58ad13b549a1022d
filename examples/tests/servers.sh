# shellcheck shell=bash
#
# Sourced by the tests of programs that run until a signal: starts them, waits for what they print, talks to them by
# hand and ends them. A script that is not over after $limit s ends as failed, whatever it waits for, and says where.
# When it ends, servers that are left are killed, and what they printed is shown if it has failed.
#
# $work is a folder for the test.
set -euE

limit=${CORO_TEST_LIMIT:-240} # ctest sets it to less than it grants
if [ -z "${CORO_TEST_LIMITED-}" ]; then
    CORO_TEST_LIMITED=1 exec timeout --kill-after=10 "$limit" "$BASH" "$0" "$@"
fi

given=("$@")
work=$(mktemp -d)
declare -A pids=() # of the servers, by name
failed=0

complain() # MESSAGE: the test goes on, and fails in the end
{
    local line=${BASH_LINENO[-2]} # of the script; in a trap bash has forgotten it, unless it was in a function
    [ "$line" -gt 1 ] || line=?
    printf '%s:%s: %s\n' "${0##*/}" "$line" "$*" >&2
    failed=1
}

fail() # MESSAGE
{
    complain "$@"
    exit 1
}

clean_up()
{
    local status=$? name file
    [ "$failed" -eq 0 ] || status=1
    for name in "${!pids[@]}"; do
        kill -KILL "${pids[$name]}" && wait "${pids[$name]}" || :
    done 2>/dev/null
    for file in "$work"/*.out "$work"/*.err; do
        [ "$status" -eq 0 ] || [ ! -s "$file" ] || printf '%s\n' "--- ${file##*/}:" "$(head -c 4000 "$file")" >&2
    done
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'fail "ended by: $BASH_COMMAND"' ERR
# timeout sends it to the script first, and then to all that it has started: not to what cleans up.
trap 'trap "" TERM; fail "not over after $limit s: $BASH_COMMAND"' TERM

# The arguments of the script, with -- in between, become arrays of these names.
arguments() # NAME...
{
    local -n array=$1
    local word
    for word in "${given[@]}"; do
        if [ "$word" = -- ]; then
            shift
            local -n array=$1
        else
            array+=("$word")
        fi
    done
}

equal() # WHAT IS WANTED
{
    [ "$2" = "$3" ] || complain "$1: '$2' instead of '$3'"
}

eventually() # COMMAND...: until it succeeds
{
    until "$@"; do
        sleep 0.02
    done
}

# ---- servers ----

# What it prints is in $work/NAME.out and $work/NAME.err. It gets SIGINT, too, which bash keeps from what is in the
# background.
start() # NAME COMMAND...
{
    : >"$work/$1.out" 2>"$work/$1.err"
    env --default-signal=INT "${@:2}" >"$work/$1.out" 2>"$work/$1.err" </dev/null &
    pids[$1]=$!
}

await() # NAME REGEX [err]: until it has printed such a line
{
    until grep -Eq -- "$2" "$work/$1.${3-out}"; do
        kill -0 "${pids[$1]}" 2>/dev/null || fail "$1 ended before it printed: $2"
        sleep 0.02
    done
}

start_server() # NAME COMMAND...: it listens, by TCP on $port
{
    start "$@"
    await "$1" '^(listening on|ACCEPT) '
    port=$(sed -En 's/^(listening on|ACCEPT) .*:([0-9]+)$/\2/p' "$work/$1.out")
}

# It ends with status 0, and has complained of nothing. Valgrind may have, of a system call that is new to it.
await_end() # NAME
{
    local status=0 complaints
    wait "${pids[$1]}" || status=$?
    unset "pids[$1]"
    complaints=$(grep -v '^--[0-9]*-- ' "$work/$1.err" || :)
    [ "$status" -eq 0 ] && [ -z "$complaints" ] || complain "$1 ended with status $status; $complaints"
}

stop() # NAME [SIGNAL]
{
    kill "-${2-TERM}" "${pids[$1]}" 2>/dev/null || :
    await_end "$1"
}

# ---- connections ----

connect() # a connection to $port of this machine, in descriptor $fd
{
    exec {fd}<>"/dev/tcp/127.0.0.1/$port"
}

hang_up() # DESCRIPTOR
{
    local fd=$1
    exec {fd}>&-
}

ends() # DESCRIPTOR: the other side hangs up, and nothing more comes
{
    local rest
    rest=$(cat <&"$1") || complain "the connection is broken"
    equal "what came at the end" "$rest" ''
    hang_up "$1"
}

exchange() # what comes on standard input is sent, what is answered printed, until the other side hangs up
{
    connect
    cat >&"$fd"
    cat <&"$fd" || :
    hang_up "$fd"
}

# ---- TLS ----

certificate() # NAME SUBJECT-ALTERNATIVE-NAME: signed by itself, in $work/NAME.pem and NAME.key
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
        -addext "subjectAltName=$2" -keyout "$work/$1.key" -out "$work/$1.pem" 2>"$work/openssl.err" ||
        fail "no certificate"
}
