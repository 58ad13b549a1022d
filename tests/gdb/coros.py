"""What tests/gdb/run has gdb check of tools/gdb/libcoro-gdb.py, on the program coros.c."""

import re

import gdb

AT = ", at coros.c:N"

# name: (id, state, thread, where it stands); a frame that is not compared is None
EXPECTED = {
    "main": ("#", "running", "1", None),
    "wants-lock": ("#", "waits to lock a mutex" + AT, "1", "wants_lock at coros.c:N"),
    "receives": ("#", "waits to receive from a channel" + AT, "1", "receives_deeper at coros.c:N"),
    "selects": ("#", "waits in a select over channels" + AT, "1", "selects at coros.c:N"),
    "has-coroutine": ("#", "waits for time to pass" + AT, "1", "sleeps_inside at coros.c:N"),
    "reads": ("#", "waits for a semaphore" + AT, "1", "reads at coros.c:N"),
    "waits-signal": ("#", "waits for a condition" + AT, "1", "waits_signal at coros.c:N"),
    "ends": ("#", "has ended, is to be joined", "1", ""),
    "joins": ("#", "waits for a task to end" + AT, "1", "joins at coros.c:N"),
    "sleeper": ("", "waits for time to pass", "1", "sleeper at coros.c:N, without a stack"),
    "stateless": ("", "waits to receive from a channel" + AT, "1", "stateless at coros.c:N, without a stack"),
    "pauses": ("#", "ready", "1", "pauses at coros.c:N"),
    "not-begun": ("#", "has not begun", "1", "ends at coros.c:N"),
    "nested": ("#", "waits with its task 'has-coroutine' (#N)", "1", "sleeps_inside at coros.c:N"),
    "ended": ("#", "has ended", "1", ""),
    "fresh": ("#", "has not begun", "1", "generates at coros.c:N"),
    "suspended": ("#", "suspended", "1", "counts at coros.c:N"),
    "outer": ("#", "has resumed another", "2", "resumes at coros.c:N"),
    "inner": ("#", "running", "2", None),
    "left": ("#", "suspended", "2", "counts at coros.c:N"),
}


def fail(what):
    print("coros.py: " + what)
    gdb.execute("quit 1")


def same(what, got, wanted):
    if got != wanted:
        fail("%s: %r, should be %r" % (what, got, wanted))


def run(command):
    return gdb.execute(command, to_string=True)


def refusal(command):
    try:
        run(command)
    except gdb.error as error:
        return str(error)
    fail("%s is not refused" % command)


def listed(argument=""):
    """{name: (number, the other columns)}"""
    text = run("info coros " + argument)
    lines = text.splitlines()
    while not lines[0].startswith("  Num"):
        del lines[0]  # what gdb has to say of the core file
    found = {}
    starts = [lines[0].index(title) for title in ("Name", "State", "Created at", "Thread", "Frame")]
    for line in lines[1:]:
        if not re.match(r"[ *] \d", line):
            continue
        cells = [line[a:b].strip() for a, b in zip(starts, starts[1:] + [None])]
        name, _, number = re.match(r"'(.*)'( \((#.*)\))?$", cells[0]).groups()
        if name in found:
            fail("%s is listed twice" % name)
        found[name] = (int(line[2 : starts[0]]), number or "", *cells[1:])
    return found


def without_numbers(text):
    text = re.sub(r"#\d+(\.\d+)?", "#N", text)
    return re.sub(r":\d+", ":N", text)


def table():
    found = listed()
    same("the names", sorted(found), sorted(EXPECTED))
    for name, (number, state, created, thread, frame) in ((n, row[1:]) for n, row in found.items()):
        wanted = EXPECTED[name]
        same(name + ", its id", number[:1], wanted[0])
        same(name + ", its state", without_numbers(state), wanted[1])
        same(name + ", where it was created", without_numbers(created), "coros.c:N")
        same(name + ", its thread", thread, wanted[2])
        if wanted[3] is not None:
            same(name + ", its frame", without_numbers(frame), wanted[3])
    same("listed again", listed(), found)
    same("those that match", sorted(listed("^'re")), ["reads", "receives"])
    return {name: row[0] for name, row in found.items()}


def users_frames(text):
    """Of a backtrace: the functions of coros.c."""
    return re.findall(r"^#\d+ +(?:0x\w+ in )?(\w+) \(.*coros\.c:\d+$", text, re.M)


def stack(coroutine, wanted):
    run("coro %s" % coroutine)
    text = run("bt")
    same("%s, its frames" % coroutine, users_frames(text), wanted)
    for complaint in "Backtrace stopped", "corrupt", "inner to this frame":
        if complaint in text:
            fail('gdb says "%s" of %s:\n%s' % (complaint, coroutine, text))
    return text


def value(expression):
    return int(gdb.parse_and_eval(expression))


