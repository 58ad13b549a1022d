# Sourced by the tests of programs that run until a signal: they are started with what they print in files, and ended by their ids.
work=$(mktemp -d)
running=()

clean_up()
{
    local pid
    for pid in "${running[@]}"; do
        kill -KILL "$pid" && wait "$pid" || :
    done 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT

fail() # MESSAGE
{
    local file
    echo "FAILED: $*"
    for file in "$work"/*.out "$work"/*.err; do
        [ ! -s "$file" ] || { echo "--- ${file##*/}:" && head -c 4000 "$file"; }
    done
    exit 1
}

start() # NAME COMMAND...: its id is in $pid, what it prints in $work/NAME.out and $work/NAME.err
{
    local name=$1
    shift
    "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
    pid=$!
    running+=("$pid")
}

await() # PID REGEX FILE: until there is such a line
{
    local tries=3000
    until grep -Eq -- "$2" "$3"; do
        kill -0 "$1" 2>/dev/null || fail "ended before it printed: $2"
        [ $((tries -= 1)) -gt 0 ] || fail "not printed after minutes: $2"
        sleep 0.05
    done
}

await_port() # PID NAME: the port that it listens on is in $port
{
    await "$1" 'listening on port [0-9]+$' "$work/$2.out"
    port=$(sed -n 's/^listening on port //p' "$work/$2.out")
}

ends() # DESCRIPTOR: the connection is hung up on, and nothing more comes
{
    local rest
    rest=$(timeout 120 cat <&"$1") || fail "has not hung up on $1"
    [ -z "$rest" ] || fail "sends more: $rest"
}

stop() # PID SIGNAL: it ends, with status 0
{
    local status=0
    kill -"$2" "$1"
    wait "$1" || status=$?
    [ "$status" -eq 0 ] || fail "$1 ended with status $status after SIG$2"
}
