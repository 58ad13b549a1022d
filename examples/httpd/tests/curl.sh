#!/usr/bin/env bash
#
# What curl gets from httpd, and what comes of bytes that curl would not send: a transcript that has to be that of
# curl.txt.
#
#     bash curl.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=httpd.sh
. "$(dirname "$0")/httpd.sh"

mkdir "$www/folder" "$www/.git" "$work/secret"
echo '<a href="folder/">folder</a>' >"$www/index.html"
echo 'in the folder' >"$www/folder/index.html"
echo '0123456789' >"$www/digits.txt"
echo '{}' >"$www/folder/a b.json"
: >"$www/empty"
echo 'secret' | tee "$www/.git/config" "$work/secret/key" >"$work/secret.txt"
ln -s "$work/secret" "$www/link"
ln -s "$www/digits.txt" "$www/link.txt"
mkfifo "$www/fifo"
seq 1 200000 >"$www/numbers.txt"
find "$www" -type f -exec touch -d '2026-01-02 03:04:05 UTC' {} +

serve --head 4096 --body 100000
host=' HTTP/1.1\r\nHost: h\r\n'
end="$host\r\n"
chunks='Transfer-Encoding: chunked\r\n\r\n3;x=y\r\none\r\n3\r\ntwo\r\n0\r\nT: railer\r\n\r\n'
ahead="GET /digits.txt$end"                     # one after the other, an empty line in between
ahead+="POST /echo$host$chunks\r\n"
ahead+="HEAD /digits.txt$end"
ahead+="GET /nowhere${host}Connection: close\r\n\r\n"
ahead+="GET /$end"                              # not answered: the last one closed the connection

ask() # WHAT ARGUMENT..., the last one a path
{
    printf '\n== %s\n' "$1"
    curl -sS -i --path-as-is "${@:2:$#-2}" "$url${!#}" | steady
}

raw() # WHAT BYTES: all that comes until the server closes
{
    printf '\n== %s\n' "$1"
    printf '%b' "$2" | exchange | steady
}

status() # WHAT BYTES: the first line
{
    raw "$@" | sed -n '2,3p'
}

{
    ask "a folder is its index" ''
    ask "a folder without a slash" folder
    ask "an encoded name" 'folder/a%20b.json?query'
    ask "nothing in it" empty
    ask "not there" nowhere
    ask "head" -I digits.txt
    ask "head of what is not there" -I nowhere
    ask "post to a file" -d x digits.txt
    ask "status" status

    ask "range" -r 2-4 digits.txt
    ask "range to the end" -r 8- digits.txt
    ask "range of the last" -r -3 digits.txt
    ask "range beyond the end" -r 9-100 digits.txt
    ask "range that is longer than the file" -r -100 digits.txt
    ask "range outside" -r 11- digits.txt
    ask "range of nothing" -r -0 digits.txt
    ask "several ranges are all of it" -r 1-2,4-5 digits.txt
    ask "no range" -H 'Range: bytes=4-2' digits.txt
    ask "range of what has changed" -r 2-4 -H 'If-Range: Thu, 01 Jan 2026 00:00:00 GMT' digits.txt
    ask "range of what has not" -r 2-4 -H 'If-Range: Fri, 02 Jan 2026 03:04:05 GMT' digits.txt

    ask "modified since" -H 'If-Modified-Since: Fri, 02 Jan 2026 03:04:04 GMT' digits.txt
    ask "not modified since" -H 'If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT' digits.txt
    ask "nor later" -H 'If-Modified-Since: Sat, 03 Jan 2026 00:00:00 GMT' digits.txt
    ask "since when?" -H 'If-Modified-Since: yesterday' digits.txt

    ask "up" ../secret.txt
    ask "up, encoded" %2e%2e/secret.txt
    ask "up, all of it encoded" folder%2f%2E%2e%2f%2e%2e%2fsecret.txt
    ask "from the root" /etc/passwd
    ask "hidden" .git/config
    ask "a link" link.txt
    ask "below a link" link/key
    ask "a pipe" fifo
    ask "a zero in a name" digits.txt%00.html
    ask "half a code" 'digits.txt%4'
    ask "a long path" "$(printf '%02000d' 0)"

    ask "echo" -d 'some text' -H 'Content-Type: text/plain' echo
    ask "echo of nothing" -X POST echo
    ask "echo in chunks" -H 'Transfer-Encoding: chunked' -d 'in chunks' echo
    ask "echo after asking" -H 'Expect: 100-continue' --expect100-timeout 100 -d 'may I?' echo
    ask "get of echo" echo

    ask "a head that is too long" -H "X: $(printf '%05000d' 0)" digits.txt
    head -c 100001 /dev/zero >"$work/large"
    ask "a body that is too long" -H 'Expect:' --data-binary "@$work/large" echo
    ask "and in chunks" -H 'Expect:' --data-binary "@$work/large" -H 'Transfer-Encoding: chunked' echo

    raw "requests that are sent ahead" "$ahead"
    raw "HTTP/1.0" 'GET /digits.txt HTTP/1.0\r\n\r\n'
    raw "HTTP/1.0, kept" 'GET /digits.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /empty HTTP/1.0\r\n\r\n'
    raw "lines that end with a line feed" 'GET /digits.txt HTTP/1.1\nHost: h\nConnection: close\n\n'
    raw "a whole address" 'GET http://h/digits.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'

    status "no host" 'GET / HTTP/1.1\r\n\r\n'
    status "two hosts" 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'
    status "a folded header" 'GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n ,3-4\r\n\r\n'
    status "length and chunks" "POST /echo${host}Content-Length: 3\r\n$chunks"
    status "two lengths" 'POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'
    status "another coding" 'POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n'
    status "no size of a chunk" 'POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'
    status "no such version" 'GET / HTTP/2.0\r\nHost: h\r\n\r\n'
    status "no such method" 'GRAB / HTTP/1.1\r\nHost: h\r\n\r\n'
    status "a connection through" 'CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n'
    status "no HTTP" 'hello\r\n\r\n'
} >"$work/transcript"

diff -u "$(dirname "$0")/curl.txt" "$work/transcript" || complain "the transcript differs"

# What would not fit into a transcript.
curl -sS "${url}numbers.txt" | cmp - "$www/numbers.txt" || complain "a file of 1 MB differs"
curl -sS -r 70000-900000 "${url}numbers.txt" | cmp - <(tail -c +70001 "$www/numbers.txt" | head -c 830001) ||
    complain "a part of a file differs"
head -c 100000 "$www/numbers.txt" >"$work/fits"
curl -sS -H 'Expect:' --data-binary "@$work/fits" "${url}echo" | cmp - "$work/fits" || complain "what is echoed differs"
curl -sS -T - "${url}echo" <"$work/fits" | cmp - "$work/fits" || complain "what is echoed in chunks differs"
equal "connections of three requests" "$(curl -sS -o "$work/1" -o "$work/2" -o "$work/3" -w '%{num_connects} ' \
    "$url" "${url}nowhere" "${url}digits.txt")" '1 0 0 '

# The first reply must not wait for the rest of the second request.
connect
printf 'GET /digits.txt HTTP/1.1\r\nHost: h\r\n\r\nGET /emp' >&"$fd"
equal "reply before half a request" "$(read_reply "$fd" | tail -n 1)" 0123456789
printf 'ty HTTP/1.1\r\nHost: h\r\n\r\n' >&"$fd"
equal "reply to the other half" "$(read_reply "$fd" | head -n 1)" 'HTTP/1.1 200 OK'
hang_up "$fd"

stop httpd
