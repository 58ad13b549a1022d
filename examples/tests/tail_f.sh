#!/usr/bin/env bash
#
# tail_f prints what is appended to two files, in order and nothing twice: when one is truncated, when one is moved
# away and written to until there is a new one, and when one appears late. It ends by SIGTERM and by SIGINT.
#
#     bash tail_f.sh PROGRAM...

# shellcheck source-path=SCRIPTDIR source=servers.sh
. "$(dirname "$0")/servers.sh"
arguments tail_f

mkdir "$work/folder"
cd "$work/folder"
printf 'line %d\n' {1..12} >a

start tail_f "${tail_f[@]}" --lines 2 a ./b
await tail_f '^line 12$'
await tail_f 'b: ' err # there is none yet

echo appended >>a
await tail_f '^appended$'
: >a
await tail_f 'a: truncated$' err
echo anew >>a
await tail_f '^anew$'

mv a a.1
echo 'to the old one' >>a.1
echo 'to the new one' >a
await tail_f '^to the new one$'
echo 'nobody sees this' >>a.1

rm a
echo 'after removal' >a
await tail_f '^after removal$'

echo 'late' >b
await tail_f '^late$'
printf 'without a newline' >>b
await tail_f 'without a newline$'
head -c 100000 /dev/zero | tr '\0' x >>b
printf '\nthe end\n' >>b
await tail_f '^the end$'
mv b elsewhere
ln -s elsewhere b # the same file, by another way
echo 'through a link' >>b
await tail_f '^through a link$'
equal "times that it was truncated" "$(grep -c truncated "$work/tail_f.err")" 1
: >"$work/tail_f.err"
stop tail_f INT

{
    printf '==> a <==\nline 11\nline 12\nappended\nanew\nto the old one\nto the new one\nafter removal\n'
    printf '\n==> ./b <==\nlate\nwithout a newline'
    head -c 100000 /dev/zero | tr '\0' x
    printf '\nthe end\nthrough a link\n'
} >"$work/expected"
cmp "$work/expected" "$work/tail_f.out" || complain "printed something else than expected"

# One file has no headings; ten lines.
start one "${tail_f[@]}" a.1
await one '^nobody sees this$'
stop one
printf 'anew\nto the old one\nnobody sees this\n' | cmp - "$work/one.out" || complain "one file"

# A folder that is not there is an error.
status=0
"${tail_f[@]}" nowhere/file 2>"$work/nowhere.err" || status=$?
equal "status where there is no folder" "$status" 1
