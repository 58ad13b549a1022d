#!/usr/bin/env bash
#
# socks connects nc and curl to where they want to go, by number and by name, and carries what they say unchanged, the
# ends of both halves included. What it cannot do it answers as RFC 1928 says. It hangs up where nothing goes, and
# ends by a signal with a tunnel open.
#
#     bash socks.sh ECHO... -- PROGRAM...

# shellcheck source-path=SCRIPTDIR source=servers.sh
. "$(dirname "$0")/servers.sh"
arguments echo socks
start_server echo "${echo[@]}" --port 0 --idle 600
echo_port=$port
start_server socks "${socks[@]}" --port 0
proxy_port=$port
proxy=127.0.0.1:$proxy_port

head -c 1048576 /dev/urandom >"$work/sent"
through() # HOST PORT
{
    nc -N -X 5 -x "$proxy" "$1" "$2" <"$work/sent" >"$work/got" || fail "nc to $1"
    cmp "$work/sent" "$work/got" || complain "changed on the way to $1 and back"
}
through 127.0.0.1 "$echo_port"
through localhost "$echo_port"
if grep -q ' lo$' /proc/net/if_inet6 2>/dev/null; then
    start_server echo6 "${echo[@]}" --host ::1 --port 0 --idle 600
    through ::1 "$port"
    stop echo6
fi

# A page by curl, of a server that hangs up at its end.
certificate localhost DNS:localhost
cd "$work"
start_server https openssl s_server -accept 127.0.0.1:0 -key localhost.key -cert localhost.pem -WWW -http_server_binmode
curl --silent --show-error --socks5-hostname "$proxy" --cacert localhost.pem --http1.0 --output got \
    "https://localhost:$port/sent" || fail "curl"
cmp sent got || complain "curl got something else"
cd - >/dev/null

# Nobody is there.
status=0
curl --silent --show-error --socks5 "$proxy" http://127.0.0.1:1/ 2>"$work/curl.err" || status=$?
equal "status of curl" "$status" 97
grep -q '(5)' "$work/curl.err" || complain "not answered: connection refused"

port=$proxy_port
hex()
{
    od -An -v -tx1 | tr -d ' \n'
}
answers() # BYTES EXPECTED, in the notation of printf and in hexadecimal
{
    equal "answer to $1" "$(printf '%b' "$1" | nc -N 127.0.0.1 "$port" | hex)" "$2"
}
answers 'GET / HTTP/1.0\r\n\r\n' ''
answers '\x05\x01\x02' 05ff                                                       # a password: not offered
answers '\x05\x01\x00\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x01' 050005070001000000000000 # BIND
answers '\x05\x01\x00\x05\x01\x00\x09' 050005080001000000000000                   # an address of type 9
answers '\x05\x01\x00\x05\x01\x00\x03\x03a\x00b\x00\x01' 050005010001000000000000 # a name with a zero in it
answers '\x05\x01\x00\x05\x01\x00\x01\x7f' 0500                                   # half a request

tunnel() # to the server that echoes
{
    local number
    number=$(printf '\\x%02x\\x%02x' $((echo_port >> 8)) $((echo_port & 255)))
    connect
    printf '%b' "\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01$number" >&"$fd"
    equal "answer to a tunnel" "$(head -c 12 <&"$fd" | hex)" 050005000001000000000000
}
tunnel
stop socks
ends "$fd"

start_server socks "${socks[@]}" --port 0 --idle 1
tunnel
ends "$fd"
stop socks
stop echo
