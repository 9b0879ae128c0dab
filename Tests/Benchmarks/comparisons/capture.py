"""Capture alone: Tributary with no call up, restic into a local repository."""

import os
import shutil
import stat

from library import MIB, TRIBUTARY, Mesh, Stopwatch, Table, line_of, memory_note, random_file, setting
from peers.restic import Restic

PROGRAMS = ["restic"]


def make_tree(directory, size):
    """Copies of documents and programs of this machine, until they come to a size; how many."""
    files = 0
    for top in ("/usr/share", "/usr/lib"):
        for parent, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(parent, name)
                about = os.lstat(path)
                if not stat.S_ISREG(about.st_mode) or not 0 < about.st_size < 64 * MIB:
                    continue
                if size < about.st_size:
                    return files
                target = f"{directory}{parent}"
                os.makedirs(target, exist_ok=True)
                shutil.copyfile(path, f"{target}/{name}")
                size -= about.st_size
                files += 1
    return files


def tributary(bench, directory, pristine, how):
    topology, _ = line_of(["origin", "collector"], **how)
    with Mesh(bench, f"{directory}/mesh", topology) as mesh:
        mesh.start("origin")
        hidden = mesh.home("origin", "hidden")
        shutil.copytree(pristine, hidden, copy_function=os.link)
        tree = mesh.home("origin", "data", "tree")
        watch = Stopwatch()
        os.rename(hidden, tree)
        mesh.send("origin", tree, wait="held")
        return watch.seconds(), memory_note(mesh.memory("origin"))


def compare(bench):
    tables = []
    random_size, tree_size = setting("CAPTURE_MIB", 1024) * MIB, setting("TREE_MIB", 512) * MIB
    for what, text in (
        ("Capture, random bytes", f"One file of {random_size // MIB} MiB."),
        ("Capture, compressible tree", f"About {tree_size // MIB} MiB of files from /usr/share and /usr/lib."),
    ):
        table = Table(
            what, f"{text} Tributary: from the rename into the source until `send --wait held` has returned: all of it is durable in the spool.",
            base="Tributary", note="files; peak memory (MiB)",
        )
        for place in bench.places:
            with bench.directory(place) as directory:
                pristine = f"{directory}/pristine"
                os.makedirs(pristine)
                if "random" in what:
                    random_file(f"{pristine}/large", random_size)
                    files = 1
                else:
                    files = make_tree(pristine, tree_size)
                for _ in range(bench.runs):
                    for name, how in TRIBUTARY:
                        with bench.directory(place) as run:
                            seconds, memory = tributary(bench, run, pristine, how)
                            table.add(name, place.name, seconds, f"{files:,} files; {memory}")
                    with bench.directory(place) as run:
                        restic = Restic(run)
                        watch = Stopwatch()
                        restic.backup(pristine)
                        table.add("restic", place.name, watch.seconds())
        tables.append(table)
    return tables
