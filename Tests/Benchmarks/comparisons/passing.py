"""Memory of a relay that much passes through. On request: it needs about three times its size of disk."""

from library import MIB, Mesh, Stopwatch, Table, line_of, memory_note, place_file, random_file, setting

PROGRAMS = []
FILE_MIB = 1024


def compare(bench):
    files = setting("PASSING_GIB", 10)
    table = Table(
        "Passing through a relay",
        f"{files} files of 1 GiB of random bytes one after the other over origin, relay and collector, with a spool of 4 GiB each.",
        note="peak memory of each node after each file (MiB)",
    )
    nodes = ["origin", "relay", "collector"]
    with bench.directory(bench.disk) as directory:
        topology, _ = line_of(nodes, spool="4 GiB")
        with Mesh(bench, f"{directory}/mesh", topology) as mesh:
            mesh.start(*reversed(nodes))
            mesh.connected(*nodes)
            for number in range(files):
                random_file(f"{directory}/file", FILE_MIB * MIB)
                target = mesh.home("origin", "data", f"file-{number}")
                watch = Stopwatch()
                place_file(f"{directory}/file", target)
                mesh.send("origin", target)
                table.add(f"file {number + 1}", bench.disk.name, watch.seconds(), memory_note(mesh.memory(*nodes)))
    return [table]
