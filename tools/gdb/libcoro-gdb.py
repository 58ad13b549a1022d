"""libcoro for gdb: `info coros`, `coro`, and printers for what libcoro's handles and locks are.

gdb loads this by itself beside an installed libcoro.so; otherwise: (gdb) source libcoro-gdb.py. docs/guide/gdb.md says
what it does, docs/design/0014-gdb.md how.

Nothing is written to the program, so all of it works on core files, too. The library's structures are read as its own
table says (src/inspect/layout.c), which is there in stripped files as well: its debugging information is not needed.
"""

import re

import gdb
import gdb.unwinder

VERSION = 1  # of the layout that this knows
WORD = 2**64 - 1
MOST = 10_000_000  # longer lists are taken for broken ones
NAMES_MOST = 4  # in a line of who waits
TAKE = "take the script that came with the library"


# ---- memory ---------------------------------------------------------------------------------------------------------


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address & WORD, size))


def word(address):
    return int.from_bytes(read(address, 8), "little")


def number(address, size=4):
    return int.from_bytes(read(address, size), "little", signed=True)


def text(address, most=256):
    """A string of C; in short pieces, for the next page may be missing."""
    found = b""
    while address != 0 and len(found) < most:
        piece = read(address + len(found), 16 - (address + len(found)) % 16)
        found += piece.split(b"\0")[0]
        if b"\0" in piece:
            break
    return found[:most].decode(errors="replace")


def walk(first, next_of):
    """A list that ends with 0."""
    seen = set()
    while first != 0 and first not in seen and len(seen) < MOST:
        seen.add(first)
        yield first
        first = next_of(first)


def ring(head):
    """A ring with a head, which may not have been set up."""
    if word(head) != 0:
        for link in walk(word(head), word):
            if link == head:
                return
            yield link


# ---- the library in the process -------------------------------------------------------------------------------------


class Layout:
    """What src/inspect/layout.c and the assembly say."""

    NAMES = "layout threads orphans leaks_wanted first_frame run_at_end outermost"

    def __init__(self, places):
        if read(places, 16) != b"libcoro places1\0":
            raise gdb.GdbError("libcoro: there is nothing of it at %#x; is the file the one that runs?" % places)
        self.place = {}
        for i, name in enumerate(self.NAMES.split()):
            self.place[name] = places + number(places + 16 + 8 * i, 8)
        at = self.place["layout"]
        version, name_size = number(at + 16), number(at + 20)
        if version != VERSION:
            raise gdb.GdbError("libcoro: its layout is version %d, this script knows %d; %s" % (version, VERSION, TAKE))
        self.values = {}
        at += 24
        while True:
            entry = read(at, name_size + 4)
            name = entry[:name_size].split(b"\0")[0].decode()
            if name == "":
                break
            self.values[name] = int.from_bytes(entry[name_size:], "little")
            at += name_size + 4

    def __getitem__(self, name):
        try:
            return self.values[name]
        except KeyError:
            raise gdb.GdbError("libcoro: its layout does not say %s; %s" % (name, TAKE))

    def word(self, address, name):
        return word(address + self[name])

    def registers(self):
        """[(register of gdb, offset in a parked frame)], but for the program counter and the stack pointer."""
        if "frame.rip" in self.values:
            return [(r, self["frame." + r]) for r in "rbp rbx r12 r13 r14 r15".split()]
        found = [("x29", self["frame.x29"]), ("x30", self["frame.x30"])]
        return found + [("x%d" % r, self["frame.x19"] + 8 * (r - 19)) for r in range(19, 29)]


class Machine:
    """The names that gdb has for registers."""

    def __init__(self, layout):
        if "frame.rip" in layout.values:
            self.pc, self.sp, self.context, self.saved_pc = "rip", "rsp", "rbx", "frame.rip"
        else:
            self.pc, self.sp, self.context, self.saved_pc = "pc", "sp", "x19", "frame.x30"

    def address(self, value):
        """Without the signature that AArch64 puts into return addresses."""
        return value & (2**48 - 1) if self.pc == "pc" else value


def libraries():
    """Usually one; a program and one of its shared libraries may each have a copy."""
    places = set()
    for line in gdb.execute("info files", to_string=True).splitlines():
        found = re.match(r"\s*(0x[0-9a-f]+) - 0x[0-9a-f]+ is \.coro_places( in .*)?$", line)
        if found:
            places.add(int(found.group(1), 16))
    if not places:
        try:
            places.add(int(gdb.parse_and_eval("&coro__places").cast(gdb.lookup_type("unsigned long"))))
        except gdb.error:
            raise gdb.GdbError("libcoro: it is not in this program, or not loaded yet")
    return [Library(place) for place in sorted(places)]


