#!/usr/bin/env bash
#
# wrk asks httpd for a file for 2 s over 64 connections, longer where a tool makes the server slow: every reply is as
# it should be, and the server has counted at least as many.
#
#     bash wrk.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=httpd.sh
. "$(dirname "$0")/httpd.sh"

seq 1 300 >"$www/numbers.txt"
serve
for path in numbers.txt status; do
    for seconds in 2 10 30; do
        wrk -t 1 -c 64 -d "${seconds}s" --timeout 100s "$url$path" >"$work/wrk" || complain "wrk ended with $?"
        cat "$work/wrk"
        ! grep -E 'Socket errors|Non-2xx' "$work/wrk" || complain "$path: not all replies were well"
        requests=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$work/wrk")
        [ "${requests:-0}" -lt 64 ] || break
    done
    [ "${requests:-0}" -ge 64 ] || complain "$path: ${requests:-no} requests"
done
stop httpd
counted=$(sed -n 's/^httpd: \([0-9]*\) requests on \([0-9]*\) connections$/\1 \2/p' "$work/httpd.out")
[ "${counted% *}" -ge "$requests" ] || complain "requests that were counted: ${counted% *}"
[ "${counted#* }" -ge 128 ] || complain "connections that were counted: ${counted#* }"
