# What unfinished reports: the task that was not joined and the one that was not run, with the lines that created them, and nothing of
# the one that was detached.
#
#     sh unfinished_report.sh PROGRAM...
set -eu

said=$("$@" 2>&1 >/dev/null)
echo "$said"
matches()
{
    printf '%s\n' "$said" | grep -Ecx -- "$1" || :
}
forgotten=$(matches "libcoro: nobody has joined or detached task 'forgotten' \(#[0-9.]+\), created at .*unfinished\.c:[0-9]+")
late=$(matches "libcoro: never run: task 'late' \(#[0-9.]+\), created at .*unfinished\.c:[0-9]+")
lines=$(matches '.*')
if [ "$forgotten $late $lines" != "1 1 2" ]; then
    echo "reported otherwise than expected"
    exit 1
fi
