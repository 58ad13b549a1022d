#!/usr/bin/env bash
#
# How httpd stops: a download in flight ends whole, connections without a request are closed, nobody is accepted any
# more, and the status is 0. Who takes longer than the grace period is cut off.
#
#     bash stop.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=httpd.sh
. "$(dirname "$0")/httpd.sh"

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

serve --grace 1000 # for ever: what does not end by itself is a failure
connect
idle=$fd
printf 'GET / HTTP/1.1\r\nHost: h\r\n\r\n' >&"$idle"
equal "before" "$(read_reply "$idle" | tail -n 1)" hello
connect
untouched=$fd
download
kill -TERM "${pids[httpd]}"
ends "$idle"
ends "$untouched"
if (connect) 2>/dev/null; then
    complain "a new connection is not refused"
fi
kill -0 "${pids[httpd]}" || complain "the server has not waited for the download"
while IFS= read -r -u "$fd" line && [ "$line" != $'\r' ]; do :; done
equal "bytes of the download" "$(wc -c <&"$fd")" "$size"
hang_up "$fd"
await_end httpd
last_words_are 'httpd: 2 requests on 3 connections'

serve --grace 1
download
stop httpd INT
last_words_are 'httpd: cutting off 1
httpd: 1 requests on 1 connections'
hang_up "$fd"
