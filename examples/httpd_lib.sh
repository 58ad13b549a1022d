# shellcheck shell=bash
# What the tests of httpd share; sourced by them, with the command of the server for arguments.
#
#     start OPTION...        start it on a free port; sets pid, port and url
#     stop [SIGNAL]          end it: by SIGTERM, or another one; its status must be 0
#     equal WHAT IS WANTED   compare; the test goes on, and fails in the end
#     connect                a connection in descriptor $fd, to be read and written by hand
#     finish                 end the test
#
# $work is a folder for the test, $www the one that is served.
set -eu

server=("$@")
work=$(mktemp -d)
www=$work/www
mkdir "$www"
failed=0
pid=

clean_up()
{
    if [ -n "$pid" ]; then
        kill -KILL "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

problem() # MESSAGE
{
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    failed=1
}

equal() # WHAT IS WANTED
{
    [ "$2" = "$3" ] || problem "$1: '$2' instead of '$3'"
}

start()
{
    : >"$work/printed"
    "${server[@]}" --port 0 "$@" "$www" >"$work/printed" 2>"$work/said" &
    pid=$!
    until url=$(sed -n 's/^httpd: \(http:.*\)$/\1/p' "$work/printed") && [ -n "$url" ]; do
        if ! kill -0 "$pid" 2>/dev/null; then
            cat "$work/said" >&2
            problem "the server does not start"
            exit 1
        fi
        sleep 0.02
    done
    port=${url##*:}
    port=${port%/}
}

wait_for_end()
{
    local status=0
    wait "$pid" || status=$?
    pid=
    equal "exit status" "$status" 0
    [ "$status" -eq 0 ] || cat "$work/said" >&2
}

stop()
{
    kill "-${1:-TERM}" "$pid"
    wait_for_end
}

connect()
{
    exec {fd}<>"/dev/tcp/127.0.0.1/$port"
}

hang_up() # DESCRIPTOR
{
    local fd=$1
    exec {fd}>&-
}

# Without what differs from run to run.
steady()
{
    tr -d '\r' | sed -e '/^Date: /d' -e 's/"uptime_s": [0-9.]*/"uptime_s": N/'
}

# One reply with a length, from a connection that stays open.
read_reply() # DESCRIPTOR
{
    local line length=0 body
    while IFS= read -r -u "$1" line && line=${line%$'\r'} && [ -n "$line" ]; do
        printf '%s\n' "$line"
        [[ $line != Content-Length:* ]] || length=${line#*: }
    done
    IFS= read -r -u "$1" -N "$length" body
    printf '\n%s' "$body"
}

# Until /status counts so many connections, its own included.
wait_for_open() # NUMBER
{
    until curl -s "${url}status" | grep -q "\"open\": $1,"; do
        sleep 0.05
    done
}

finish()
{
    exit "$failed"
}
