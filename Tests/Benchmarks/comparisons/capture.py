"""Capture alone: Tributary with no call up, restic into a local repository."""

import os
import shutil
import stat

from library import MIB, TRIBUTARY, Mesh, Stopwatch, Table, line_of, memory_note, random_file, setting
from peers.restic import Restic

PROGRAMS = ["restic"]


def documents(size):
    """Documents and programs of this machine, until they come to a size: folder, name, bytes of each."""
    for top in ("/usr/share", "/usr/lib"):
        for parent, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(parent, name)
                about = os.lstat(path)
                if not stat.S_ISREG(about.st_mode) or not 0 < about.st_size < 64 * MIB:
                    continue
                if size < about.st_size:
                    return
                yield parent, name, about.st_size
                size -= about.st_size


def make_random(directory):
    """One file of random bytes; how many that is."""
    random_file(f"{directory}/large", setting("CAPTURE_MIB", 1024) * MIB)
    return 1


def make_tree(directory):
    """Copies of documents and programs as they are; how many."""
    files = 0
    for parent, name, _ in documents(setting("TREE_MIB", 512) * MIB):
        target = f"{directory}{parent}"
        os.makedirs(target, exist_ok=True)
        shutil.copyfile(f"{parent}/{name}", f"{target}/{name}")
        files += 1
    return files


def make_bundles(directory):
    """The same, one after the other in files of about 8 MiB; how many."""
    files, room = 0, 0
    for parent, name, size in documents(setting("TREE_MIB", 512) * MIB):
        if room <= 0:
            files, room = files + 1, 8 * MIB
        with open(f"{parent}/{name}", "rb") as source, open(f"{directory}/{files}", "ab") as target:
            shutil.copyfileobj(source, target)
        room -= size
    return files


KINDS = (
    ("Capture, random bytes", "One file.", make_random),
    ("Capture, compressible files", "Files from /usr/share and /usr/lib, one after the other in files of about 8 MiB.", make_bundles),
    ("Capture, tree of small files", "The same files as they are: half of them have at most 1.5 kB.", make_tree),
)


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
    for what, text, make in KINDS:
        table = Table(
            what, f"{text} Tributary: from the rename into the source until `send --wait held` has returned: all of it is durable in the spool.",
            base="Tributary", note="what it is; peak memory (MiB)",
        )
        for place in bench.places:
            with bench.directory(place) as directory:
                pristine = f"{directory}/pristine"
                os.makedirs(pristine)
                files = make(pristine)
                size = sum(os.lstat(f"{parent}/{name}").st_size for parent, _, names in os.walk(pristine) for name in names)
                size = f"{files:,} file{'s' if files > 1 else ''}, {size / MIB:,.0f} MiB"
                for _ in range(bench.runs):
                    for name, how in TRIBUTARY:
                        with bench.directory(place) as run:
                            seconds, memory = tributary(bench, run, pristine, how)
                            table.add(name, place.name, seconds, f"{size}; {memory}")
                    with bench.directory(place) as run:
                        restic = Restic(run)
                        watch = Stopwatch()
                        restic.backup(pristine)
                        table.add("restic", place.name, watch.seconds())
        tables.append(table)
    return tables
