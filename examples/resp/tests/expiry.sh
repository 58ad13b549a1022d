#!/usr/bin/env bash
# shellcheck disable=SC2016 # the protocol has dollars of its own
#
# Keys that go: when they are asked for, and by themselves. Nothing here depends on how fast the machine is.
#
#     bash expiry.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=resp.sh
. "$(dirname "$0")/resp.sh"
arguments resp
start_server resp "${resp[@]}" --port 0

between() # LEAST MOST COMMAND...
{
    local got
    got=$(cli "${@:3}")
    [ "$got" -ge "$1" ] && [ "$got" -le "$2" ] || complain "${*:3}: $got is not between $1 and $2"
}

is_gone() # KEY
{
    [ "$(cli EXISTS "$1")" = 0 ]
}

has() # COUNT of keys
{
    [ "$(cli DBSIZE)" = "$1" ]
}

says -2 TTL none
says -2 PTTL none
says OK SET k v
says -1 TTL k
says -1 PTTL k
says 0 PERSIST k
says 0 EXPIRE none 100
says 1 EXPIRE k 1000
between 900 1000 TTL k
between 900000 1000000 PTTL k
says 1 PEXPIRE k 2000000
between 1900 2000 TTL k
says 1 PERSIST k
says -1 TTL k
says OK SET k v EX 1000
between 900 1000 TTL k
says OK SET n 1 PX 1000000
says 2 INCR n
between 900 1000 TTL n
says OK SET k w
says -1 TTL k
says 'ERR value is not an integer or out of range' EXPIRE k x
says "ERR invalid expire time in 'expire' command" EXPIRE k 9999999999999
says "ERR invalid expire time in 'pexpire' command" PEXPIRE k 9223372036854775807
says 1 EXPIRE k -1
says 0 EXISTS k
says OK SET k v PX 20
eventually is_gone k
says '' GET k
says OK SET k v NX
says v GET k

# Nobody asks for these, and they go all the same: the sweep finds them, and leaves the others.
says OK FLUSHALL
for ((i = 0; i < 3000; i++)); do
    printf 'SET mortal:%d x PX 1\r\nSET other:%d x EX 10000\r\nSET stays:%d x\r\n' "$i" "$i" "$i"
done | cli --pipe | grep -q 'errors: 0, replies: 9000' || complain "not all could be set"
eventually has 6000
says 1 EXISTS other:17
says 1 EXISTS stays:2999
stop resp
