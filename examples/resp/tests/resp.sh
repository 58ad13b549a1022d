# shellcheck shell=bash
#
# What the tests of resp share beside examples/tests/servers.sh: to ask by redis-cli, and by bytes.

# shellcheck source-path=SCRIPTDIR source=../../tests/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../tests/servers.sh"

cli()
{
    redis-cli -h 127.0.0.1 -p "$port" "$@"
}

# says EXPECTED COMMAND...: what redis-cli makes of the reply.
says()
{
    equal "${*:2}" "$(cli "${@:2}" 2>&1 || :)" "$1"
}

# replies EXPECTED SENT: both as printf(1) takes them.
replies()
{
    printf '%b' "$2" | exchange >"$work/got"
    printf '%b' "$1" | cmp -s - "$work/got" ||
        complain "$(printf 'sent %s, got %q instead of %s' "$2" "$(head -c 1000 "$work/got")" "$1")"
}
