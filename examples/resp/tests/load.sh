#!/usr/bin/env bash
# shellcheck disable=SC2016 # the protocol has dollars of its own
#
# Fifty clients of redis-benchmark, one request at a time and sixteen: no errors, and all of it is counted.
# It never gives up on a server that is gone, so it has a limit of its own.
#
#     bash load.sh REQUESTS -- PROGRAM...

# shellcheck source-path=SCRIPTDIR source=resp.sh
. "$(dirname "$0")/resp.sh"
arguments requests resp
start_server resp "${resp[@]}" --port 0

for depth in 1 16; do
    timeout 100 redis-benchmark -h 127.0.0.1 -p "$port" -q -c 50 -n "$requests" -P "$depth" -t ping,set,get,incr \
        >"$work/said" 2>&1 || complain "redis-benchmark -P $depth ended with status $?"
    tr '\r' '\n' <"$work/said" | grep 'per second' || complain "redis-benchmark -P $depth measured nothing"
    if grep -i error "$work/said"; then
        complain "redis-benchmark -P $depth saw errors"
    fi
done
done=$(cli INFO | tr -d '\r' | sed -n 's/^total_commands_processed://p')
[ "$done" -ge $((2 * 5 * requests)) ] || complain "$done requests were done"
[ "$(cli GET counter:__rand_int__)" -ge $((2 * requests)) ] || complain "not all of INCR was done"
stop resp
