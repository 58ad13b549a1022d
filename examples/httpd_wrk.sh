# wrk asks httpd for a file for 2 s over 64 connections, longer where a tool makes the server slow: every reply is as
# it should be, and the server has counted at least as many.
#
#     bash httpd_wrk.sh PROGRAM...
# shellcheck source=httpd_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/httpd_lib.sh"

seq 1 300 >"$www/numbers.txt"
start
for path in numbers.txt status; do
    for seconds in 2 10 30; do
        wrk -t 1 -c 64 -d "${seconds}s" --timeout 100s "$url$path" >"$work/wrk" || problem "wrk ended with $?"
        cat "$work/wrk"
        ! grep -E 'Socket errors|Non-2xx' "$work/wrk" || problem "$path: not all replies were well"
        requests=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$work/wrk")
        [ "${requests:-0}" -lt 64 ] || break
    done
    [ "${requests:-0}" -ge 64 ] || problem "$path: ${requests:-no} requests"
done
stop
counted=$(sed -n 's/^httpd: \([0-9]*\) requests on \([0-9]*\) connections$/\1 \2/p' "$work/printed")
[ "${counted% *}" -ge "$requests" ] || problem "requests that were counted: ${counted% *}"
[ "${counted#* }" -ge 128 ] || problem "connections that were counted: ${counted#* }"
finish
