"""Where the bench works: the build, its own folder, the cgroup. tools/bench makes them and says them here."""

import os
from pathlib import Path

from support.host import BUILD

PROGRAMS = BUILD / "tests/bench"
# Everything that lies on disk for the time of a run; tools/bench removes it, also after a run that was killed.
FOLDER = Path(os.environ.get("ZONED_BENCH_FOLDER", "/var/tmp/bench-of-zoned"))
CGROUP = Path("/sys/fs/cgroup")  # of the bench's own cgroup namespace
# All peers map their root to ids of this block; zoned gives its zones those before it.
ID_BASE = 0x6F000000
ID_FIRST = 0x10000000
IDS = 65536
