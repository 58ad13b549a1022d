#!/usr/bin/env bash
#
# Clients that are slow on purpose: httpd lets them go in time, and serves others meanwhile. And what it does when
# there are too many.
#
#     bash slow.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=httpd.sh
. "$(dirname "$0")/httpd.sh"

echo 'hello' >"$www/index.html"
truncate -s 64M "$www/large"

said() # DESCRIPTOR: the first line of a reply
{
    local line=''
    IFS= read -r -u "$1" line || :
    printf '%s' "${line%$'\r'}"
}

# Heads that never end.
serve --head-timeout 1
lorises=()
for _ in {1..20}; do
    connect
    printf 'GET / HTTP/1.1\r\nX: ' >&"$fd"
    lorises+=("$fd")
done
equal "hello among the slow" "$(curl -sS "$url")" hello
for fd in "${lorises[@]}"; do
    equal "half a head" "$(said "$fd")" 'HTTP/1.1 408 Request Timeout'
    hang_up "$fd"
done
stop httpd

# Nothing at all.
serve --idle-timeout 1
connect
ends "$fd"
stop httpd

# Half a body.
serve --body-timeout 1
connect
printf 'POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc' >&"$fd"
equal "half a body" "$(said "$fd")" 'HTTP/1.1 408 Request Timeout'
hang_up "$fd"
stop httpd

# One that asks for much and reads none of it.
serve --send-timeout 1
connect
printf 'GET /large HTTP/1.1\r\nHost: h\r\n\r\n' >&"$fd"
equal "begin of a reply" "$(said "$fd")" 'HTTP/1.1 200 OK'
eventually open_are 1
got=$(wc -c <&"$fd")
[ "$got" -gt 0 ] && [ "$got" -lt $((64 << 20)) ] || complain "$got bytes of 64 MiB for one that does not read"
hang_up "$fd"
stop httpd

# With a place left clients are kept; with none they are sent away after one request, and others wait until a place
# is free.
serve --connections 2
equal "alone" "$(curl -sS -o "$work/1" -o "$work/2" -w '%{num_connects} ' "$url" "$url")" '1 0 '
connect
one=$fd
printf 'GET / HTTP/1.1\r\nHost: h\r\n\r\n' >&"$one"
equal "kept" "$(read_reply "$one" | tail -n 1)" hello
equal "with another" "$(curl -sS -o "$work/1" -o "$work/2" -w '%{num_connects} ' "$url" "$url")" '1 1 '
connect
two=$fd
printf 'GET /status HTTP/1.1\r\n' >&"$two"
curl -sS -o "$work/3" "$url" &
third=$!
printf 'Host: h\r\n\r\n' >&"$two"
read_reply "$two" >"$work/status"
grep -q '"open": 2, "connections": 5,' "$work/status" || complain "with two of two: $(tail -n 1 "$work/status")"
grep -q 'Connection: close' "$work/status" || complain "kept though there is no place"
hang_up "$two"
wait "$third" || complain "the third was not served"
equal "the third" "$(cat "$work/3")" hello
hang_up "$one"
stop httpd
