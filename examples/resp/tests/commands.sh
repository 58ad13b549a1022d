#!/usr/bin/env bash
# shellcheck disable=SC2016 # the protocol has dollars of its own
#
# Every command, by redis-cli, and what is wrong about it. The messages are those of Redis 7.
#
#     bash commands.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=resp.sh
. "$(dirname "$0")/resp.sh"
arguments resp
start_server resp "${resp[@]}" --port 0

integer='ERR value is not an integer or out of range'
arity() # COMMAND
{
    echo "ERR wrong number of arguments for '$1' command"
}

says PONG PING
says hello PING hello
says "$(arity ping)" PING a b
says 'x y' ECHO 'x y'
says "$(arity echo)" ECHO
says OK SELECT 0
says 'ERR DB index is out of range' SELECT 99
says "$integer" SELECT x

says '' GET a
says OK SET a 1
says 1 GET a
says 1 get a
says "$(arity get)" GET
says "$(arity set)" SET a
says '' SET a 2 NX
says '' SET b 2 XX
says OK SET b 1 NX
says OK SET b 2 XX
says 2 GET b
says OK SET a 1 PX 1000000 XX
for options in 'XX NX' EX 'EX 10 PX 10' NONSENSE; do
    # shellcheck disable=SC2086 # they are to be split
    says 'ERR syntax error' SET c 2 $options
done
says "$integer" SET c 2 EX x
for options in 'EX 0' 'PX -1' 'EX 99999999999999999'; do
    # shellcheck disable=SC2086
    says "ERR invalid expire time in 'set' command" SET c 2 $options
done
says 0 EXISTS c

says 3 EXISTS a b a none
says 2 DEL a b none
says 0 EXISTS a b
says "$(arity del)" DEL
says 1 INCR n
says 0 DECR n
says -1 DECR n
says 41 INCRBY n 42
says 41 GET n
says 9223372036854775807 INCRBY n 9223372036854775766
says 'ERR increment or decrement would overflow' INCR n
says 9223372036854775807 GET n
says OK SET n -9223372036854775808
says 'ERR increment or decrement would overflow' DECR n
says "$integer" INCRBY n 9223372036854775808
says "$integer" INCRBY n 1.5
for text in '' 01 ' 1' +1 -0 1x -; do
    says OK SET s "$text"
    says "$integer" INCR s
done

says 2 DBSIZE
says OK FLUSHALL
says 0 DBSIZE
says OK FLUSHALL ASYNC
says 'ERR syntax error' FLUSHALL NONSENSE
says '' CONFIG GET nonsense
says save CONFIG GET save
says $'appendonly\nno' CONFIG GET appendonly
says "ERR unknown command 'FOO', with args beginning with: 'a' 'b c' " FOO a 'b c'
says "ERR unknown command 'FLUSHALLL', with args beginning with: " FLUSHALLL
says OK QUIT
says 21 COMMAND COUNT
says '' COMMAND
cli INFO | tr -d '\r' | grep -qx 'connected_clients:1' || complain "INFO does not count clients"

# A check that cannot fail is none.
(
    failed=0
    says PONK PING 2>/dev/null
    [ "$failed" -eq 1 ]
) || complain "a wrong reply passes"
stop resp
