"""NNCP from one node over a relay to another, by calls."""

import os
import re

from library import Children, Peer, Stopwatch, call, free_port, wait

NODES = ("origin", "relay", "collector")
#: A call ends when nothing has come for so long; it is taken off.
IDLE_SECONDS = 1


class NNCP(Peer):
    """Configurations, spools and daemons of three nodes; ended with the block."""

    def __init__(self, directory):
        self.directory = os.path.join(directory, "nncp")
        self.children, self.selves, self.neighbours = Children(directory), {}, {}
        self.ports = {node: free_port() for node in NODES[1:]}
        for node in NODES:
            os.makedirs(f"{self.directory}/{node}/spool")
            os.makedirs(f"{self.directory}/{node}/in")
            text = call(["nncp-cfgnew", "-nocomments"])
            # The node's own keys, and what of them others are to know.
            own = dict(re.findall(r"(\w+): (\S+)", re.search(r"\n  self: {(.*?)\n  }", text, re.S)[1]))
            self.selves[node] = own
            self.neighbours[node] = {key: own[key] for key in ("id", "exchpub", "signpub", "noisepub")}
        for node in NODES:
            with open(self.config(node), "w") as file:
                file.write(self.written(node))

    def start(self):
        for node in NODES[1:]:
            self.children.start(
                node, ["nncp-daemon", "-quiet", "-cfg", self.config(node), "-bind", f"127.0.0.1:{self.ports[node]}"]
            )
            wait(lambda: call(["ss", "-tlnH", f"sport = :{self.ports[node]}"]).strip(), "nncp-daemon", 30)

    def config(self, node):
        return f"{self.directory}/{node}/nncp.hjson"

    def written(self, node):
        lines = ["{", f"  spool: {self.directory}/{node}/spool", f"  log: {self.directory}/{node}/log", "  self: {"]
        lines += [f"    {key}: {value}" for key, value in self.selves[node].items()] + ["  }", "  neigh: {"]
        for other in NODES:
            lines.append(f"    {'self' if other == node else other}: {{")
            lines += [f"      {key}: {value}" for key, value in self.neighbours[other].items()]
            if other != node:
                lines.append(f"      incoming: {self.directory}/{node}/in")
            if (node, other) in (("origin", "collector"), ("collector", "origin")):
                lines.append('      via: ["relay"]')
            if other in self.ports and other != node:
                lines.append(f'      addrs: {{main: "127.0.0.1:{self.ports[other]}"}}')
            lines.append("    }")
        return "\n".join(lines + ["  }", "}", ""])

    def run(self, program, node, *arguments, timeout=600):
        watch = Stopwatch()
        call([program, "-quiet", "-cfg", self.config(node), *arguments], timeout)
        return watch.seconds()

    def carry(self, file):
        """Seconds of each step on the way of a file."""
        idle = ["-onlinedeadline", str(IDLE_SECONDS)]
        return {
            "create": self.run("nncp-file", "origin", file, "collector:"),
            "call": self.run("nncp-call", "origin", *idle, "relay") - IDLE_SECONDS,
            "toss": self.run("nncp-toss", "relay"),
            "second call": self.run("nncp-call", "relay", *idle, "collector") - IDLE_SECONDS,
            "second toss": self.run("nncp-toss", "collector"),
        }

    def landed(self, name):
        return f"{self.directory}/collector/in/{name}"
