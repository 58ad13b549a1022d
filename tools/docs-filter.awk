# A public header as doxygen wants it, and tools/docs-man.awk: what users may call has a whole comment of its own right before it,
# and nothing else has one. Doxygen runs it on each header.
#
# - Several declarations below one comment: each gets a copy, with those of the @param that it has.
# - coro_x_at() is how coro_x() is told its site. It is left out, and the macro with it; the comment stands before coro_x().
# - The first comment becomes that of the file, one behind a member that of the member; members whose name ends in _ are the library's.
# - "Context:", "Ownership:", "Source:" become paragraphs, and examples, -v examples='FILES', are put in: a function in one of
#   them is the example for what the comment above it names.

BEGIN {
    path = ARGV[1]
    sub(/^(.*\/)?include\//, "", path)
    n = split(examples, file, " ")
    for (i = 1; i <= n; i++)
        read_examples(file[i])
}

function read_examples(path,   line, names, text, name, n, i)
{
    while ((getline line <path) > 0) {
        if (line ~ /^\/\* coro_[a-z_0-9 ]*\*\/$/) {
            names = substr(line, 4, length(line) - 6)
            text = ""
        } else if (names != "") {
            text = text line "\n"
            if (line == "}") {
                n = split(names, name, " ")
                for (i = 1; i <= n; i++)
                    example[name[i]] = text
                names = ""
            }
        }
    }
    close(path)
}

# The name of what a declaration declares, if it is a function.
function function_name(text)
{
    sub(/ *__attribute__.*/, "", text)
    sub(/\(.*/, "", text)
    sub(/.*[ *]/, "", text)
    return text
}

function has_parameter(text, name)
{
    return text ~ "[^A-Za-z_0-9]" name "(\\[\\])?[,)]" || (name == "..." && index(text, "..."))
}

# "@param a, b  text" for those of a and b that the function has; and for those that none of `all` has: doxygen will tell.
function parameter_line(line, text, all,   names, rest, part, kept, n, i)
{
    match(line, /@param +[a-z_0-9.]+(, [a-z_0-9.]+)*/)
    names = substr(line, RSTART, RLENGTH)
    rest = substr(line, RSTART + RLENGTH)
    sub(/@param +/, "", names)
    n = split(names, part, ", ")
    for (i = 1; i <= n; i++)
        if (has_parameter(text, part[i]) || (all != "" && !has_parameter(all, part[i])))
            kept = kept (kept == "" ? "" : ",") part[i]
    return kept == "" ? "" : " * @param " kept " " rest
}

# The comment, for one function of those that it is for.
function say_comment(name, text, all,   line, n, i, skipping, out)
{
    n = split(comment, line, "\n")
    print "/**"
    for (i = 1; i <= n; i++) {
        if (line[i] ~ /@param/) {
            line[i] = parameter_line(line[i], text, all)
            skipping = line[i] == ""
        } else if (line[i] ~ /@return/ || line[i] ~ /^ \*$/) {
            skipping = 0
        }
        if (!skipping)
            print line[i]
    }
    if (name in example) {
        print " *\n * @par Example\n * @code{.c}"
        n = split(example[name], line, "\n")
        for (i = 1; i < n; i++)
            print " * " line[i]
        print " * @endcode"
    }
    print " */"
}

# A line of a comment, less the signs that open and close it, in doxygen's words.
function reworded(line,   name)
{
    gsub(/\\/, "\\\\", line)
    gsub(/'@'/, "an at sign", line)
    while (match(line, /(Context|Ownership|Source): */)) {
        name = substr(line, RSTART, RLENGTH)
        sub(/: */, "", name)
        line = substr(line, 1, RSTART - 1) "\n *\n * @par " name "\n * " toupper(substr(line, RSTART + RLENGTH, 1)) \
            substr(line, RSTART + RLENGTH + 1)
    }
    if (line ~ /[^ *].*@(return|param)/)
        gsub(/ *@return */, "\n *\n * @return ", line)
    sub(/^ \* \n/, "", line)
    return line
}

FNR == 1 && /^\/\*$/ {
    print "/**\n * @file " path
    in_file_comment = 1
    next
}
in_file_comment {
    if (/^ \*\//)
        in_file_comment = 0
    else if (/SPDX/)
        next
    else if (/^ \* coro[a-z_\/]*\.h: /)
        sub(/coro[a-z_\/]*\.h: /, "@brief ")
    gsub(/\\/, "\\\\")
    print
    next
}

# A comment to keep, and what follows it up to an empty line.
/^\/\*\*/ {
    comment = $0
    sub(/^\/\*\* ?/, " * ", comment)
    while (comment !~ /\*\/$/ && (getline line) > 0)
        comment = comment "\n" line
    sub(/ *\*\/$/, "", comment)
    sub(/^ \* *\n/, "", comment)
    n = split(comment, part, "\n")
    comment = ""
    for (i = 1; i <= n; i++) {
        sub(/^  ?/, " ", part[i])
        if (part[i] !~ /^ \*/)
            sub(/^ */, " * ", part[i])
        comment = comment (i > 1 ? "\n" : "") reworded(part[i])
    }
    pending = 1
    next
}

# Functions, up to an empty line.
/^(CORO_API|static inline) .*\(/ {
    count = 0
    all = ""
    do {
        if (!/^(CORO_API|static inline) .*\(/)
            continue
        text = $0
        while (text !~ (text ~ /^CORO_API/ ? ";$" : "[;{)]$") && (getline line) > 0)
            text = text line
        gsub(/  +/, " ", text)
        if (pending == 0 || (count > 0 && function_name(text) ~ /_at$/))
            continue
        sub(/^CORO_API /, "", text)
        sub(/ *__attribute__.*/, ";", text)
        prototype[++count] = text
        all = all text
        if (text !~ /;$/)
            break
    } while ((getline) > 0 && $0 != "")
    for (i = 1; i <= count; i++) {
        say_comment(function_name(prototype[i]), prototype[i], i == 1 ? all : "")
        print prototype[i]
    }
    pending = 0
    if (count == 0 || $0 == "")
        print ""
    next
}

# A macro that is called like a function, and has a comment. Its "..." stands for what the comment has another name for.
pending && /^# *define coro_[a-z_0-9]+\([a-z]/ {
    text = $0
    sub(/\).*/, ")", text)
    n = split(comment, line_of, "\n")
    for (i = 1; i <= n; i++) {
        if (match(line_of[i], /@param +[a-z_0-9.]+(, [a-z_0-9.]+)*/)) {
            name = substr(line_of[i], RSTART, RLENGTH)
            sub(/@param +/, "", name)
            m = split(name, part, ", ")
            for (k = 1; k <= m; k++)
                if (!has_parameter(text, part[k]) && !sub(/\.\.\./, part[k], text))
                    break
        }
    }
    name = text
    sub(/^# *define /, "", name)
    say_comment(function_name(name), text, text)
    print text
    while (/\\$/ && (getline) > 0)
        continue
    pending = 0
    next
}

# A macro over a function of the same name, or one for the header's own use.
/^# *define (coro_[a-z_0-9]+)\(\.\.\.\)/ || /^# *define CORO_[A-Z_]*_\(/ {
    next
}

pending {
    print "/**"
    print comment
    print " */"
    pending = 0
    if ($0 ~ /^typedef (struct|enum|union).*{$/)
        in_type = 1
}
/^$/     { comment = "" }
/^}/     { in_type = 0 }
in_type {
    if (/^ .*[A-Za-z0-9]_(\[[^]]*\])?(, .*)?;/ || /^ +[a-z_ ]*\*?opaque\[/)
        next
    sub(/ \/\* /, " /**< ")
    gsub(/\\/, "\\\\")
}
{ print }
