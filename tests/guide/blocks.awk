# The code of a page of Markdown, a file a block, and what the page says of it.
#
#     awk -v out=DIRECTORY -f blocks.awk PAGE
#
# A fenced block of c, cpp or sh that begins in line 12 goes to DIRECTORY/12.c, .cpp or .sh, and what it prints, if the page shows that,
# to DIRECTORY/12.expected: a block without a language, or an indented one, with nothing but blank lines between the two. One line is
# printed for each block: its line, its language, what it is (program: has main(); fragment; commands), where it stands (the heading, an
# equals sign, and its number among those below it), and the words of the comments before it, such as
#
#     <!-- guide: compile only -->       a program that must not be run, since it does not end
#     <!-- guide: exit 139 -->           it ends with this status, as a shell sees it
#     <!-- guide: file first.c -->       the commands of the page know it by this name
#     <!-- guide: not compiled -->       somebody else's code

function finish_expected()
{
    if (expects != "" && expected != "") {
        sub(/\n+$/, "\n", expected)
        printf "%s", expected >(out "/" expects ".expected")
        close(out "/" expects ".expected")
    }
    expects = expected = ""
}

function finish_block(   kind)
{
    kind = language == "sh" ? "commands" : has_main ? "program" : "fragment"
    printf "%s", text >(out "/" line "." language)
    close(out "/" line "." language)
    print line, language, kind, (section == "" ? "top" : section) "=" ++blocks[section] words
    expects = kind != "fragment" ? line : ""
    expected = words = ""
}

# Inside a fence.
fence != "" && /^```$/ {
    if (fence == "code")
        finish_block()
    else if (fence == "output")
        finish_expected()
    fence = ""
    next
}
fence == "code" { text = text $0 "\n"; has_main = has_main || /^int main\(/; next }
fence == "output" { expected = expected $0 "\n"; next }
fence != "" { next }

# Outside.
/^```(c|cpp|sh)$/ {
    finish_expected()
    fence = "code"
    language = substr($0, 4)
    line = NR + 1
    text = ""
    has_main = 0
    next
}
/^```$/ && expects != "" && expected == "" { fence = "output"; next }
/^```/ { finish_expected(); fence = "other"; words = ""; next }
/^    / && expects != "" { expected = expected substr($0, 5) "\n"; next }
/^$/ { expected = expected (expected != "" ? "\n" : ""); next }
{ finish_expected() }
/^#+ / {
    section = tolower($0)
    gsub(/^#+ |[^a-z0-9 ]/, "", section)
    gsub(/ /, "_", section)
}
/^<!-- guide: .* -->$/ { gsub(/^<!-- guide: | -->$/, ""); words = words " " $0; next }
{ words = "" }
END { finish_expected() }
