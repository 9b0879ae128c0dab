"""One large file over a relay: Tributary, NNCP."""

from library import CARRYING, MIB, Table, carry, memory_note, random_file, same, setting
from peers.nncp import NNCP

PROGRAMS = ["nncp-call", "nncp-daemon"]


def compare(bench):
    size = setting("RELAY_MIB", 1024) * MIB
    table = Table(
        "Origin, relay, collector",
        f"One file of {size // MIB} MiB of random bytes. NNCP: create, call, toss, call, toss; the idle second "
        "of each call is taken off.",
        base="Tributary",
        note="peak memory of each node (MiB), or seconds of each step",
    )
    for place in bench.places:
        with bench.directory(place) as directory:
            pristine = f"{directory}/large"
            random_file(pristine, size)
            for _ in range(bench.runs):
                for name, how in CARRYING:
                    with bench.directory(place) as run:
                        seconds, memory = carry(bench, run, pristine, ["origin", "relay", "collector"], how)
                        table.add(name, place.name, seconds, memory_note(memory))
                with bench.directory(place) as run, NNCP(run) as nncp:
                    steps = nncp.carry(pristine)
                    same(pristine, nncp.landed("large"))
                    note = ", ".join(f"{step} {seconds:.1f}" for step, seconds in steps.items())
                    table.add("NNCP", place.name, sum(steps.values()), note)
    return [table]