layouts = {}  # by process and place: they do not change


class Library:
    def __init__(self, places):
        key = (gdb.selected_inferior().num, gdb.selected_inferior().pid, places)
        if key not in layouts:
            layouts.clear()
            layouts[key] = Layout(places)
        self.layout = layouts[key]
        self.machine = Machine(self.layout)
        self.own_ = None

    def own(self):
        if self.own_ is None:
            self.own_ = Own(self)
        return self.own_

    # ---- contexts ----

    def threads(self):
        """[(block, thread of gdb)] of all threads that use it and exist."""
        known = {t.ptid[1]: t for t in gdb.selected_inferior().threads()}
        l = self.layout
        found = []
        for block in walk(word(l.place["threads"]), lambda block: l.word(block, "thread.next")):
            thread = known.get(number(block + l["thread.tid"]))
            if thread is None and len(known) == 1:
                thread = list(known.values())[0] if self.is_remote() else None
            if thread is not None or self.is_remote():
                found.append((block, thread))
        return found

    @staticmethod
    def is_remote():
        """Where gdb's numbers of threads may be others than the system's."""
        connection = gdb.selected_inferior().connection
        return connection is not None and connection.type in ("remote", "extended-remote")

    def state(self, context):
        return self.layout.word(context, "context.state")

    def is_root(self, context):
        return self.state(context) & ~self.layout["state.bits"] == self.layout["state.task"]

    def chain(self, context, end):
        """[(context, where it is parked)] from the innermost one (None), to the root of a task or to `end`."""
        l = self.layout
        found, parked = [], None
        for c in walk(context, lambda c: l.word(c, "context.resumer")):
            if c == end:
                break
            found.append((c, parked))
            if self.is_root(c):
                break
            parked = l.word(c, "context.return_sp")
        return found

    # ---- what they are called ----

    def id_of(self, co):
        turn = self.layout.word(co, "context.flags") >> self.layout["context.flag_bits"]
        return id_text(self.layout.word(co, "coro.number"), turn)

    def name_of(self, co):
        return text(co + self.layout["coro.name"], 32)

    def flag(self, task, name):
        return number(task + self.layout["task.flags"]) >> self.layout["task.%s_bit" % name] & 1 != 0

    def task_name(self, task):
        """(name, id)"""
        l = self.layout
        if self.flag(task, "stackless"):
            return text(word(l.word(task, "task.type") + l["type.name"])), ""
        if self.flag(task, "ended"):
            return text(task + l["task.name"], 32), id_text(l.word(task, "task.number"), l.word(task, "task.turn"))
        co = l.word(task, "task.co")
        return (self.name_of(co), self.id_of(co)) if co else ("", "")

    def call_task(self, task):
        return call(*self.task_name(task))

    def call_holder(self, holder):
        """Of a lock: a task, or outside of tasks a thread."""
        for block, thread in self.threads():
            if block == holder:
                return "thread %d" % thread.num if thread else "a thread"
        return self.call_task(holder)

    def wait_of(self, task):
        """(what it waits for, where), or None."""
        l = self.layout
        waiter = task + l["task.waiter"]
        if number(waiter + l["waiter.state"]) != l["waiter.waiting"]:
            return None
        return text(word(l.word(waiter, "waiter.kind") + l["wait.what"])), text(l.word(waiter, "waiter.site"))

    def waiters(self, head):
        """Tasks that wait on a list."""
        l = self.layout
        for link in ring(head):
            waiter = link - l["waiter.link"]
            if number(waiter + l["waiter.state"]) == l["waiter.branch"]:
                waiter = l.word(waiter, "branch.waiter")
            yield waiter - l["task.waiter"]

    def call_waiters(self, head, purpose=""):
        tasks = list(self.waiters(head))
        if not tasks:
            return ""
        names = [self.call_task(task) for task in tasks[:NAMES_MOST]]
        more = ["..."] if len(tasks) > NAMES_MOST else []
        verb = "waits" if len(tasks) == 1 else "wait"
        return "%d %s%s: %s" % (len(tasks), verb, purpose, ", ".join(names + more))


