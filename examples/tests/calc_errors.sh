# What calc makes of what is no expression: the column, the reason, status 1; the other expressions are calculated all the same.
#
#     sh calc_errors.sh PROGRAM...
set -eu

status=0
said=$(printf '1+\n(1\n1 2\n)\n\n1+1\n' | "$@") || status=$?
expected='1+
  ^ expected a number, - or (
(1
  ^ expected )
1 2
  ^ expected an operator or the end
)
^ expected a number, - or (

^ expected a number, - or (
1+1 = 2'
if [ "$status" -ne 1 ] || [ "$said" != "$expected" ]; then
    printf 'status %s, printed:\n%s\n' "$status" "$said"
    exit 1
fi
