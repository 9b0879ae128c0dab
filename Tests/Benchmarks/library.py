"""What the comparisons have in common: places, processes, meshes, tables."""

import contextlib
import ctypes
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

MIB = 1 << 20

# What a flow is called in tables, and its keys.
TRIBUTARY = (
    ("Tributary", {}),
    ("Tributary, `digest: tree`", {"flow": "digest: tree"}),
    ("Tributary, `digest: tree`, `profile: 3`", {"flow": "digest: tree, profile: 3"}),
)
# Where files are carried; a capture alone has to copy.
CARRYING = TRIBUTARY + (
    ("Tributary, these and `copy: false`", {"flow": "digest: tree, profile: 3", "first": "{path: data, copy: false}"}),
    (
        "Tributary, these and `copy: false` at both ends",
        {
            "flow": "digest: tree, profile: 3",
            "first": "{path: data, copy: false}",
            "last": "{files: {path: landed, copy: false}}",
        },
    ),
)


class Failure(Exception):
    """A benchmark that could not be taken; the message is for people."""


def setting(name, default):
    """A number from the environment: TRIBUTARY_BENCH_NAME."""
    return int(os.environ.get(f"TRIBUTARY_BENCH_{name}", default))


def free_port():
    """A port of the loopback that nobody listens at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(arguments, timeout=600, **options):
    """Runs a program to its end and returns what it printed; stops all if it fails."""
    try:
        done = subprocess.run(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=timeout, text=True, **options,
        )
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{arguments[0]} took longer than {timeout} s") from error
    if done.returncode != 0:
        words = " ".join(str(argument) for argument in arguments[:6])
        raise Failure(f"{words} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def wait(until, what, timeout=600, every=0.02):
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + timeout
    while True:
        answer = until()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failure(f"{what} did not come about within {timeout} s")
        time.sleep(every)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self):
        self.begun = time.monotonic()

    def seconds(self):
        return time.monotonic() - self.begun


class Children(contextlib.AbstractContextManager):
    """Long-running processes of ours; all are ended with the block."""

    def __init__(self, log):
        self.log, self.running = log, {}

    def start(self, name, arguments, **options):
        with open(os.path.join(self.log, f"{name}.log"), "ab") as log:
            self.running[name] = subprocess.Popen(
                # Ends with this script, whatever becomes of it.
                ["setpriv", "--pdeathsig", "TERM"] + [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options,
            )

    def check(self):
        """Stops all if one of them has ended by itself."""
        for name, child in self.running.items():
            if child.poll() is not None:
                with open(os.path.join(self.log, f"{name}.log"), errors="replace") as log:
                    raise Failure(f"{name} ended with {child.returncode}: {log.read()[-2000:]}")

    def memory(self, name):
        """The most memory that a process has had in use, in MiB."""
        with open(f"/proc/{self.running[name].pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
        raise Failure(f"no VmHWM of {name}")

    def processor(self, name):
        """The processor time that a process has taken so far, in seconds."""
        with open(f"/proc/{self.running[name].pid}/stat") as stat:
            user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stop(self, name):
        child = self.running.pop(name)
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(20)
        if child.poll() is None:
            child.kill()
            child.wait(20)

    def __exit__(self, *_):
        for child in self.running.values():
            child.terminate()
        for name in list(self.running):
            self.stop(name)


class Peer(contextlib.AbstractContextManager):
    """A program to compare with: `start` is called at the begin of a block, all ends with it."""

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.children.__exit__()


class Mesh(contextlib.AbstractContextManager):
    """Daemons of one mesh in a directory of their own; ended with the block."""

    def __init__(self, bench, directory, topology):
        self.bench, self.directory = bench, directory
        os.makedirs(directory)
        with open(os.path.join(directory, "mesh.yaml"), "w") as file:
            file.write(topology)
        call([bench.program, "init", "--topology", file.name, "--out", f"{directory}/homes"])
        self.children = Children(directory)

    def __exit__(self, *_):
        self.children.__exit__()

    def home(self, node, *parts):
        return os.path.join(self.directory, "homes", node, *parts)

    def start(self, *nodes):
        for node in nodes:
            self.children.start(
                node, [self.bench.program, "run", "--log-level", "error", "--home", self.home(node)]
            )
        for node in nodes:
            wait(lambda: self.status(node), f"the start of {node}", 60)

    def status(self, node):
        """What `status --json` says; None while the daemon does not answer."""
        self.children.check()
        try:
            return self.ask(node, "status")
        except (OSError, ValueError):
            return None

    def ask(self, node, verb, timeout=60):
        """A request over the control socket, without the time that a command takes to start."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(timeout)
            # A short way to the socket: its name may have 107 bytes.
            home = os.open(self.home(node), os.O_PATH)
            try:
                line.connect(f"/proc/self/fd/{home}/control.sock")
            finally:
                os.close(home)
            line.sendall(json.dumps({"verb": verb, "arguments": {}}).encode() + b"\n")
            for answer in line.makefile():
                answer = json.loads(answer)
                if "result" in answer:
                    return answer["result"]
                if "error" in answer:
                    raise Failure(f"{verb} at {node}: {answer['error']}")
        raise OSError("no answer")

    def connected(self, *nodes, timeout=60):
        """Waits until calls to all neighbours of these nodes are up."""
        def are_up(node):
            status = self.status(node)
            return status and all(n["state"] in ("ok", "idle") for n in status["neighbours"])
        for node in nodes:
            wait(lambda: are_up(node), f"calls of {node}", timeout, every=0.1)

    def count(self, node, key):
        """A count of all flows of a node together: waiting, held, landed."""
        status = self.status(node) or {"flows": []}
        return sum(flow.get(key) or 0 for flow in status["flows"])

    def reached(self, node, key, number, timeout=600, every=0.05):
        """Waits until a count is as high as that."""
        wait(lambda: self.count(node, key) >= number, f"{number} {key} at {node}", timeout, every)

    def send(self, node, path, wait="landed", timeout=600):
        """`send --wait`: returns when the origin has the collector's word, or with `held` all of the bytes."""
        call(
            [self.bench.program, "send", "--quiet", "--home", self.home(node), "--wait", wait, path],
            timeout,
        )

    def memory(self, *nodes):
        return {node: self.children.memory(node) for node in nodes}


