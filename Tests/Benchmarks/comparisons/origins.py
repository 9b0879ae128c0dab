"""1, 10 and 100 origins into one collector."""

import os

from library import MIB, Mesh, Stopwatch, Table, free_port, place_file, random_file, setting

PROGRAMS = []


def run_with(bench, directory, origins, count, total):
    port = free_port()
    topology = "\n".join([
        "mesh: bench", "nodes:",
        f'  "origin-{{1..{origins}}}": {{sends: {{files: data}}, spool: 1 GiB}}',
        f'  collector: {{listens: "127.0.0.1:{port}", receives: landed, spool: 8 GiB}}',
        f'links: ["origin-{{1..{origins}}} -> collector"]', "",
    ])
    names = [f"origin-{number}" for number in range(1, origins + 1)]
    with Mesh(bench, f"{directory}/mesh", topology) as mesh:
        mesh.start("collector", *names)
        mesh.connected("collector", *names, timeout=120)
        files = [f"{directory}/{number}" for number in range(count + origins)]
        for file in files:
            random_file(file, total // count)
        # One of each first: what a process does once is no part of its throughput.
        for name in names:
            place_file(files.pop(), mesh.home(name, "data", "first"))
        mesh.reached("collector", "landed", origins)
        before = mesh.children.processor("collector")
        watch = Stopwatch()
        for number, file in enumerate(files):
            place_file(file, mesh.home(names[number % origins], "data", f"file-{number}"))
        mesh.reached("collector", "landed", origins + count, every=0.2)
        seconds = watch.seconds()
        most = max(mesh.memory(*names).values())
        processor = mesh.children.processor("collector") - before
        return seconds, f"{processor:.1f} s; collector {mesh.memory('collector')['collector']:.0f}, an origin {most:.0f}"


def compare(bench):
    total, files = setting("ORIGINS_MIB", 512) * MIB, setting("ORIGINS_FILES", 1_000)
    counts = [int(count) for count in os.environ.get("TRIBUTARY_BENCH_ORIGINS", "1 10 100").split()]
    table = Table(
        "Origins into one collector",
        f"{files:,} files of {total // files // 1024} KiB, as many from each origin, which has sent one before; from the "
        "first rename until the last has landed. All nodes on this machine.",
        base=f"{counts[0]} origins",
        note="processor time of the collector; peak memory (MiB)",
    )
    for place in bench.places:
        for _ in range(bench.runs):
            for origins in counts:
                with bench.directory(place) as directory:
                    table.add(f"{origins} origins", place.name, *run_with(bench, directory, origins, files, total))
    return [table]
