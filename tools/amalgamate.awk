# The writing half of tools/amalgamate, which says what it is about. Runs at the top of the tree.
#
# out       the directory to write to
# names     a file of lines "KIND NAME FILE": what is at file scope
# version   of the library
# of_system the system's headers, all that are included without a condition
# headers, sources, machines    what there is of them

BEGIN {
    while ((getline line <names) > 0) {
        split(line, word, " ")
        if (word[1] == "static")
            own[word[3], word[2]]
        else if (word[1] == "tag")
            files[word[2]] = files[word[2]] " " word[3]
    }
    for (name in files)
        if ((n = split(files[name], word, " ")) > 1)
            for (i = 1; i <= n; i++)
                own[word[i], "struct " name]
    for (i = 0; i < 110; i++)
        dashes = dashes "-"

    target = out "/coro.h"
    say("/*\n * libcoro " version ": its public headers in one.\n *\n * SPDX-License-Identifier: MIT\n */")
    emit("include/coro.h", 0)

    target = out "/coro.c"
    begin_source()
    n = split(headers, word, " ")
    for (i = 1; i <= n; i++)
        emit_once(word[i], 0)
    n = split(sources, word, " ")
    for (i = 1; i <= n; i++)
        emit_source(word[i])

    n = split(machines, word, " ")
    for (i = 1; i <= n; i++)
        emit_assembly(word[i])
}

function say(text) { print text >target }

function exists(path,   line, result)
{
    result = (getline line <path) >= 0
    close(path)
    return result
}

# What an include in a file means: a path in the tree; a name alone for one that each architecture has; "" for the system's.
function resolve(path, name, quoted,   folder)
{
    if (!quoted)
        return name ~ /^coro[\/.]/ ? "include/" name : ""
    folder = path
    sub(/[^\/]*$/, "", folder)
    if (exists(folder name))
        return folder name
    if (exists("src/" name))
        return "src/" name
    return exists("asm/" name) ? "asm/" name : name
}

# A header, unless it has been written. One under a condition is written where it stands, and again where it is needed: its guard
# sees to the rest.
function emit_once(path, conditional,   machine, n, i)
{
    if (path in written)
        return
    if (!conditional)
        written[path]
    if (path ~ /\//) {
        emit(path, conditional)
        return
    }
    n = split(machines, machine, " ")
    for (i = 1; i <= n; i++) {
        say("\n#" (i > 1 ? "el" : "") "if defined(__" machine[i] "__)")
        emit("asm/" machine[i] "/" path, 1)
    }
    say("#endif")
}

