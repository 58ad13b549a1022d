#!/usr/bin/env bash
#
# hangs hangs, and the dump that SIGUSR1 asks for is enough to say why: the worker waits to receive from a channel, at the line of the
# receive, for as long as the program hangs; the parser, who would send, is gone; main waits for the worker; the clock is not to blame.
#
#     bash hangs.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=servers.sh
. "$(dirname "$0")/servers.sh"

source=$(dirname "$0")/../hangs.c
line_of() # TEXT
{
    grep -Fn -- "$1" "$source" | cut -d: -f1
}

dumped() # the whole of it is there
{
    grep -q "'clock' (#" "$work/hangs.err" && grep -q "'worker' (#" "$work/hangs.err"
}

says() # REGEX, a whole line
{
    grep -Eqx -- "$1" "$work/hangs.err" || complain "not said: $1"
}

start hangs "${given[@]}"
await hangs '^all requests are read$'
sleep 0.3
kill -USR1 "${pids[hangs]}"
eventually dumped

stack='has used [0-9]+ of [0-9]+ bytes of stack'
waits='[0-9]+\.[0-9]{3} s'
says "libcoro: scheduler 1 of thread [0-9]+: 3 tasks: 0 running, [01] ready, [23] waiting"
says "  1 task waiting to receive from a channel, at .*hangs\.c:$(line_of 'coro_chan_recv('), created at .*hangs\.c:$(line_of '&worker, work')"
says "      'worker' \(#[0-9.]+\), since $waits, $stack"
says "  1 task waiting for a task to end, at .*hangs\.c:$(line_of 'coro_join(worker'), created at .*hangs\.c:$(line_of 'coro_run(run')"
says "      'main' \(#[0-9.]+\), since $waits, on 'worker' \(#[0-9.]+\), $stack"
says "      'clock' \(#[0-9.]+\)(, since 0\.[0-9]{3} s)?, $stack"
! grep -q parser "$work/hangs.err" || complain "the parser is there"

# The worker has waited since before the sleep; by more than a tick.
since=$(sed -nE "s/^      'worker' .*, since ([0-9]+)\.([0-9]{3}) s,.*/\1\2/p" "$work/hangs.err")
[ "$((10#$since))" -ge 250 ] || complain "the worker waits since $since ms only"

# This would be seen to fail.
sed -i "s/to receive from a channel, at/to receive from a channel/" "$work/hangs.err"
if (says "  1 task waiting to receive from a channel, at .*" && [ "$failed" -eq 0 ]) 2>/dev/null; then
    complain 'a dump without the line passes as well'
fi

kill -KILL "${pids[hangs]}"
wait "${pids[hangs]}" 2>/dev/null || :
unset "pids[hangs]"
