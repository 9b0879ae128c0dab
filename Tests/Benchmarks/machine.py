"""What the figures were taken on, and with which versions."""

import os
import platform
import subprocess
import time

from library import call


class Machine:
    """Facts by name, in order."""

    def __init__(self, facts):
        self.facts = facts

    def markdown(self):
        return "\n".join(["| | |", "|---|---|"] + [f"| {k} | {v} |" for k, v in self.facts.items()]) + "\n"


def first_line(*arguments):
    """The first line that a program says of its version, or none."""
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else None


def describe(bench, root):
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "?")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / (1 << 20)
    with open("/etc/os-release") as file:
        system = next((line.split("=")[1].strip().strip('"') for line in file if line.startswith("PRETTY")), "?")
    facts = {
        "taken": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {cpu}, {memory:.0f} GiB",
        "system": f"{system}, Linux {platform.release()}",
        "load before": f"{os.getloadavg()[0]:.1f}",
    }
    for place in (bench.tmpfs, bench.disk):
        facts[place.name] = call(["stat", "-f", "-c", "%T", place.path]).strip()
    facts["Tributary"] = first_line("git", "-C", root, "describe", "--always", "--dirty")
    for name, arguments in {
        "Swift": ["swift", "--version"],
        "rsync": ["rsync", "--version"],
        "OpenSSH": ["ssh", "-V"],
        "Syncthing": ["syncthing", "--version"],
        "NNCP": ["nncp-call", "-version"],
        "restic": ["restic", "version"],
    }.items():
        if line := first_line(*arguments):
            facts[name] = line
    return Machine(facts)