# A file, with what it includes in place of the includes. Headers have a guard around them, which is no condition.
function emit(path, conditional,   line, name, to, depth, stem)
{
    say("\n/* ---- " path " " substr(dashes, 1, 110 - length(path)) " */\n")
    depth = path ~ /\.h$/ ? -1 : 0
    stem = path ~ /^src\/.*\.c$/ ? stem_of(path) : ""
    in_comment = in_type = 0
    while ((getline line <path) > 0) {
        if (line ~ /^# *if/)
            depth++
        else if (line ~ /^# *endif/)
            depth--
        if (line !~ /^# *include/) {
            say(stem == "" ? line : told_apart(path, stem, line))
            continue
        }
        name = line
        sub(/^# *include *[<"]/, "", name)
        sub(/[>"].*/, "", name)
        to = resolve(path, name, line ~ /"/)
        if (to != "")
            emit_once(to, conditional || depth > 0)
        else if (!((target, name) in included))
            say(line)
        if (to == "" && !conditional && depth <= 0)
            included[target, name]
    }
    close(path)
}

function begin_source(   name, n, i)
{
    say("/*\n * libcoro " version " in one file. Needs coro.h and coro_ARCHITECTURE.S; those of other architectures do no harm:\n *")
    say(" *     cc -std=gnu11 -O2 -fexceptions -fstack-clash-protection -pthread program.c coro.c coro_*.S\n *")
    say(" * Without -fexceptions coroutines could not be unwound. With -fcf-protection=branch (x86-64) or")
    say(" * -mbranch-protection=standard (AArch64) the program has landing pads, if all of it has them. Under a sanitizer, add")
    say(" * -DCORO_SANITIZED; to be run under valgrind, -DCORO_HAVE_VALGRIND; for a shared library, -fPIC -fvisibility=hidden.\n *")
    say(" * SPDX-License-Identifier: MIT\n */")
    say("#ifndef _GNU_SOURCE\n#    define _GNU_SOURCE\n#endif")
    say("#ifndef __EXCEPTIONS\n#    error \"coro.c is to be compiled with -fexceptions\"\n#endif")
    say("#pragma GCC diagnostic ignored \"-Wunused-function\" /* of headers, which stand in here */")
    say("#undef CORO_INLINE /* which is for those who use the library */\n\n#include \"coro.h\"\n")
    n = split(of_system, name, " ")
    for (i = 1; i <= n; i++) {
        included[target, name[i]]
        say("#include <" name[i] ">")
    }
}

# ---- a source file, and nothing of it left behind ---------------------------------------------------------------------------

# macro[1 ...]: what a file, and the headers that come with it here, define or undefine. Gives their number.
function collect_macros(path, macro, n,   line, name, quoted)
{
    while ((getline line <path) > 0) {
        name = line
        if (line ~ /^# *(define|undef) /) {
            sub(/^# *[a-z]+ +/, "", name)
            sub(/[^A-Za-z_0-9].*/, "", name)
            if (!((path, name) in noted)) {
                noted[path, name]
                macro[++n] = name
            }
        } else if (line ~ /^# *include/) {
            quoted = line ~ /"/
            gsub(/^# *include *[<"]|[>"].*/, "", name)
            name = resolve(path, name, quoted)
            if (name != "" && !(name in written))
                n = collect_macros(name, macro, n)
        }
    }
    close(path)
    return n
}

function emit_source(path,   macro, n, i)
{
    n = collect_macros(path, macro, 0)
    for (i = 1; i <= n; i++)
        say((i == 1 ? "\n" : "") "#pragma push_macro(\"" macro[i] "\")")
    emit(path, 0)
    for (i = 1; i <= n; i++)
        say((i == 1 ? "\n" : "") "#pragma pop_macro(\"" macro[i] "\")")
}

# src/sync/mutex.c: sync_mutex
function stem_of(path)
{
    gsub(/^src\/|\.c$/, "", path)
    gsub(/[^A-Za-z_0-9]/, "_", path)
    return path
}

# Is a name, behind what stands before it in its line, one that the file has for itself?
function is_own(path, name, before)
{
    if (before ~ /(struct|union|enum) $/)
        return (path, "struct " name) in own
    if (in_type ? before !~ /\[[^]]*$/ : before ~ /(\.|->)$/)
        return 0
    return (path, name) in own
}

# A line of a source file, its own names with the name of the file in front. Not in comments and literals, not behind a dot or
# an arrow; and in the definition of a structure, where members have names of their own, only in brackets.
function told_apart(path, stem, line,   done, token)
{
    if (line ~ /^[a-z ]*(struct|union)( [A-Za-z_0-9]+)? *[{]$/)
        in_type = 1
    else if (line ~ /^[}]/)
        in_type = 0
    for (done = ""; line != ""; line = substr(line, length(token) + 1)) {
        if (in_comment) {
            token = match(line, /\*\//) ? substr(line, 1, RSTART + 1) : line
            in_comment = token !~ /\*\/$/
        } else if (match(line, /^\/\*/)) {
            token = "/*"
            in_comment = 1
        } else if (match(line, /^\/\/.*/) || match(line, /^"(\\.|[^"\\])*"/) || match(line, /^'(\\.|[^'\\])*'/)) {
            token = substr(line, 1, RLENGTH)
        } else if (match(line, /^[A-Za-z_0-9]+/)) {
            token = substr(line, 1, RLENGTH)
            if (is_own(path, token, done)) {
                done = done stem "__" token
                continue
            }
        } else {
            token = substr(line, 1, 1)
        }
        done = done token
    }
    return done
}

# ---- assembly ---------------------------------------------------------------------------------------------------------------

# All of an architecture in one, and nothing but the note on stacks for another.
function emit_assembly(machine)
{
    delete written
    target = out "/coro_" machine ".S"
    say("/*\n * libcoro " version ", the assembly for " machine ".\n *\n * SPDX-License-Identifier: MIT\n */")
    say("#if defined(__" machine "__)")
    written["frame.h"]
    emit("asm/" machine "/frame.h", 0)
    emit("asm/" machine "/switch.S", 0)
    say("#else\n        .section .note.GNU-stack, \"\", %progbits\n#endif")
}
