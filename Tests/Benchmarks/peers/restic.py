"""restic into a repository on the same file system."""

import os

from library import call


class Restic:
    """A repository of our own; the cache lies beside it."""

    def __init__(self, directory):
        self.environment = {
            **os.environ,
            "RESTIC_REPOSITORY": f"{directory}/repository",
            "RESTIC_PASSWORD": "bench",
            "RESTIC_CACHE_DIR": f"{directory}/cache",
        }
        call(["restic", "init"], env=self.environment)

    def backup(self, source, timeout=600):
        call(["restic", "backup", "--quiet", source], timeout, env=self.environment)
