# shellcheck shell=bash
#
# What the tests of httpd share beside examples/tests/servers.sh. $www is the folder that is served, $url where.

# shellcheck source-path=SCRIPTDIR source=../../tests/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../tests/servers.sh"
arguments httpd
www=$work/www
mkdir "$www"

serve() # OPTION...; patient as far as they do not say otherwise
{
    start_server httpd "${httpd[@]}" --port 0 --idle-timeout 600 --head-timeout 600 --body-timeout 600 --send-timeout 600 \
        "$@" "$www"
    url=http://127.0.0.1:$port/
}

# Without what differs from run to run.
steady()
{
    tr -d '\r' | sed -e '/^Date: /d' -e 's/"uptime_s": [0-9.]*/"uptime_s": N/'
}

# One reply with a length, from a connection that stays open.
read_reply() # DESCRIPTOR
{
    local line length=0 body
    while IFS= read -r -u "$1" line && line=${line%$'\r'} && [ -n "$line" ]; do
        printf '%s\n' "$line"
        [[ $line != Content-Length:* ]] || length=${line#*: }
    done
    IFS= read -r -u "$1" -N "$length" body
    printf '\n%s' "$body"
}

open_are() # NUMBER of connections, that of the question included
{
    curl -s "${url}status" | grep -q "\"open\": $1,"
}

last_words_are() # LINES, after that where it listens
{
    equal "last words" "$(tail -n +2 "$work/httpd.out")" "$1"
}