def line_of(nodes, first="data", last="landed", spool="8 GiB", more="", flow=""):
    """A topology with nodes in a row: the first sends `first`, the last receives `last`, each dials the next, `flow` is the flow's keys."""
    ports = {node: free_port() for node in nodes[1:]}
    text = ["mesh: bench", "nodes:", f"  {nodes[0]}: {{sends: {{files: {first}}}, spool: {spool}}}"]
    for node in nodes[1:]:
        receives = f", receives: {last}" if node == nodes[-1] else ""
        text.append(f'  {node}: {{listens: "127.0.0.1:{ports[node]}"{receives}, spool: {spool}{more}}}')
    text.append(f"links: [{', '.join(f'{a} -> {b}' for a, b in zip(nodes, nodes[1:]))}]")
    if flow:
        text.append(f"flows: {{files: {{{flow}}}}}")
    return "\n".join(text) + "\n", ports


def wire(port):
    """Bytes that the dialler of a port has sent and received over TCP, as the kernel counts them."""
    text = call(["ss", "-tinH", f"dport = :{port}"])
    def total(name):
        return sum(int(word[len(name):]) for word in text.split() if word.startswith(name))
    return total("bytes_sent:"), total("bytes_received:")


def random_file(path, size):
    """A file of random bytes."""
    with open(path, "wb") as file, open("/dev/urandom", "rb") as random:
        while size > 0:
            size -= file.write(random.read(min(size, 8 * MIB)))


def place_file(pristine, target):
    """A file that appears under its name at once, with bytes that are in memory already."""
    hidden = os.path.join(os.path.dirname(target), ".tributary-new")  # left alone by scans
    os.link(pristine, hidden)
    os.rename(hidden, target)


def carry(bench, directory, pristine, nodes, how):
    """Sends a file through nodes in a row; seconds until the origin knows it landed, and memory."""
    topology, _ = line_of(nodes, **how)
    with Mesh(bench, f"{directory}/mesh", topology) as mesh:
        mesh.start(*reversed(nodes))
        mesh.connected(*nodes)
        target = mesh.home("origin", "data", "large")
        watch = Stopwatch()
        place_file(pristine, target)
        mesh.send("origin", target)
        seconds = watch.seconds()
        same(pristine, mesh.home(nodes[-1], "landed", "origin", "files", "large"))
        return seconds, mesh.memory(*nodes)


def same(one, other):
    """Stops all unless two files or trees are equal."""
    call(["diff", "-r", "-q", one, other])


@dataclass
class Place:
    """Where files lie: memory or a disk."""

    name: str
    path: str


@dataclass
class Row:
    what: str
    place: str
    values: list = field(default_factory=list)
    notes: list = field(default_factory=list)