def id_text(number, turn):
    return "#%d%s" % (number, ".%d" % turn if turn else "")


def call(name, identity):
    return "'%s'%s" % (name or "(unnamed)", " (%s)" % identity if identity else "")


# ---- all coroutines -------------------------------------------------------------------------------------------------


class Entry:
    """A line of `info coros`."""

    def __init__(self, library, key):
        self.library, self.key = library, key
        self.name = self.id = self.state = self.site = self.wait_site = ""
        self.thread = None  # of gdb
        self.running = False
        self.parked = None  # the address of its parked frame
        self.suspended = None  # its context, if nobody is its resumer now
        self.why = ""  # it has no stack to look at
        self.place = ""  # instead of a frame

    def called(self):
        return call(self.name, self.id)

    def state_text(self, path=None):
        return self.state + (", at " + (path or short)(self.wait_site) if self.wait_site else "")


MISSING = (
    "Some are not listed, or have no frames, for their memory is not in the core file: where guards of stacks are"
    " markers (Linux 6.13 and later), gcore leaves stacks out. Cores that the kernel writes are whole."
)


class Survey:
    def __init__(self):
        self.entries = []
        self.notes = []
        self.unwound = set()  # coroutines of tasks that are
        self.inside = {}  # of a thread: {entered context: (what it is, where it is parked, its task)}

    def add(self, library, key, fill, *more):
        entry = Entry(library, key)
        try:
            fill(library, entry, *more)
        except gdb.MemoryError as error:
            entry.why = entry.state = "cannot be read: %s" % error
        self.entries.append(entry)

    def of_library(self, library):
        l = library.layout
        for block, thread in library.threads():
            self.inside = {}
            current, root = l.word(block, "thread.current"), block + l["thread.root"]
            for context, parked in library.chain(current, root):
                self.inside[context] = ("running" if context == current else "has resumed another", parked, 0)
            first = len(self.entries)
            try:
                for sched in walk(l.word(block, "thread.scheds"), lambda s: l.word(s, "sched.next")):
                    self.of_sched(library, sched)
                self.of_list(library, l.word(block, "thread.live"))
            except gdb.MemoryError as error:
                self.notes.append("Some are not listed, for what leads to them cannot be read: %s." % error)
            for entry in self.entries[first:]:
                entry.thread = thread
        if number(l.place["leaks_wanted"], 1) != 0:
            self.inside = {}
            self.of_list(library, word(l.place["orphans"]))
        else:
            self.notes.append("Coroutines of threads that have ended are listed only if it was run with CORO_LEAKS=1.")

    # ---- tasks ----

    def of_sched(self, library, sched):
        l = library.layout
        head = sched + l["sched.tasks"]
        ready = self.ready_contexts(library, sched)
        for link in ring(head):
            task = link - l["task.in_sched"]
            fill = self.fill_stackless if library.flag(task, "stackless") else self.fill_task
            self.add(library, ("task", task), fill, task, sched, ready)

    def ready_contexts(self, library, sched):
        """Where the tasks in the run queue go on: {root: innermost context}."""
        l = library.layout
        entries, mask = l.word(sched, "sched.ring"), l.word(sched, "sched.mask")
        head, tail = l.word(sched, "sched.head"), l.word(sched, "sched.tail")
        found = {}
        for i in range(min(tail - head & WORD, mask + 1)):
            context = l.word(entries + (head + i & mask) * l["ready.size"], "ready.context")
            if context & l["ready.stackless_mark"] == 0:
                found[library.chain(context, 0)[-1][0]] = context
        return found

    def fill_task(self, library, entry, task, sched, ready):
        l = library.layout
        entry.name, entry.id = library.task_name(task)
        co = l.word(task, "task.co")
        if library.flag(task, "ended"):
            entry.state, entry.site = "has ended, is to be joined", text(l.word(task, "task.site"))
            entry.why = "it has ended"
            return
        wait = library.wait_of(task)
        if co and l.word(co, "coro.number") == 0:
            entry.id, entry.why = "", "its stack is not in the core file"
            entry.state, entry.wait_site = ("waits " + wait[0], wait[1]) if wait else ("?", "")
            self.notes.append(MISSING)
            return
        entry.site = text(l.word(co, "coro.site") if co else l.word(task, "task.site"))
        if co == 0 or library.state(co) & l["state.fresh"]:
            entry.state, entry.why = "has not begun", "it has not begun"
            entry.place = function_at(l.word(task, "task.fn"))
            return
        if co in self.inside:
            entry.state, entry.running = "running", self.inside[co][0] == "running"
            entry.parked = self.inside[co][1]
            return
        if not library.is_root(co):
            entry.state, entry.parked = "is unwound", l.word(co, "context.sp")
            entry.suspended = co
            self.unwound.add(co)
            return
        innermost = l.word(task, "task.context") if wait else ready.get(co)
        entry.state, entry.wait_site = ("waits " + wait[0], wait[1]) if wait else ("ready", "")
        if innermost is None:  # expired: it goes on where it waited
            innermost = l.word(task, "task.context")
        for context, parked in library.chain(innermost, 0):
            if context == innermost:
                parked = l.word(context, "context.sp")
                entry.parked = parked
            self.inside[context] = ("waits with its task" if wait else "ready with its task", parked, task)

    def fill_stackless(self, library, entry, task, sched, ready):
        l = library.layout
        kind = l.word(task, "task.type")
        light = library.flag(task, "light")
        site = text(l.word(kind, "type.site"))
        frame = task + (l["task.light_frame"] if light else l["task.frame"])
        entry.name = library.task_name(task)[0]
        entry.site = site if light else text(l.word(task, "task.site")) or site
        entry.why = "it is stackless, a state machine; its variables are *(struct %s *) %#x" % (entry.name, frame)
        if library.flag(task, "ended"):
            entry.state, entry.why = "has ended, is to be joined", "it has ended"
            return
        point = number(frame)
        wait = None if light else library.wait_of(task)
        if l.word(sched, "sched.async") == task:
            entry.state = "running, on its scheduler's stack"
        elif library.flag(task, "asleep"):
            entry.state = "waits for time to pass"
        elif wait:
            entry.state, entry.wait_site = "waits " + wait[0], wait[1]
        else:
            entry.state = "ready" if point else "has not begun"
        where = re.sub(r":\d+$", "", site)
        entry.place = "%s at %s, without a stack" % (entry.name, short("%s:%d" % (where, point) if point > 0 else site))

    # ---- coroutines ----

    def of_list(self, library, first):
        for co in walk(first, lambda co: library.layout.word(co, "coro.next")):
            if library.layout.word(co, "coro.number") == 0:
                self.notes.append(MISSING)
                break
            self.of_coroutine(library, co)

    def of_coroutine(self, library, co):
        l = library.layout
        state = library.state(co)
        idle = state % 2 == 0 and state > l["state.task"] | l["state.bits"]
        if not idle and l.word(co, "coro.task") == 0 and co not in self.unwound:
            self.add(library, ("coroutine", co), self.fill_coroutine, co)

    def fill_coroutine(self, library, entry, co):
        l = library.layout
        entry.name, entry.id, entry.site = library.name_of(co), library.id_of(co), text(l.word(co, "coro.site"))
        state = library.state(co)
        bare = state & ~l["state.bits"]
        if state == l["state.dead"]:
            entry.state, entry.why = "has ended", "it has ended"
        elif co in self.inside:
            entry.state, entry.parked, task = self.inside[co]
            entry.running = entry.state == "running"
            if task:
                entry.state += " " + library.call_task(task)
        elif bare % 16 == 1 and state & l["state.fresh"]:
            entry.state, entry.why = "has not begun", "it has not begun"
            entry.place = function_at(l.word(co, "context.fn"))
        elif bare % 16 == 1:
            entry.state, entry.parked, entry.suspended = "suspended", l.word(co, "context.sp"), co
            if l.word(co, "coro.owner") == 1:
                entry.state += ", its thread has ended"
        else:
            entry.state, entry.why = "has been resumed", "where its stack is parked is not known"