def stacks(numbers, where):
    stack("receives", ["receives_deeper"] * 3 + ["receives"])
    depths = [value("depth")]
    while gdb.selected_frame().older().name() == "receives_deeper":
        run("up")
        depths.append(value("depth"))
    same("depths", depths, [0, 1, 2])
    for name in "suspended", "left":
        # Registers that calls preserve, too, and only those.
        stack(numbers[name], ["counts", "generates"])
        same("variables", [value(v) for v in ("from", "a", "b", "c")], [9, 10, 11, 12])
        run("up 1")
        same("a string", gdb.parse_and_eval("said").string(), "generates")
    stack("nested", ["sleeps_inside", "has_coroutine"])
    stack("has-coroutine", ["sleeps_inside", "has_coroutine"])
    stack("pauses", ["pauses"])
    stack("selects", ["selects"])
    stack("outer", ["resumes", "other_thread"])
    same("the thread", gdb.selected_thread().num, 2)
    stack("wants-lock", ["wants_lock"])
    same("the thread", gdb.selected_thread().num, 1)
    same("the mark", re.findall(r"^\* \d+ +'([^']*)'", run("info coros"), re.M), ["wants-lock"])
    same("what is selected", without_numbers(run("coro")), "Coroutine %d, 'wants-lock' (#N), is selected.\n" % numbers["wants-lock"])
    for back in "0", "main":
        run("coro %s" % back)
        same("back", users_frames(run("bt")), where)
        same("nothing is selected", run("coro"), "No coroutine is selected; frames are those of the thread.\n")
        run("coro wants-lock")
    run("coro %d" % numbers["main"])
    same("the running one", users_frames(run("bt")), where)
    run("coro inner")
    same("the running one of the other thread", users_frames(run("bt")), ["meets", "resumes", "other_thread"])
    run("coro main")
    text = run("coro all bt")
    headers = re.findall(r"^Coroutine \d+, '([^']*)'", text, re.M)
    same("all with a stack", len(headers), len(EXPECTED) - 6)
    same("the others", text.splitlines()[-1], "6 without a stack left out: not begun, ended, or stackless.")
    if "counts" not in users_frames(text) or "gdb.error" in text:
        fail("all backtraces: " + text)
    run("thread 1")


def refusals():
    for name, why in (
        ("stateless", "it is stackless"),
        ("sleeper", "it is stackless"),
        ("not-begun", "it has not begun"),
        ("fresh", "it has not begun"),
        ("ends", "it has ended"),
        ("ended", "it has ended"),
        ("99", "there is no coroutine 99"),
        ("nobody", "there is no coroutine nobody"),
    ):
        said = refusal("coro " + name)
        if why not in said:
            fail("coro %s says: %s" % (name, said))
    frame = re.search(r"\*\(struct stateless \*\) 0x\w+", refusal("coro stateless")).group()
    same("the state of a stackless one", value("(%s).n" % frame), 40)


def printers():
    for expression, wanted in (
        ("door", "{held by 'main' (#N), 1 waits: 'wants-lock' (#N)}"),
        ("shelf", "{read by 1: 'reads' (#N), nobody waits}"),
        ("places", "{count 0, 1 waits: 'reads' (#N)}"),
        ("signal_", "{1 waits: 'waits-signal' (#N)}"),
        ("all_there", "{0 of 3 have come, nobody waits}"),
        ("to_do", "{count 2, nobody waits}"),
        ("at_first", "{not done, nobody waits}"),
        ("numbers", "{room for no element of 4 bytes, 3 wait to receive: 'receives' (#N), 'selects' (#N), 'stateless'}"),
        ("room", "{1 of 8 elements of 4 bytes}"),
        ("shut", "{0 of 1 elements of 8 bytes, closed}"),
        ("coroutine_of_interest", "'suspended' (#N), suspended, created at "),
        ("task_of_interest", "'receives' (#N), waits to receive from a channel, at "),
    ):
        said = without_numbers(run("print " + expression))
        if wanted not in said:
            fail("print %s says: %s" % (expression, said))


def goes_on():
    """Calls of functions from a coroutine, and the program to its end: nothing has been changed."""
    run("coro suspended")
    same("a call", value("twice(21)"), 42)
    same("after a call", users_frames(run("bt")), ["counts", "generates"])
    gdb.execute("continue", to_string=True)
    same("the exit status", value("$_exitcode"), 0)
    if "not being run" not in refusal("info coros"):
        fail("there are coroutines after the end")


def look(where, live):
    table()
    numbers = table()
    stacks(numbers, where)
    refusals()
    printers()
    same("the numbers after all that", table(), numbers)
    if live:
        goes_on()
    print("ok: %d coroutines" % len(EXPECTED))


def live():
    run("break stop_here")
    run("continue" if gdb.selected_inferior().pid else "run")
    print(run("info sharedlibrary"))
    look(["stop_here", "main_task"], True)


def core():
    look(["stop_here", "main_task"], False)


def dump(path):
    """A core by gcore, which cannot read over guards that are markers: have the library do without."""
    run("break madvise if $edx == 102")
    run("break stop_here")
    run("run")
    while "madvise" in gdb.newest_frame().name():
        run("return (int)-1")
        run("continue")
    run("gcore " + path)
    run("kill")
    print("ok: dumped")
