# How httpd stops: a download in flight ends whole, connections without a request are closed, nobody is accepted any
# more, and the status is 0. Who takes longer than the grace period is cut off.
#
#     bash httpd_stop.sh PROGRAM...
# shellcheck source=httpd_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/httpd_lib.sh"

size=$((64 << 20)) # more than sockets hold
truncate -s "$size" "$www/large"
echo 'hello' >"$www/index.html"

download()
{
    connect
    printf 'GET /large HTTP/1.1\r\nHost: h\r\n\r\n' >&"$fd"
    IFS= read -r -u "$fd" line
    equal "begin of the download" "$line" $'HTTP/1.1 200 OK\r'
}

start --grace 1000 --send-timeout 1000 --idle-timeout 1000 # for ever: what does not end by itself is a failure
connect
idle=$fd
printf 'GET / HTTP/1.1\r\nHost: h\r\n\r\n' >&"$idle"
equal "before" "$(read_reply "$idle" | tail -n 1)" hello
connect
untouched=$fd
download
kill -TERM "$pid"
equal "a connection without a request" "$(cat <&"$idle")" ''
equal "one that never had one" "$(cat <&"$untouched")" ''
if (connect) 2>/dev/null; then
    problem "a new connection is not refused"
fi
kill -0 "$pid" || problem "the server has not waited for the download"
while IFS= read -r -u "$fd" line && [ "$line" != $'\r' ]; do :; done
equal "bytes of the download" "$(wc -c <&"$fd")" "$size"
hang_up "$fd"
hang_up "$idle"
hang_up "$untouched"
wait_for_end
equal "last words" "$(tail -n +2 "$work/printed")" 'httpd: 2 requests on 3 connections'

start --grace 1
download
stop INT
equal "last words" "$(tail -n +2 "$work/printed")" 'httpd: cutting off 1
httpd: 1 requests on 1 connections'
hang_up "$fd"
finish