class Numbers:
    """A number for each entry that stays the same as long as the process lives."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.process, self.of = None, {}

    def give(self, entries):
        process = (gdb.selected_inferior().num, gdb.selected_inferior().pid)
        if process != self.process:
            self.process, self.of = process, {}
        for entry in entries:
            entry.number = self.of.setdefault(entry.key, len(self.of) + 1)


numbers = Numbers()


def survey():
    if not gdb.selected_inferior().threads():
        raise gdb.GdbError("libcoro: the program is not being run")
    found = Survey()
    for library in libraries():
        found.of_library(library)
    numbers.give(found.entries)
    found.entries.sort(key=lambda entry: entry.number)
    return found


# ---- where one stands -----------------------------------------------------------------------------------------------


def short(site):
    """A place in a source file without its directories."""
    return site.rpartition("/")[2]


class Own:
    """What is known of where the library's own functions are."""

    def __init__(self, library):
        self.file = gdb.solib_name(library.layout.place["first_frame"])
        known = gdb.lookup_global_symbol("coro_run_at")
        symtab = known.symtab if known is not None else None
        self.sources = symtab.fullname().removesuffix("sched/sched.c") if symtab is not None else None

    def has(self, name, symtab, pc):
        if self.file is not None and gdb.solib_name(pc) == self.file:
            return True
        if symtab is not None and self.sources is not None and symtab.fullname().startswith(self.sources):
            return True
        return re.match(r"coro[._]", name or "") is not None  # gdb takes the underscores of coro__ for Ada's dot


