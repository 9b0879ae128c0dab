"""A second version with bytes inserted: how much goes over the wire."""

import os
import shutil

from library import MIB, Mesh, Stopwatch, Table, line_of, place_file, random_file, same, setting, wire
from peers.rsync import Rsync

PROGRAMS = ["rsync", "ssh", "sshd"]


def insert(old, new, count):
    """Writes a file again, with random bytes in its middle."""
    middle = os.path.getsize(old) // 2
    with open(old, "rb") as source, open(new, "wb") as target:
        for rest in (middle, None):
            while block := source.read(8 * MIB if rest is None else min(rest, 8 * MIB)):
                target.write(block)
                if rest is not None:
                    rest -= len(block)
            if rest is not None:
                target.write(os.urandom(count))


def tributary(bench, directory, versions):
    size = os.path.getsize(versions[0])
    spool = f"{4 * size // MIB + 1024} MiB"
    topology, ports = line_of(["origin", "collector"], spool=f"{spool}, cache: 60 %")
    with Mesh(bench, f"{directory}/mesh", topology) as mesh:
        mesh.start("collector", "origin")
        mesh.connected("origin", "collector")
        target = mesh.home("origin", "data", "large")
        figures = []
        for version in versions:
            before = sum(wire(ports["collector"]))
            watch = Stopwatch()
            place_file(version, target)
            mesh.send("origin", target)
            figures.append((watch.seconds(), sum(wire(ports["collector"])) - before))
            same(version, mesh.home("collector", "landed", "origin", "files", "large"))
        return figures[1]


def compare(bench):
    size, count = setting("VERSION_MIB", 1024) * MIB, setting("INSERT_MIB", 1) * MIB
    text = f"A file of {size // MIB} MiB has arrived; then a version with {count // MIB} MiB inserted in its middle."
    sent = Table("Second version, bytes", f"{text} TCP payload both ways; for rsync what `--stats` says, without ssh.", "MiB", "Tributary")
    took = Table("Second version, seconds", text, base="Tributary")
    for place in bench.places:
        with bench.directory(place) as directory, Rsync(directory) as rsync:
            versions = [f"{directory}/first", f"{directory}/second"]
            random_file(versions[0], size)
            insert(*versions, count)
            for _ in range(bench.runs):
                with bench.directory(place) as run:
                    seconds, bytes_ = tributary(bench, run, versions)
                    sent.add("Tributary", place.name, bytes_ / MIB)
                    took.add("Tributary", place.name, seconds)
                with bench.directory(place) as run:
                    for name in ("source", "target"):
                        os.makedirs(f"{run}/{name}")
                    shutil.copyfile(versions[0], f"{run}/target/large")
                    place_file(versions[1], f"{run}/source/large")
                    watch = Stopwatch()
                    bytes_ = sum(rsync.copy(f"{run}/source", f"{run}/target"))
                    took.add("rsync over ssh", place.name, watch.seconds())
                    sent.add("rsync over ssh", place.name, bytes_ / MIB)
                    same(versions[1], f"{run}/target/large")
    return [sent, took]
