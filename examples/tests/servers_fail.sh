#!/usr/bin/env bash
#
# Tests of servers can fail: where something hangs, servers.sh ends the script and says where; it sees servers that do
# not start or do not end well, and a complaint is not forgotten. Nothing goes on running.
#
#     bash servers_fail.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
export scratch
trap 'rm -rf "$scratch"' EXIT

fails() # REGEX LINE...: a script of these lines, from the second on, fails and says so
{
    local status=0
    printf '%s\n' ". '$here/servers.sh'" "${@:2}" >"$scratch/script.sh"
    CORO_TEST_LIMIT=3 bash "$scratch/script.sh" >"$scratch/said" 2>&1 || status=$?
    if [ "$status" -eq 0 ] || ! grep -Eq "$1" "$scratch/said"; then
        printf 'status %s, and does not say: %s\n' "$status" "$1"
        cat "$scratch/said"
        exit 1
    fi
}

# shellcheck disable=SC2016 # for the script to expand
hangs='start_server it sh -c "echo listening on nowhere:1; exec sleep 1000"
echo "${pids[it]}" >"$scratch/pid"'
fails '^script.sh:4: not over after 3 s: .*' "$hangs" 'await it never'
grep -qx 'listening on nowhere:1' "$scratch/said" || { echo 'does not show what it printed'; exit 1; }
! kill -0 "$(cat "$scratch/pid")" 2>/dev/null || { echo 'leaves it running'; exit 1; }

fails '^script.sh:2: it ended before it printed: ' 'start_server it false'
fails '^script.sh:3: it ended with status 3; ' 'start it sh -c "exit 3"' 'await_end it'
fails '^script.sh:3: it ended with status 0; trouble$' 'start it sh -c "echo trouble >&2"' 'await_end it'
fails "^script.sh:2: what: 'a' instead of 'b'\$" 'equal what a b' 'true'
fails '^script.sh:2: ended by: false$' 'false' 'true'
