"""Bytes each way before the first payload byte, and around one small file."""

import os
import time

from library import Mesh, Table, line_of, place_file, setting, wire

PROGRAMS = []


def settled(port):
    """The counts once nothing has moved for half a second: tickets and hellos come in their time."""
    last, since = wire(port), time.monotonic()
    while time.monotonic() - since < 0.5:
        time.sleep(0.05)
        now = wire(port)
        if now != last:
            last, since = now, time.monotonic()
    return last


def compare(bench):
    size = setting("WIRE_BYTES", 2048)
    table = Table(
        "Bytes on the wire",
        "TCP payload at the dialler, as the kernel counts it (`ss -ti`). Before payload: TLS handshake with both "
        f"certificates, session tickets, both hellos. With a file: the same call, and one file of {size:,} bytes until it "
        "has landed and its statements are back; the file's own bytes are in it.",
        unit="bytes", digits=0,
    )
    place = bench.places[0]
    for _ in range(bench.runs):
        with bench.directory(place) as directory:
            topology, ports = line_of(["origin", "collector"])
            with Mesh(bench, f"{directory}/mesh", topology) as mesh:
                mesh.start("collector", "origin")
                mesh.connected("origin", "collector")
                for moment in ("before payload", "with a file"):
                    if moment == "with a file":
                        with open(f"{directory}/file", "wb") as file:
                            file.write(os.urandom(size))
                        place_file(file.name, mesh.home("origin", "data", "file"))
                        mesh.send("origin", mesh.home("origin", "data", "file"))
                    sent, received = settled(ports["collector"])
                    table.add(f"{moment}, sent by the dialler", "loopback", sent)
                    table.add(f"{moment}, received", "loopback", received)
    return [table]
