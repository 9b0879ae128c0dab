"""Two Syncthing instances that know only each other, without discovery, relays or updates."""

import contextlib
import json
import os
import re
import urllib.request

from library import Children, Failure, Peer, call, free_port, wait

NAMES = ("one", "two")


class Syncthing(Peer):
    """Folder `one` is sent to folder `two`; both instances are ended with the block."""

    def __init__(self, directory):
        self.directory = os.path.join(directory, "syncthing")
        self.children, self.keys, self.ids, self.ports = Children(directory), {}, {}, {}
        for name in NAMES:
            home = f"{self.directory}/{name}-home"
            os.makedirs(self.folder(name))
            call(["syncthing", "generate", "--home", home, "--no-default-folder"], 60)
            self.ids[name] = call(["syncthing", "--home", home, "--device-id"], 60).strip()
            self.ports[name] = (free_port(), free_port())
        for name in NAMES:
            self.configure(name, *(other for other in NAMES if other != name))

    def start(self):
        for name in NAMES:
            self.children.start(
                name, ["syncthing", "serve", "--home", f"{self.directory}/{name}-home", "--no-browser"],
                env={**os.environ, "STNOUPGRADE": "1", "STMONITORED": "yes"},
            )
        wait(lambda: all(self.sees_other(name) for name in NAMES), "Syncthing's connection", 90, 0.2)

    def folder(self, name):
        return f"{self.directory}/{name}"

    def configure(self, name, other):
        path = f"{self.directory}/{name}-home/config.xml"
        with open(path) as file:
            text = file.read()
        self.keys[name] = re.search("<apikey>(.*?)</apikey>", text)[1]
        sync, gui = self.ports[name]
        kind = "sendonly" if name == "one" else "receiveonly"
        device = f'<device id="{self.ids[other]}" name="{other}"><address>tcp://127.0.0.1:{self.ports[other][0]}</address></device>'
        folder = (
            f'<folder id="bench" path="{self.folder(name)}" type="{kind}" rescanIntervalS="0" fsWatcherEnabled="false">'
            f'<filesystemType>basic</filesystemType><device id="{self.ids[name]}"/><device id="{self.ids[other]}"/></folder>'
        )
        text = re.sub(r"(<gui[^>]*>.*?<address>)[^<]*", rf"\g<1>127.0.0.1:{gui}", text, flags=re.S)
        text = re.sub("<listenAddress>.*?</listenAddress>", f"<listenAddress>tcp://127.0.0.1:{sync}</listenAddress>", text)
        for option in ("globalAnnounceEnabled", "localAnnounceEnabled", "relaysEnabled", "natEnabled", "startBrowser", "crashReportingEnabled"):
            text = re.sub(f"<{option}>.*?</{option}>", f"<{option}>false</{option}>", text)
        text = text.replace("<options>", "<options><urAccepted>-1</urAccepted>", 1) if "urAccepted" not in text else text
        with open(path, "w") as file:
            file.write(text.replace("</configuration>", f"{folder}{device}</configuration>"))

    def ask(self, name, path, method="GET"):
        self.children.check()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[name][1]}/rest/{path}", method=method,
            headers={"X-API-Key": self.keys[name]},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            body = answer.read()
        return json.loads(body) if body.strip() else {}

    def sees_other(self, name):
        with contextlib.suppress(OSError, ValueError):
            connections = self.ask(name, "system/connections")["connections"].values()
            return any(connection["connected"] for connection in connections)

    def sync(self, size, timeout=600):
        """Scans `one` and waits until `two` has so many bytes."""
        self.ask("one", "db/scan?folder=bench", "POST")
        def is_done():
            status = self.ask("two", "db/status?folder=bench")
            if status.get("errors"):
                raise Failure(f"Syncthing: {status}")
            return status["needBytes"] == 0 and status["inSyncBytes"] >= size
        wait(is_done, "Syncthing's transfer", timeout)

    def memory(self):
        return {name: self.children.memory(name) for name in NAMES}
