# echo gives back what it is sent: a mebibyte to each of several clients at once, to the last byte though they have shut down their half.
# It hangs up on who is silent, and ends in order, by SIGTERM and by SIGINT.
#
#     bash echo.sh PROGRAM...
set -eu
. "$(dirname "$0")/servers.sh"

start echo "$@" --port 0 --idle 600
echo_pid=$pid
await_port "$pid" echo

head -c 1048576 /dev/urandom >"$work/sent"
clients=()
for i in {1..8}; do
    timeout 120 nc -N 127.0.0.1 "$port" <"$work/sent" >"$work/got.$i" &
    clients+=($!)
done
for i in {1..8}; do
    wait "${clients[i - 1]}" || fail "client $i failed"
    cmp "$work/sent" "$work/got.$i" || fail "client $i got something else than it sent"
done
for i in {1..40}; do
    [ "$(echo "hello $i" | nc -N 127.0.0.1 "$port")" = "hello $i" ] || fail "short client $i"
done

# The port is taken.
status=0
timeout 60 "$@" --port "$port" >"$work/second.out" 2>"$work/second.err" || status=$?
[ "$status" -eq 1 ] || fail "status $status on a port that is taken"
grep -q '^echo: ' "$work/second.err" || fail "does not say why it could not listen"

# The end: who is connected gets what there is, and is hung up on.
exec 3<>"/dev/tcp/127.0.0.1/$port"
echo open >&3
read -r answer <&3
[ "$answer" = open ] || fail "answered: $answer"
stop "$echo_pid" TERM
ends 3
exec 3>&-
expected="49 connections, 8,388,964 bytes"
grep -qx "$expected" "$work/echo.out" || fail "has not counted $expected"

# A background process of a script ignores SIGINT if it is not told otherwise.
start impatient env --default-signal=INT "$@" --port 0 --idle 1
await_port "$pid" impatient
exec 3<>"/dev/tcp/127.0.0.1/$port"
ends 3
exec 3>&-
stop "$pid" INT
