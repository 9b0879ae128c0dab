"""Many files, small ones or of middle size: Tributary over one and two hops, rsync with --fsync over ssh."""

import contextlib
import os
import random
import shutil

from library import Mesh, Stopwatch, Table, line_of, memory_note, same, setting
from peers.rsync import Rsync

PROGRAMS = ["rsync", "ssh", "sshd", "mkfs.ext4"]


# What they are called; how many, from the environment, and usually; the shortest and the longest, in
# bytes; whether they are kept until the end, see Bench.directory.
KINDS = (
    ("Small files", "SMALL_FILES", 20_000, 200, 4_000, True),
    ("Files of middle size", "MIDDLE_FILES", 2_000, 64_000, 512_000, False),
)


def make(directory, files, shortest, longest):
    """Files of random bytes, 500 in a directory."""
    sizes = random.Random(1)
    for number in range(files):
        path = f"{directory}/{number // 500:04}"
        if number % 500 == 0:
            os.makedirs(path)
        with open(f"{path}/{number:06}.dat", "wb") as file:
            file.write(os.urandom(sizes.randint(shortest, longest)))


def tributary(bench, directory, pristine, nodes):
    topology, _ = line_of(nodes)
    with Mesh(bench, f"{directory}/mesh", topology) as mesh:
        mesh.start(*reversed(nodes))
        mesh.connected(*nodes)
        hidden, tree = mesh.home("origin", "hidden"), mesh.home("origin", "data", "tree")
        shutil.copytree(pristine, hidden, copy_function=os.link)
        watch = Stopwatch()
        os.rename(hidden, tree)
        mesh.send("origin", tree)
        seconds = watch.seconds()
        same(tree, mesh.home("collector", "landed", "origin", "files", "tree"))
        return seconds, memory_note(mesh.memory(*nodes))


def compare(bench):
    tables = []
    with contextlib.ExitStack() as stack:
        places = bench.places + bench.new_ext4(stack)
        for what, name, usual, shortest, longest, kept in KINDS:
            files = setting(name, usual)
            table = Table(
                what,
                f"{files:,} files of {shortest:,} to {longest:,} random bytes, every one durable at its target. Tributary: "
                "from the rename of the tree into the source until `send --wait landed` has returned.",
                base="Tributary, one hop",
                note="peak memory of each node (MiB)",
            )
            for place in places:
                with bench.directory(place) as directory:
                    os.mkdir(f"{directory}/pristine")
                    make(f"{directory}/pristine", files, shortest, longest)
                    measure(bench, place, directory, kept, table)
            tables.append(table)
    return tables


def measure(bench, place, directory, kept, table):
    with Rsync(directory) as rsync:
        for _ in range(bench.runs):
            for name, nodes in [
                ("Tributary, one hop", ["origin", "collector"]),
                ("Tributary, two hops", ["origin", "relay", "collector"]),
            ]:
                with bench.directory(place, kept=kept) as run:
                    table.add(name, place.name, *tributary(bench, run, f"{directory}/pristine", nodes))
            for name, options in [("rsync --fsync over ssh", ["--fsync"]), ("rsync over ssh", [])]:
                with bench.directory(place, kept=kept) as run:
                    watch = Stopwatch()
                    rsync.copy(f"{directory}/pristine", f"{run}/target", *options)
                    table.add(name, place.name, watch.seconds())