def place(name, line):
    return name + (" at %s:%d" % (short(line.symtab.filename), line.line) if line.symtab is not None else "")


def function_at(pc, own=None):
    """'name at file:line', as far as known; None if it is one of `own`."""
    block, line = gdb.block_for_pc(pc), gdb.find_pc_line(pc)
    while block is not None and block.function is None:
        block = block.superblock
    if block is not None:
        name = block.function.print_name
    else:
        found = re.match(r"(.*?)( \+ \d+)? in section ", gdb.execute("info symbol %#x" % pc, to_string=True))
        name = found.group(1) if found else "%#x" % pc
    if own is not None and own.has(name, line.symtab, pc):
        return None
    return place(name, line)


def first_of_user(frame, own):
    """The innermost frame that is not the library's; None if it is far away."""
    for _ in range(30):
        if frame is None or not own.has(frame.name(), frame.find_sal().symtab, frame.pc()):
            return frame
        frame = frame.older()
    return None


def place_of(frame):
    return place(frame.name() or "%#x" % frame.pc(), frame.find_sal()) if frame is not None else ""


def frame_of(entry):
    if entry.place:
        return entry.place
    own = entry.library.own()
    if entry.running and entry.thread is not None:
        with Thread(entry.thread):
            return place_of(first_of_user(gdb.newest_frame(), own))
    if entry.parked is None:
        return ""
    l, m = entry.library.layout, entry.library.machine
    found = function_at(m.address(l.word(entry.parked, m.saved_pc)) - 1, own)
    if found is not None:
        return found
    with Selected(entry) as frame:
        return place_of(first_of_user(frame, own))


class Thread:
    """Another thread for a while."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        self.before = gdb.selected_thread()
        self.thread.switch()

    def __exit__(self, *_):
        if self.before is not None:
            self.before.switch()


# ---- its stack, as gdb sees it --------------------------------------------------------------------------------------
#
# gdb unwinds from the registers of a thread, and those of a core file cannot be written; those of a live process should
# not be. So an unwinder says of the thread's innermost frame that it was called from where the coroutine is parked: its
# frames are then those from 1 on, mostly, and what gdb knows of them is right. A frame filter hides the thread's own.


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = gdb.Value(sp), gdb.Value(pc)


class Choice:
    """A coroutine in front of the thread's innermost frame."""

    def __init__(self, entry):
        l, m = entry.library.layout, entry.library.machine
        frame = gdb.newest_frame()
        self.entry, self.machine = entry, m
        self.pc, self.sp = frame.pc(), int(frame.read_register(m.sp)) & WORD
        self.first_frame = range(l.place["first_frame"], l.place["run_at_end"])
        self.outermost = l.place["outermost"]
        self.level = 0
        self.below = entry.parked - 16  # for gdb, stacks only grow
        self.saved = [(r, gdb.Value(word(entry.parked + at))) for r, at in l.registers()]
        self.saved.append((m.pc, gdb.Value(m.address(l.word(entry.parked, m.saved_pc)))))
        self.saved.append((m.sp, gdb.Value(entry.parked + l["frame.size"])))
        if "frame.d8" in l.values:
            vector = gdb.lookup_type("unsigned char").vector(15)
            for i in range(8):
                low = read(entry.parked + l["frame.d8"] + 8 * i, 8)
                self.saved.append(("v%d" % (8 + i), gdb.Value(low + bytes(8), vector)))


