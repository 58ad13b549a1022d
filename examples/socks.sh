# socks connects nc and curl to where they want to go, by number and by name, and carries what they say unchanged, the ends of both halves
# included. What it cannot do it answers as RFC 1928 says. It hangs up where nothing goes, and ends by a signal with a tunnel open.
#
#     bash socks.sh ECHO... -- PROGRAM...
set -eu
. "$(dirname "$0")/servers.sh"

echo=()
while [ "$1" != -- ]; do
    echo+=("$1")
    shift
done
shift

start socks "$@" --port 0
socks_pid=$pid
await_port "$pid" socks
proxy=127.0.0.1:$port
start echo "${echo[@]}" --port 0 --idle 600
await_port "$pid" echo
echo_port=$port

head -c 1048576 /dev/urandom >"$work/sent"
through() # HOST PORT
{
    timeout 120 nc -N -X 5 -x "$proxy" "$1" "$2" <"$work/sent" >"$work/got" || fail "nc to $1"
    cmp "$work/sent" "$work/got" || fail "changed on the way to $1 and back"
}
through 127.0.0.1 "$echo_port"
through localhost "$echo_port"
if grep -q ' lo$' /proc/net/if_inet6 2>/dev/null; then
    start echo6 "${echo[@]}" --host ::1 --port 0 --idle 600
    await_port "$pid" echo6
    through ::1 "$port"
fi

# A page by curl, of a server that hangs up at its end.
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/openssl.err" || fail "no certificate"
cd "$work"
start https openssl s_server -accept 127.0.0.1:0 -key key.pem -cert cert.pem -WWW -http_server_binmode
await "$pid" '^ACCEPT .*:[0-9]+$' https.out
https_port=$(sed -n 's/^ACCEPT .*://p' https.out)
curl --silent --show-error --socks5-hostname "$proxy" --cacert cert.pem --http1.0 --output got \
    "https://localhost:$https_port/sent" || fail "curl"
cmp sent got || fail "curl got something else"
cd - >/dev/null

# Nobody is there.
status=0
curl --silent --show-error --socks5 "$proxy" http://127.0.0.1:1/ 2>"$work/curl.err" || status=$?
[ "$status" -eq 97 ] || fail "curl ended with status $status instead of 97"
grep -q '(5)' "$work/curl.err" || fail "not answered: connection refused"

answers() # BYTES EXPECTED, in the notation of printf and in hexadecimal
{
    local answer
    # shellcheck disable=SC2059 # the bytes are the format
    answer=$(printf "$1" | nc -N "${proxy%:*}" "${proxy#*:}" | od -An -v -tx1 | tr -d ' \n')
    [ "$answer" = "$2" ] || fail "of $1: answered $answer instead of $2"
}
answers 'GET / HTTP/1.0\r\n\r\n' ''
answers '\5\1\2' 05ff                                                # a password: not offered
answers '\5\1\0\5\2\0\1\177\0\0\1\0\1' 050005070001000000000000      # BIND
answers '\5\1\0\5\1\0\11' 050005080001000000000000                   # an address of type 9
answers '\5\1\0\5\1\0\3\3a\0b\0\1' 050005010001000000000000          # a name with a zero in it
answers '\5\1\0\5\1\0\1\177' 0500                                    # half a request

tunnel() # to the server that echoes, as descriptor 3 of a connection to $proxy
{
    local reply
    exec 3<>"/dev/tcp/${proxy%:*}/${proxy#*:}"
    # shellcheck disable=SC2059
    printf "\5\1\0\5\1\0\1\177\0\0\1$(printf '\\x%02x\\x%02x' $((echo_port >> 8)) $((echo_port & 255)))" >&3
    reply=$(head -c 12 <&3 | od -An -v -tx1 | tr -d ' \n')
    [ "$reply" = 050005000001000000000000 ] || fail "no tunnel: $reply"
}
tunnel
stop "$socks_pid" TERM
ends 3
exec 3>&-

start impatient "$@" --port 0 --idle 1
await_port "$pid" impatient
proxy=127.0.0.1:$port
tunnel
ends 3
exec 3>&-
stop "$pid" TERM
