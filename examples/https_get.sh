# https_get fetches from a server of OpenSSL whose certificate the test has made and trusts. It refuses one that nobody trusted has signed
# and one for another host, says so, and gives up on a server that does not answer.
#
#     bash https_get.sh PROGRAM...
set -eu
. "$(dirname "$0")/servers.sh"

certificate() # NAME SUBJECT-ALTERNATIVE-NAME
{
    openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=$1" -addext "subjectAltName=$2" -days 2 \
        -keyout "$work/$1.key" -out "$work/$1.pem" 2>"$work/openssl.err" || fail "no certificate"
}
set -- "$@" --timeout 600 # for all but one
certificate name DNS:localhost
certificate address IP:127.0.0.1

serve() # NAME
{
    start "$1" openssl s_server -accept 127.0.0.1:0 -key "$work/$1.key" -cert "$work/$1.pem" -www
    await "$pid" '^ACCEPT .*:[0-9]+$' "$work/$1.out"
    port=$(sed -n 's/^ACCEPT .*://p' "$work/$1.out")
}

refuses() # REASON COMMAND...
{
    local reason=$1 status=0
    shift
    "$@" >"$work/page.out" 2>"$work/page.err" || status=$?
    [ "$status" -eq 1 ] || fail "status $status instead of 1 of: $*"
    grep -q -- "$reason" "$work/page.err" || fail "refuses for another reason than: $reason"
    [ ! -s "$work/page.out" ] || fail "prints what it must not trust"
}

serve name
"$@" --ca "$work/name.pem" "https://localhost:$port/" >"$work/page.out" 2>"$work/page.err" || fail "no page"
head -n 1 "$work/page.out" | grep -q '^HTTP/1.0 200 ' || fail "no answer of HTTP"
grep -q '</BODY>' "$work/page.out" || fail "not all of the page"
refuses 'self-signed certificate' "$@" --ca "$work/address.pem" "https://localhost:$port/"
refuses 'self-signed certificate' "$@" "https://localhost:$port/" # nor does the system trust it
refuses 'IP address mismatch' "$@" --ca "$work/name.pem" "https://127.0.0.1:$port/"

serve address
"$@" --ca "$work/address.pem" "https://127.0.0.1:$port" >"$work/page.out" || fail "no page by address"
refuses 'hostname mismatch' "$@" --ca "$work/address.pem" "https://localhost:$port/"

# A server that takes the connection, and no more: stopped, so the system alone answers.
kill -STOP "$pid"
refuses 'the deadline has passed' "$@" --ca "$work/address.pem" --timeout 1 "https://127.0.0.1:$port/"

refuses 'refused' "$@" --ca "$work/address.pem" https://127.0.0.1:1/
for url in http://localhost/ https:///path https://:443/ https://[::1/ https://localhost:/; do
    status=0
    "$@" "$url" >"$work/usage.out" 2>&1 || status=$?
    [ "$status" -eq 2 ] || fail "status $status instead of 2 of $url"
done
