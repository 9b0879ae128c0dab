"""One large file over one hop: Tributary, rsync over ssh, Syncthing."""

import os

from library import CARRYING, MIB, Stopwatch, Table, carry, memory_note, place_file, random_file, same, setting
from peers.rsync import Rsync
from peers.syncthing import Syncthing

PROGRAMS = ["rsync", "ssh", "sshd", "syncthing"]


def compare(bench):
    size = setting("HOP_MIB", 1024) * MIB
    table = Table(
        "One hop",
        f"One file of {size // MIB} MiB of random bytes. Tributary: from the rename into the source until "
        "`send --wait landed` has returned. Syncthing: scan included.",
        base="Tributary",
        note="peak memory of each node (MiB)",
    )
    for place in bench.places:
        with bench.directory(place) as directory, Rsync(directory) as rsync:
            pristine = f"{directory}/pristine"
            random_file(pristine, size)
            for _ in range(bench.runs):
                for name, how in CARRYING:
                    with bench.directory(place) as run:
                        seconds, memory = carry(bench, run, pristine, ["origin", "collector"], how)
                        table.add(name, place.name, seconds, memory_note(memory))
                with bench.directory(place) as run:
                    os.makedirs(f"{run}/source")
                    place_file(pristine, f"{run}/source/large")
                    watch = Stopwatch()
                    rsync.copy(f"{run}/source", f"{run}/target")
                    table.add("rsync over ssh", place.name, watch.seconds())
                    same(pristine, f"{run}/target/large")
                with bench.directory(place) as run, Syncthing(run) as syncthing:
                    place_file(pristine, f"{syncthing.folder('one')}/large")
                    watch = Stopwatch()
                    syncthing.sync(size)
                    seconds = watch.seconds()
                    same(pristine, f"{syncthing.folder('two')}/large")
                    table.add("Syncthing", place.name, seconds, memory_note(syncthing.memory()))
    return [table]