class Table:
    """Figures of one comparison, by what was measured and where."""

    def __init__(self, title, text, unit="s", base=None, note=None, digits=2):
        self.title, self.text, self.unit, self.base = title, text, unit, base
        self.note, self.digits, self.rows = note, digits, {}

    def add(self, what, place, value, note=""):
        row = self.rows.setdefault((what, place), Row(what, place))
        row.values.append(value)
        row.notes.append(note)

    def ratio(self, row):
        """How many times the base's median this one's is, at the same place."""
        base = self.rows.get((self.base, row.place))
        if base is None or not statistics.median(base.values):
            return None
        return statistics.median(row.values) / statistics.median(base.values)

    def markdown(self):
        head = ["", "place", f"median ({self.unit})", "runs"]
        head += [f"times {self.base}"] if self.base else []
        head += [self.note] if self.note else []
        lines = [f"### {self.title}", "", self.text, "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for row in self.rows.values():
            numbers = [f"{value:,.{self.digits}f}" for value in row.values]
            cells = [row.what, row.place, f"{statistics.median(row.values):,.{self.digits}f}", ", ".join(numbers)]
            if self.base:
                ratio = self.ratio(row)
                cells.append("" if ratio is None else f"{ratio:.2f}")
            if self.note:
                cells.append(next((note for note in reversed(row.notes) if note), ""))
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"

    def json(self):
        rows = [
            {**vars(row), "median": statistics.median(row.values), "ratio": self.ratio(row)}
            for row in self.rows.values()
        ]
        return {"title": self.title, "unit": self.unit, "base": self.base, "rows": rows}


def memory_note(memory):
    """Peak memory of each node, for a table."""
    return ", ".join(f"{node} {mib:.0f}" for node, mib in memory.items())


class Bench:
    """One sitting: the program, the places, how often."""

    def __init__(self, program):
        self.program = os.path.realpath(program)
        self.runs = setting("RUNS", 3)
        self.stack = contextlib.ExitStack()
        self.number = 0

    def __enter__(self):
        try:
            self.tmpfs = self.place("tmpfs", os.environ.get("TRIBUTARY_BENCH_TMPFS", "/dev/shm"))
            self.disk = self.place("disk", os.environ.get("TRIBUTARY_BENCH_DISK", "/var/tmp"))
        except OSError as error:
            self.stack.close()
            raise SystemExit(f"run: {error}; set TRIBUTARY_BENCH_TMPFS, TRIBUTARY_BENCH_DISK") from error
        self.wanted = os.environ.get("TRIBUTARY_BENCH_PLACES", "tmpfs disk ext4").split()
        self.places = [place for place in (self.tmpfs, self.disk) if place.name in self.wanted]
        return self

    def __exit__(self, *_):
        self.stack.close()

    def place(self, name, parent):
        path = tempfile.mkdtemp(prefix="tributary-bench-", dir=parent)
        self.stack.callback(shutil.rmtree, path, ignore_errors=True)
        return Place(name, path)

    def new_ext4(self, stack, size=16 << 30):
        """A new ext4 as mkfs.ext4 makes it, with a journal, in a sparse file on the disk.

        What is known of deleted files, and how full a disk is, has no part in it. Its place in a
        list, which is empty where nobody wants it or nobody may mount it. Gone with the stack.
        """
        if "ext4" not in self.wanted or os.geteuid() != 0:
            return []
        image, mounted = os.path.join(self.disk.path, "ext4.img"), os.path.join(self.disk.path, "ext4")
        os.makedirs(mounted)
        with open(image, "wb") as file:
            file.truncate(size)
        stack.callback(os.unlink, image)
        call(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image])
        try:
            call(["mount", "-o", "loop", image, mounted])
        except Failure as failure:
            print(f"no new ext4: {failure}", file=sys.stderr)
            return []
        stack.callback(call, ["umount", mounted])
        return [Place("ext4", mounted)]

    @contextlib.contextmanager
    def directory(self, place, kept=False):
        """A directory for one run; what earlier runs wrote has reached the disk by then.

        Removed after the run, or with `kept` at the end of the sitting: ext4 is slow to make files
        while it remembers many that were removed.
        """
        self.number += 1
        path = os.path.join(place.path, str(self.number))
        os.makedirs(path)
        os.sync()
        try:
            yield path
        finally:
            if not kept:
                shutil.rmtree(path, ignore_errors=True)

    def warm(self, size):
        """Touches as much memory as files will use, and holds a page of each MiB until the end.

        On virtual machines the first touch is slow, and what is free in stretches of 2 MiB may be given
        back to the host within a second: then each run would pay for it, and the more, the more it writes.
        """
        path = os.path.join(self.tmpfs.path, "warm")
        size = min(size, shutil.disk_usage(self.tmpfs.path).free // 2 // MIB * MIB)
        punch = ctypes.CDLL(None, use_errno=True).fallocate
        page = os.sysconf("SC_PAGE_SIZE")
        keep_size_and_punch = 1 | 2
        with open(path, "wb", buffering=0) as file:
            block = b"\1" * MIB
            for _ in range(size // MIB):
                file.write(block)
            for start in range(0, size, MIB):
                rest = [ctypes.c_long(start + page), ctypes.c_long(MIB - page)]
                if punch(file.fileno(), keep_size_and_punch, *rest) != 0:
                    raise Failure(f"memory cannot be held: {os.strerror(ctypes.get_errno())}")
