#!/usr/bin/env bash
# shellcheck disable=SC2016 # the protocol has dollars of its own
#
# How it ends: by a signal, with connections open; after the replies that it owes. And what the options say.
#
#     bash ends.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=resp.sh
. "$(dirname "$0")/resp.sh"
arguments resp

# Idle connections are ended.
for signal in TERM INT; do
    start_server resp "${resp[@]}" --port 0
    connect
    printf 'PING\r\n' >&"$fd"
    equal "reply" "$(head -c 7 <&"$fd")" $'+PONG\r'
    printf '*2\r\n$4\r\nECHO\r\n' >&"$fd" # and one that has begun to ask
    stop resp "$signal"
    ends "$fd"
done

# A reply that does not fit into the socket is sent to its end, whatever else happens.
start_server resp "${resp[@]}" --port 0
{
    printf 'SET big "'
    head -c 60000 /dev/zero | tr '\0' x
    printf '"\r\n'
} | cli >/dev/null
connect
for ((i = 0; i < 200; i++)); do
    printf 'GET big\r\n'
done >"$work/requests"
cat "$work/requests" >&"$fd" # in one piece: all of them are there when the first is answered
head -c 8 <&"$fd" >"$work/got" # it has begun to answer
kill -TERM "${pids[resp]}"
cat <&"$fd" >>"$work/got" || :
hang_up "$fd"
await_end resp
equal "bytes of the replies" "$(stat -c %s "$work/got")" $((200 * (8 + 60000 + 2)))

# A Unix socket, which goes with it, and a stale one, which does not hinder it.
for round in 1 2; do
    start_server resp "${resp[@]}" --unix "$work/socket"
    equal "reply by the socket" "$(redis-cli -s "$work/socket" PING)" PONG
    if [ "$round" = 1 ]; then
        kill -KILL "${pids[resp]}"
        wait "${pids[resp]}" 2>/dev/null || :
        [ -S "$work/socket" ] || complain "there is no stale socket"
    else
        stop resp
        [ ! -e "$work/socket" ] || complain "the socket is left"
    fi
done

# No more clients than there may be; and those that are idle for too long go.
start_server resp "${resp[@]}" --port 0 --clients 1
connect
first=$fd
printf 'PING\r\n' >&"$first"
equal "reply to the first" "$(head -c 7 <&"$first")" $'+PONG\r'
connect
equal "reply to a second" "$(cat <&"$fd")" $'-ERR max number of clients reached\r'
hang_up "$first"
hang_up "$fd"
stop resp
start_server resp "${resp[@]}" --port 0 --timeout 1
connect
ends "$fd"
stop resp
