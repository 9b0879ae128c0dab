"""rsync over ssh, with an sshd, keys and a configuration of our own."""

import contextlib
import os
import re

from library import Children, Peer, call, free_port, wait


class Rsync(Peer):
    """An sshd on the loopback, ended with the block; `copy` goes through it."""

    def __init__(self, directory):
        self.directory, self.port = os.path.join(directory, "ssh"), free_port()
        os.makedirs(self.directory, mode=0o700)
        for name in ("host", "user"):
            call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.directory}/{name}"])
        with open(f"{self.directory}/sshd_config", "w") as file:
            file.write(
                f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.directory}/host\n"
                f"AuthorizedKeysFile {self.directory}/user.pub\nPidFile none\nStrictModes no\n"
                "UsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            )
        self.shell = (
            f"ssh -F none -p {self.port} -i {self.directory}/user -o IdentitiesOnly=yes"
            " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        )
        self.children, self.made = Children(self.directory), False

    def start(self):
        if os.getuid() == 0 and not os.path.isdir("/run/sshd"):
            os.mkdir("/run/sshd", 0o755)  # sshd insists on it; Debian's own service makes it too
            self.made = True
        self.children.start("sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", f"{self.directory}/sshd_config"])
        wait(self.answers, "sshd", 20)

    def answers(self):
        self.children.check()
        with contextlib.suppress(Exception):
            call(self.shell.split() + ["127.0.0.1", "true"], 20)
            return True

    def __exit__(self, *_):
        super().__exit__()
        if self.made:
            with contextlib.suppress(OSError):
                os.rmdir("/run/sshd")

    def copy(self, source, target, *options, timeout=600):
        """Copies what is in a directory into another; returns bytes sent and received."""
        text = call(
            ["rsync", "-a", "--stats", "-e", self.shell, *options, f"{source}/", f"127.0.0.1:{target}/"],
            timeout,
        )
        return tuple(
            int(re.search(rf"Total bytes {way}: ([\d,]+)", text)[1].replace(",", ""))
            for way in ("sent", "received")
        )
