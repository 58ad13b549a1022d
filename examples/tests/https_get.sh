#!/usr/bin/env bash
#
# https_get fetches from a server of OpenSSL whose certificate the test has made and trusts. It refuses one that
# nobody trusted has signed and one for another host, says so, and gives up on a server that does not answer.
#
#     bash https_get.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=servers.sh
. "$(dirname "$0")/servers.sh"
arguments https_get
https_get+=(--timeout 600) # for all but one
certificate localhost DNS:localhost
certificate address IP:127.0.0.1

serve() # NAME of its certificate
{
    start_server "$1" openssl s_server -accept 127.0.0.1:0 -key "$work/$1.key" -cert "$work/$1.pem" -www
}

refuses() # REASON ARGUMENT...
{
    local reason=$1 status=0
    "${https_get[@]}" "${@:2}" >"$work/page.out" 2>"$work/page.err" || status=$?
    equal "status of: $*" "$status" 1
    grep -q -- "$reason" "$work/page.err" || complain "refuses for another reason than: $reason"
    [ ! -s "$work/page.out" ] || complain "prints what it must not trust"
}

serve localhost
"${https_get[@]}" --ca "$work/localhost.pem" "https://localhost:$port/" >"$work/page.out" || fail "no page"
head -n 1 "$work/page.out" | grep -q '^HTTP/1.0 200 ' || fail "no answer of HTTP"
grep -q '</BODY>' "$work/page.out" || fail "not all of the page"
refuses 'self-signed certificate' --ca "$work/address.pem" "https://localhost:$port/"
refuses 'self-signed certificate' "https://localhost:$port/" # nor does the system trust it
refuses 'IP address mismatch' --ca "$work/localhost.pem" "https://127.0.0.1:$port/"

serve address
"${https_get[@]}" --ca "$work/address.pem" "https://127.0.0.1:$port" >"$work/page.out" || fail "no page by address"
refuses 'hostname mismatch' --ca "$work/address.pem" "https://localhost:$port/"

# A server that takes the connection, and no more: stopped, so the system alone answers.
kill -STOP "${pids[address]}"
refuses 'the deadline has passed' --ca "$work/address.pem" --timeout 1 "https://127.0.0.1:$port/"

refuses 'refused' --ca "$work/address.pem" https://127.0.0.1:1/
for url in http://localhost/ https:///path https://:443/ https://[::1/ https://localhost:/; do
    status=0
    "${https_get[@]}" "$url" >"$work/usage.out" 2>&1 || status=$?
    equal "status of $url" "$status" 2
done
