# shellcheck shell=bash disable=SC2016 # the protocol has dollars of its own
#
# How it ends: by a signal, with connections open; after the replies that it owes. And what the options say.
#
#     bash ends.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=server.sh
. "$(dirname "${BASH_SOURCE[0]}")/server.sh"

# Idle connections are ended.
for signal in TERM INT; do
    start_server --port 0
    exec {idle}<>"/dev/tcp/127.0.0.1/$port"
    printf 'PING\r\n' >&"$idle"
    head -c 7 <&"$idle" | grep -q PONG || complain "no reply"
    printf '*2\r\n$4\r\nECHO\r\n' >&"$idle" # and one that has begun to ask
    stop_server "$signal"
    [ -z "$(cat <&"$idle")" ] || complain "something came from a server that has ended"
    exec {idle}>&-
done

# A reply that does not fit into the socket is sent to its end, whatever else happens.
start_server --port 0
{
    printf 'SET big "'
    head -c 60000 /dev/zero | tr '\0' x
    printf '"\r\n'
} | cli >/dev/null
exec {slow}<>"/dev/tcp/127.0.0.1/$port"
for ((i = 0; i < 200; i++)); do
    printf 'GET big\r\n'
done >"$work/requests"
cat "$work/requests" >&"$slow" # in one piece: all of them are there when the first is answered
head -c 8 <&"$slow" >"$work/got" # it has begun to answer
kill -TERM "$pid"
cat <&"$slow" >>"$work/got" || :
exec {slow}>&-
status=0
wait "$pid" || status=$?
pid=
[ "$status" -eq 0 ] || complain "ended with status $status"
[ "$(stat -c %s "$work/got")" -eq $((200 * (8 + 60000 + 2))) ] || complain "$(stat -c %s "$work/got") bytes came of a reply"

# A Unix socket, which goes with it, and a stale one, which does not hinder it.
for round in 1 2; do
    start_server --unix "$work/socket"
    [ "$(redis-cli -s "$work/socket" PING)" = PONG ] || complain "no reply by the socket"
    if [ "$round" = 1 ]; then
        kill -KILL "$pid"
        wait "$pid" || :
        pid=
        [ -S "$work/socket" ] || complain "there is no stale socket"
    else
        stop_server
        [ ! -e "$work/socket" ] || complain "the socket is left"
    fi
done

# No more clients than there may be; and those that are idle for too long go.
start_server --port 0 --clients 1
exec {first}<>"/dev/tcp/127.0.0.1/$port"
printf 'PING\r\n' >&"$first"
head -c 7 <&"$first" >/dev/null
exec {second}<>"/dev/tcp/127.0.0.1/$port"
[ "$(cat <&"$second")" = $'-ERR max number of clients reached\r' ] || complain "a second client is served"
exec {first}>&- {second}>&-
stop_server
start_server --port 0 --timeout 1
exec {idle}<>"/dev/tcp/127.0.0.1/$port"
[ -z "$(timeout 60 cat <&"$idle")" ] || complain "an idle connection stays"
exec {idle}>&-
finish
