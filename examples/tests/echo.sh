#!/usr/bin/env bash
#
# echo gives back what it is sent: a mebibyte to each of several clients at once, to the last byte though they have
# shut down their half. It hangs up on who is silent, and ends in order, by SIGTERM and by SIGINT.
#
#     bash echo.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=servers.sh
. "$(dirname "$0")/servers.sh"
arguments echo
start_server echo "${echo[@]}" --port 0 --idle 600

head -c 1048576 /dev/urandom >"$work/sent"
clients=()
for i in {1..8}; do
    nc -N 127.0.0.1 "$port" <"$work/sent" >"$work/got.$i" &
    clients+=($!)
done
for i in {1..8}; do
    wait "${clients[i - 1]}" || fail "client $i failed"
    cmp "$work/sent" "$work/got.$i" || fail "client $i got something else than it sent"
done
for i in {1..40}; do
    equal "short client" "$(echo "hello $i" | nc -N 127.0.0.1 "$port")" "hello $i"
done

# The port is taken.
status=0
"${echo[@]}" --port "$port" >"$work/second.out" 2>"$work/second.err" || status=$?
equal "status on a port that is taken" "$status" 1
grep -q '^echo: ' "$work/second.err" || complain "does not say why it could not listen"

# The end: who is connected gets what there is, and is hung up on.
connect
echo open >&"$fd"
read -r answer <&"$fd"
equal "answer" "$answer" open
stop echo
ends "$fd"
equal "last words" "$(tail -n 1 "$work/echo.out")" "49 connections, 8,388,964 bytes"

start_server echo "${echo[@]}" --port 0 --idle 1
connect
ends "$fd"
stop echo INT
