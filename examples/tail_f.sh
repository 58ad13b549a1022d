# tail_f prints what is appended to two files, in order and nothing twice: when one is truncated, when one is moved away and written to
# until there is a new one, and when one appears late. It ends by SIGTERM and by SIGINT.
#
#     bash tail_f.sh PROGRAM...
set -eu
. "$(dirname "$0")/servers.sh"

mkdir "$work/folder"
cd "$work/folder"
printf 'line %d\n' {1..12} >a

start tail_f env --default-signal=INT "$@" --lines 2 a ./b
printed()
{
    await "$pid" "$1" "$work/tail_f.out"
}
printed '^line 12$'
await "$pid" 'b: ' "$work/tail_f.err" # there is none yet

echo appended >>a
printed '^appended$'
: >a
await "$pid" 'a: truncated$' "$work/tail_f.err"
echo anew >>a
printed '^anew$'

mv a a.1
echo 'to the old one' >>a.1
echo 'to the new one' >a
printed '^to the new one$'
echo 'nobody sees this' >>a.1

rm a
echo 'after removal' >a
printed '^after removal$'

echo 'late' >b
printed '^late$'
printf 'without a newline' >>b
printed 'without a newline$'
head -c 100000 /dev/zero | tr '\0' x >>b
printf '\nthe end\n' >>b
printed '^the end$'
mv b elsewhere
ln -s elsewhere b # the same file, by another way
echo 'through a link' >>b
printed '^through a link$'
stop "$pid" INT

{
    printf '==> a <==\nline 11\nline 12\nappended\nanew\nto the old one\nto the new one\nafter removal\n'
    printf '\n==> ./b <==\nlate\nwithout a newline'
    head -c 100000 /dev/zero | tr '\0' x
    printf '\nthe end\nthrough a link\n'
} >"$work/expected"
cmp "$work/expected" "$work/tail_f.out" || fail "printed something else than expected"
[ "$(grep -c truncated "$work/tail_f.err")" -eq 1 ] || fail "not truncated once"

# One file has no headings; ten lines.
start one "$@" a.1 && one_pid=$pid
await "$pid" '^nobody sees this$' "$work/one.out"
stop "$one_pid" TERM
printf 'anew\nto the old one\nnobody sees this\n' | cmp - "$work/one.out" || fail "one file"

# A folder that is not there is an error.
status=0
timeout 60 "$@" nowhere/file 2>"$work/nowhere.err" || status=$?
[ "$status" -eq 1 ] || fail "status $status where there is no folder"
