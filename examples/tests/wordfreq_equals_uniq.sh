#!/bin/sh
# wordfreq_equals_uniq.sh SOURCE_DIR COMMAND...: wordfreq must print what the shell's own tools find.
set -eu
source=$1
shift

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A word longer than the reader's chunks, and one that goes on from the end of a file into the next.
head -c 200000 /dev/zero | tr '\0' 'x' >"$work/long"
printf 'the first half and the sec' >"$work/first"
printf 'OND half' >"$work/second"

set -- "$@" -n 0 -s -- "$source/LICENSE" "$source"/include/coro/*.h "$work/first" "$work/second" "$work/long"
"$@" >"$work/wordfreq"

while [ "$1" != -- ]; do shift; done
shift
cat "$@" | tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' | grep . |
    LC_ALL=C sort | uniq -c | LC_ALL=C sort -k1,1nr -k2,2 >"$work/uniq"
diff -u "$work/uniq" "$work/wordfreq" >"$work/diff" || {
    cut -c 1-200 "$work/diff"
    exit 1
}
