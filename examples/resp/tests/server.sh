# shellcheck shell=bash
#
# What the tests of resp share; sourced by them, with the command that runs the server as arguments. It is started on a port of its own
# choice, and ended with the script.
set -eu

server=("$@")
work=$(mktemp -d)
pid=
end_all()
{
    if [ -n "$pid" ]; then
        kill -KILL "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    fi
    rm -rf "$work"
}
trap end_all EXIT

failed=0
complain()
{
    printf '%s\n' "$*"
    failed=1
}

# Try until it holds; a minute is a long time even for an emulator.
eventually() # COMMAND...
{
    local i
    for ((i = 0; i < 1200; i++)); do
        if "$@"; then
            return
        fi
        sleep 0.05
    done
    echo "did not come true: $*"
    return 1
}

listens_or_ended()
{
    grep -q '^listening on ' "$work/out" || ! kill -0 "$pid" 2>/dev/null
}

start_server() # OPTION...
{
    : >"$work/out"
    "${server[@]}" "$@" >"$work/out" 2>"$work/err" &
    pid=$!
    eventually listens_or_ended
    cat "$work/err"
    grep '^listening on ' "$work/out"
    port=$(sed -n 's/^listening on .* port //p' "$work/out")
}

# Ask it to end, and expect that it does so well, and with nothing to complain of.
stop_server() # [SIGNAL]
{
    local status=0
    kill "-${1:-TERM}" "$pid"
    wait "$pid" || status=$?
    pid=
    cat "$work/err"
    [ "$status" -eq 0 ] && [ ! -s "$work/err" ] || complain "the server ended with status $status"
}

cli()
{
    redis-cli -h 127.0.0.1 -p "$port" "$@"
}

# says EXPECTED COMMAND...: what redis-cli makes of the reply.
says()
{
    local got
    got=$(cli "${@:2}" 2>&1) || :
    [ "$got" = "$1" ] || complain "$(printf '%s\n  expected: %s\n  got:      %s' "${*:2}" "$1" "$got")"
}

# The bytes on standard input are sent over one connection; what comes is printed, until the server ends it.
exchange()
{
    local conversation
    exec {conversation}<>"/dev/tcp/127.0.0.1/$port"
    cat >&"$conversation"
    cat <&"$conversation" || :
    exec {conversation}>&-
}

# replies EXPECTED SENT: both as printf(1) takes them.
replies()
{
    printf '%b' "$2" | exchange >"$work/got"
    printf '%b' "$1" | cmp -s - "$work/got" ||
        complain "$(printf 'sent:     %q\nexpected: %q\ngot:      %q' "$2" "$1" "$(head -c 1000 "$work/got")")"
}

finish()
{
    stop_server
    exit "$failed"
}
