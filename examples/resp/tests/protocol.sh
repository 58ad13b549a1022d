#!/usr/bin/env bash
# shellcheck disable=SC2016 # the protocol has dollars of its own
#
# The protocol, byte by byte: pipelines, lines, what comes in parts, what is long, and what is wrong.
#
#     bash protocol.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=resp.sh
. "$(dirname "$0")/resp.sh"
arguments resp
start_server resp "${resp[@]}" --port 0

quit='*1\r\n$4\r\nQUIT\r\n'
bye='+OK\r\n'

# Together, and lines among arrays.
replies "+PONG\r\n+OK\r\n\$1\r\n1\r\n:2\r\n$bye" \
    "PING\r\n*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$1\r\n1\r\nGET k\n*2\r\n\$4\r\nincr\r\n\$1\r\nk\r\n$quit"
replies "$bye" "\r\n\n  \r\n*0\r\n*-1\r\n$quit"
replies "$bye" "QUIT\r\nPING\r\n"

# Quotes in lines.
replies '$3\r\na b\r\n$3\r\na"b\r\n$3\r\na\x27b\r\n$5\r\n\n\r\t\b\a\r\n$1\r\nA\r\n$0\r\n\r\n'"$bye" \
    'ECHO "a b"\r\nECHO "a\\"b"\r\nECHO \x27a\\\x27b\x27\r\nECHO "\\n\\r\\t\\b\\a"\r\nECHO "\\x41"\r\nECHO ""\r\nQUIT\r\n'
replies '-ERR Protocol error: unbalanced quotes in request\r\n' 'ECHO "a\r\n'
replies '-ERR Protocol error: unbalanced quotes in request\r\n' 'ECHO "a"b\r\n'

# Wrong: what came before is answered, and the connection ends.
for wrong in '*x|invalid multibulk length' '*1048577|invalid multibulk length' '*99999999999999999999|invalid multibulk length' \
    '*1\r\n$-1|invalid bulk length' '*1\r\n$536870913|invalid bulk length' '*1\r\n$x|invalid bulk length' \
    "*1\r\n:5|expected '\$', got ':'" "*1\r\nPING|expected '\$', got 'P'" '*1\r\n$4\r\nPINGPING|expected CRLF after a bulk string'; do
    replies "+PONG\r\n-ERR Protocol error: ${wrong#*|}\r\n" "PING\r\n${wrong%|*}\r\n"
done
{
    for long in '' '*' '*1\r\n$'; do
        printf '%b' "$long" >"$work/long"
        head -c 70000 /dev/zero | tr '\0' 1 >>"$work/long"
        exchange <"$work/long"
    done
} >"$work/got"
printf -- '-ERR Protocol error: too big %s\r\n' 'inline request' 'mbulk count string' 'bulk count string' | cmp - "$work/got" ||
    complain "of lines that are too long: $(cat "$work/got")"
replies "-ERR unknown command 'a  b', with args beginning with: 'c  ' \r\n$bye" \
    "*2\r\n\$4\r\na\r\nb\r\n\$3\r\nc\r\n\r\n$quit"

# Replies are not lost where the connection ends with input that nobody will read: they are on their way while the client says more.
head -c 50000 /dev/zero | tr '\0' x | cli -x SET long >/dev/null
{
    for ((i = 0; i < 30; i++)); do
        printf 'GET long\r\n'
    done
    printf '*x\r\n'
    head -c 100000 /dev/zero | tr '\0' x
} >"$work/request"
connect
cat "$work/request" >&"$fd"
sleep 0.3 # a server that ended the connection too early has done so by now
cat <&"$fd" >"$work/got" || :
hang_up "$fd"
size=$((30 * (8 + 50000 + 2) + $(printf -- '-ERR Protocol error: invalid multibulk length\r\n' | wc -c)))
equal "bytes of the replies" "$(stat -c %s "$work/got")" "$size"

# In parts: a request may end anywhere.
request='*3\r\n$3\r\nSET\r\n$5\r\nparts\r\n$2\r\nok\r\n*2\r\n$3\r\nGET\r\n$5\r\nparts\r\n'
printf '%b' "$request" >"$work/request"
connect
for ((at = 0; at < $(stat -c %s "$work/request"); at++)); do
    tail -c +$((at + 1)) "$work/request" | head -c 1 >&"$fd"
done
printf '%b' "$quit" >&"$fd"
cat <&"$fd" >"$work/got"
hang_up "$fd"
printf '+OK\r\n$2\r\nok\r\n+OK\r\n' | cmp - "$work/got" || complain "a request in parts: $(cat "$work/got")"

# Any bytes, and more than 1 MiB of them; twice in one pipeline, among short ones.
head -c 1200000 /dev/urandom >"$work/value"
{
    printf '*3\r\n$3\r\nSET\r\n$6\r\nb\0g\r\nX\r\n$1200000\r\n'
    cat "$work/value"
    printf '\r\nPING\r\n*2\r\n$3\r\nGET\r\n$6\r\nb\0g\r\nX\r\n*2\r\n$4\r\nECHO\r\n$1200000\r\n'
    cat "$work/value"
    printf '\r\n%b' "$quit"
} | exchange >"$work/got"
{
    printf '+OK\r\n+PONG\r\n$1200000\r\n'
    cat "$work/value"
    printf '\r\n$1200000\r\n'
    cat "$work/value"
    printf '\r\n+OK\r\n'
} | cmp - "$work/got" || complain "a long value came back otherwise"
cli -x SET big <"$work/value" >/dev/null
cli GET big | head -c 1200000 | cmp - "$work/value" || complain "a long value came back otherwise by redis-cli"
replies '-ERR Protocol error: expected CRLF after a bulk string\r\n' "*1\r\n\$70000\r\n$(head -c 70002 /dev/zero | tr '\0' x)"

# Many arguments, more than are buffered.
{
    printf '*20001\r\n$3\r\nDEL\r\n'
    for ((i = 0; i < 20000; i++)); do
        printf '$9\r\nkey:%05d\r\n' "$i"
    done
    printf '%b' "$quit"
} >"$work/request"
cli SET key:00000 x >/dev/null
cli SET key:19999 x >/dev/null
exchange <"$work/request" >"$work/got"
printf ':2\r\n+OK\r\n' | cmp - "$work/got" || complain "20,000 arguments: $(head -c 100 "$work/got")"

# Thousands of requests at once.
for ((i = 0; i < 5000; i++)); do
    printf '*3\r\n$3\r\nSET\r\n$9\r\nkey:%05d\r\n$5\r\n%05d\r\n' "$i" "$i"
done | cli --pipe >"$work/got"
grep -q 'errors: 0, replies: 5000' "$work/got" || complain "$(cat "$work/got")"
says 01234 GET key:01234

# A check that cannot fail is none.
(
    failed=0
    replies '+PONK\r\n' 'PING\r\nQUIT\r\n' 2>/dev/null
    [ "$failed" -eq 1 ]
) || complain "wrong bytes pass"
stop resp