class Unwinder(gdb.unwinder.Unwinder):
    def __init__(self):
        super().__init__("libcoro")
        self.choice = None
        self.enabled = False

    def __call__(self, frame):
        choice = self.choice
        if choice is None:
            return None
        m = choice.machine
        pc, sp = (int(frame.read_register(r)) & WORD for r in (m.pc, m.sp))
        if pc == choice.pc and sp == choice.sp:
            found = frame.create_unwind_info(FrameId(choice.below, pc))
            for register, value in choice.saved:
                found.add_saved_register(register, value)
            return found
        if pc in choice.first_frame and choice.entry.suspended is not None:
            # Nobody is its resumer: the end of a stack, as that of a task is.
            found = frame.create_unwind_info(FrameId(sp, pc))
            found.add_saved_register(m.pc, gdb.Value(choice.outermost))
            found.add_saved_register(m.sp, gdb.Value(sp + 16))
            return found
        return None


class Filter:
    name, priority, enabled = "libcoro", 1000, True

    @staticmethod
    def filter(frames):
        choice = unwinder.choice
        if choice is None:
            return frames
        return (f for f in frames if f.inferior_frame().level() > choice.level)


unwinder = Unwinder()


class PastMain:
    """A thread that stands in main() itself has no frames before that, unless gdb is told to look for them."""

    changed = False

    @classmethod
    def allow(cls):
        if not gdb.parameter("backtrace past-main"):
            cls.changed = True
            gdb.execute("set backtrace past-main on", to_string=True)

    @classmethod
    def restore(cls):
        if cls.changed:
            cls.changed = False
            gdb.execute("set backtrace past-main off", to_string=True)


def choose(choice):
    unwinder.choice, unwinder.enabled = choice, choice is not None
    gdb.invalidate_cached_frames()


def forget(*_):
    if unwinder.choice is not None:
        choose(None)
        PastMain.restore()


def frame_of_thread():
    """Its innermost one, over which gdb may have put others, for inlined functions."""
    frame = gdb.newest_frame()
    while frame.type() == gdb.INLINE_FRAME:
        frame = frame.older()
    return frame


def stack_of(entry):
    """Have the stack of an entry before the innermost frame of its thread, or of the selected one: its first frame."""
    forget()
    if entry.thread is not None:
        entry.thread.switch()
    choose(Choice(entry))
    if frame_of_thread().older() is None:
        PastMain.allow()
        gdb.invalidate_cached_frames()
    base = frame_of_thread()
    if base.older() is None:
        reason = gdb.frame_stop_reason_string(base.unwind_stop_reason())
        forget()
        raise gdb.GdbError("libcoro: gdb does not show its stack: %s" % reason)
    unwinder.choice.level = base.level()
    return base.older()


class Selected:
    """A coroutine for a while."""

    def __init__(self, entry):
        self.entry = entry

    def __enter__(self):
        self.before = gdb.selected_thread()
        self.choice = unwinder.choice
        return stack_of(self.entry)

    def __exit__(self, *_):
        forget()
        if self.before is not None:
            self.before.switch()
        if self.choice is not None:
            stack_of(self.choice.entry).select()


class Calls:
    """gdb runs the program for a while to call a function of it: the coroutine stays selected."""

    inside = False

    @classmethod
    def seen(cls, event):
        cls.inside = isinstance(event, gdb.InferiorCallPreEvent)

    @classmethod
    def goes_on(cls, _):
        if not cls.inside:
            forget()


# ---- commands -------------------------------------------------------------------------------------------------------


def columns(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(min(width, 60)) for cell, width in zip(row, widths)]
        gdb.write("  ".join(cells + [row[-1]]).rstrip() + "\n")


