"""Long queues: what a parcel costs when many wait."""

import os

from library import Mesh, Stopwatch, Table, call, line_of, memory_note, setting

PROGRAMS = []


def make(directory, files):
    """Tiny files that all differ, 1,000 in a directory."""
    for number in range(files):
        path = f"{directory}/{number // 1000:04}"
        if number % 1000 == 0:
            os.makedirs(path)
        with open(f"{path}/{number:07}", "w") as file:
            file.write(f"{number}\n")


def run_with(bench, directory, files, timeout):
    """Seconds of capture with no call up, and of carrying all that waits then."""
    topology, _ = line_of(["origin", "collector"], spool="16 GiB")
    every = max(0.1, files / 200_000)  # counting a long queue is work for the node itself
    with Mesh(bench, f"{directory}/mesh", topology) as mesh:
        hidden = mesh.home("origin", "hidden")
        os.makedirs(hidden)
        make(hidden, files)
        mesh.start("origin")
        watch = Stopwatch()
        os.rename(hidden, mesh.home("origin", "data", "tree"))
        mesh.reached("origin", "held", files, timeout, every)
        captured = watch.seconds()
        mesh.start("collector")
        watch = Stopwatch()
        call([bench.program, "call", "collector", "--home", mesh.home("origin")], 60)
        mesh.reached("origin", "landed", files, timeout, every)
        return captured, watch.seconds(), memory_note(mesh.memory("origin", "collector"))


def compare(bench):
    counts = [int(count) for count in os.environ.get("TRIBUTARY_BENCH_QUEUE", "1000 100000").split()]
    timeout = setting("QUEUE_SECONDS", 1800)
    tables = [
        Table(f"Queue, {what}", text, "µs a parcel", f"{counts[0]:,} parcels", "peak memory of each node (MiB)", digits=0)
        for what, text in (
            ("capture", "Tiny files captured while no call is up, until all are durable."),
            ("carrying", "Then the call comes up: until all have landed and the origin knows."),
        )
    ]
    for place in bench.places:
        for count in counts:
            for _ in range(bench.runs if count < 100_000 else 1):
                with bench.directory(place) as directory:
                    *figures, memory = run_with(bench, directory, count, timeout)
                    for table, seconds in zip(tables, figures):
                        table.add(f"{count:,} parcels", place.name, seconds / count * 1e6, memory)
    return tables