class InfoCoros(gdb.Command):
    """List coroutines: number, name, state, where it was created, where it stands.

Usage: info coros [PATTERN]

With PATTERN, a regular expression, only those whose name or state matches. The number is what the command coro takes;
it stays the same as long as the program runs. An asterisk marks the selected one."""

    def __init__(self):
        super().__init__("info coros", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        found = survey()
        several = len(gdb.selected_inferior().threads()) > 1
        chosen = unwinder.choice.entry.key if unwinder.choice is not None else None
        rows = [["  Num", "Name", "State", "Created at"] + (["Thread"] if several else []) + ["Frame"]]
        for entry in found.entries:
            if argument and not re.search(argument, "%s %s" % (entry.called(), entry.state)):
                continue
            mark = "*" if entry.key == chosen else " "
            row = ["%s %d" % (mark, entry.number), entry.called(), entry.state_text(), short(entry.site) or "?"]
            row.append(frame_of(entry))
            if several:
                row.insert(4, str(entry.thread.num) if entry.thread else "")
            rows.append(row)
        if len(rows) == 1:
            gdb.write("No coroutines%s.\n" % (" match" if argument and found.entries else ""))
        else:
            columns(rows)
        for note in sorted(set(found.notes)):
            gdb.write(note + "\n")


class Coro(gdb.Command):
    """Select a coroutine: backtrace, frame, info locals, print are about it then.

Usage: coro NUMBER | NAME      select the one that info coros gives that number or name
       coro 0 | main           back to what the thread does
       coro all COMMAND        run a command in each one that has a stack: coro all bt
       coro                    say which one is selected

The innermost frame remains that of the thread; those of the coroutine begin after it, mostly with number 1. Selected is
the first that is not libcoro's. The program goes on where the thread is, which ends the selection. Go back before you
step."""

    def __init__(self):
        super().__init__("coro", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        argument = argument.strip()
        first, _, command = argument.partition(" ")
        if argument == "":
            self.say()
        elif argument in ("0", "main"):
            forget()
            gdb.newest_frame().select()
            gdb.execute("frame")
        elif first == "all":
            self.run_in_all(command.strip() or "bt")
        else:
            self.select(self.find(argument))

    @staticmethod
    def say():
        if unwinder.choice is None:
            gdb.write("No coroutine is selected; frames are those of the thread.\n")
        else:
            entry = unwinder.choice.entry
            gdb.write("Coroutine %d, %s, is selected.\n" % (entry.number, entry.called()))

    @staticmethod
    def find(argument):
        entries = survey().entries
        if argument.isdigit():
            found = [e for e in entries if e.number == int(argument)]
        else:
            found = [e for e in entries if e.name == argument.strip("'")]
        if not found:
            raise gdb.GdbError("libcoro: there is no coroutine %s; see info coros" % argument)
        if len(found) > 1:
            alike = ", ".join(str(e.number) for e in found[:20]) + (", ..." if len(found) > 20 else "")
            raise gdb.GdbError("libcoro: %d coroutines have that name: %s" % (len(found), alike))
        return found[0]

    @staticmethod
    def select(entry):
        if entry.why:
            raise gdb.GdbError("libcoro: %s has no stack to select: %s" % (entry.called(), entry.why))
        if entry.running:
            forget()
            if entry.thread is not None:
                entry.thread.switch()
            gdb.newest_frame().select()
        elif entry.parked is None:
            raise gdb.GdbError("libcoro: %s runs, but where its stack is parked is not known" % entry.called())
        else:
            frame = stack_of(entry)
            (first_of_user(frame, entry.library.own()) or frame).select()
        gdb.write("[Coroutine %d, %s, %s]\n" % (entry.number, entry.called(), entry.state_text(str)))
        gdb.execute("frame")

    @staticmethod
    def run_in_all(command):
        left_out = 0
        for entry in survey().entries:
            if entry.why or (entry.parked is None and not entry.running):
                left_out += 1
                continue
            gdb.write("\nCoroutine %d, %s, %s:\n" % (entry.number, entry.called(), entry.state_text(str)))
            try:
                if entry.running:
                    with Thread(entry.thread or gdb.selected_thread()):
                        gdb.execute(command)
                else:
                    with Selected(entry) as frame:
                        frame.select()
                        gdb.execute(command)
            except gdb.error as error:
                gdb.write("%s\n" % error)
        if left_out:
            gdb.write("\n%d without a stack left out: not begun, ended, or stackless.\n" % left_out)


# ---- printers -------------------------------------------------------------------------------------------------------


def library_of_process():
    found = libraries()
    with_threads = [library for library in found if word(library.layout.place["threads"]) != 0]
    return (with_threads or found)[0]


def some(*parts):
    return "{" + ", ".join(part for part in parts if part) + "}"


def coroutine_text(library, co):
    entry = Entry(library, None)
    Survey().fill_coroutine(library, entry, co)
    return "%s, %s, created at %s" % (entry.called(), entry.state, entry.site or "?")


def task_text(library, task):
    l = library.layout
    if library.flag(task, "ended"):
        state = "has ended"
    elif library.flag(task, "light"):
        state = "waits for time to pass" if library.flag(task, "asleep") else "does not wait"
    else:
        wait = library.wait_of(task)
        state = "waits %s%s" % (wait[0], ", at " + wait[1] if wait[1] else "") if wait else "does not wait"
    kind = ", stackless" if library.flag(task, "stackless") else ""
    cancelled = ", cancelled" if library.flag(task, "cancelled") else ""
    return "%s%s, %s%s" % (library.call_task(task), kind, state, cancelled)


def channel_text(library, chan):
    l = library.layout
    count, capacity, size = (l.word(chan, "chan." + name) for name in ("count", "capacity", "elem_size"))
    room = ("%d of %d elements" % (count, capacity) if capacity else "room for no element") + " of %d bytes" % size
    return some(
        room,
        "closed" if number(chan + l["chan.closed"], 1) else "",
        library.call_waiters(chan + l["chan.senders"], " to send"),
        library.call_waiters(chan + l["chan.receivers"], " to receive"),
    )


def waiters_text(library, value):
    return library.call_waiters(int(value["waiters_"].address)) or "nobody waits"


def holder_text(library, holder, how):
    return "%s by %s" % (how, library.call_holder(int(holder))) if int(holder) else ""


def mutex_text(library, value):
    return some(holder_text(library, value["holder_"], "held") or "free", waiters_text(library, value))


def rwlock_text(library, value):
    names = [int(value["readers_"][i]) for i in range(value["readers_"].type.range()[1] + 1)]
    known = ", ".join(library.call_holder(name) for name in names if name)
    readers = int(value["count_"])
    held = holder_text(library, value["writer_"], "written")
    if not held:
        held = "read by %d%s" % (readers, ": " + known if known else "") if readers else "free"
    return some(held, waiters_text(library, value))


def once_text(library, value):
    state = "done" if int(value["done_"]) else holder_text(library, value["runner_"], "being done") or "not done"
    return some(state, waiters_text(library, value))


HANDLES = {
    "coro": ("coro_t", coroutine_text),
    "coro_coroutine": ("coro_t", coroutine_text),
    "coro_task": ("coro_task_t", task_text),
    "coro_chan": ("coro_chan_t", channel_text),
}

VALUES = {
    "coro_mutex": mutex_text,
    "coro_cond": lambda library, value: some(waiters_text(library, value)),
    "coro_rwlock": rwlock_text,
    "coro_sem": lambda library, value: some("count %d" % int(value["count_"]), waiters_text(library, value)),
    "coro_barrier": lambda library, value: some(
        "%d of %d have come" % (int(value["count_"]), int(value["needed_"])), waiters_text(library, value)
    ),
    "coro_waitgroup": lambda library, value: some("count %d" % int(value["count_"]), waiters_text(library, value)),
    "coro_once_state": once_text,
}


class Printer:
    def __init__(self, make, fallback):
        self.make, self.fallback = make, fallback

    def to_string(self):
        try:
            return self.make(library_of_process())
        except (gdb.error, gdb.GdbError):
            return self.fallback


class Printers:
    name, enabled, subprinters = "libcoro", True, None

    def __call__(self, value):
        kind = value.type.strip_typedefs()
        if kind.code == gdb.TYPE_CODE_PTR:
            tag = kind.target().strip_typedefs().unqualified().tag
            address = int(value) & WORD
            if tag in HANDLES and address != 0:
                name, say = HANDLES[tag]
                bare = "(%s *) %#x" % (name, address)
                return Printer(lambda library: "%s %s" % (bare, say(library, address)), bare)
        elif kind.code == gdb.TYPE_CODE_STRUCT and value.address is not None and kind.tag in VALUES:
            return Printer(lambda library: VALUES[kind.tag](library, value), "{...}")
        return None


# ---- all of it ------------------------------------------------------------------------------------------------------


def set_up():
    global printers
    InfoCoros()
    Coro()
    gdb.unwinder.register_unwinder(None, unwinder, replace=True)
    gdb.frame_filters[Filter.name] = Filter()
    gdb.pretty_printers[:] = [p for p in gdb.pretty_printers if getattr(p, "name", "") != Printers.name]
    gdb.pretty_printers.insert(0, Printers())
    gdb.events.cont.connect(Calls.goes_on)
    gdb.events.stop.connect(Calls.goes_on)
    gdb.events.exited.connect(forget)
    gdb.events.inferior_call.connect(Calls.seen)


set_up()
