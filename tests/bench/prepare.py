"""Before the bench enters namespaces without a network: the archive of Debian, built once (as the tests' is)."""

from bench.measures.debian import ARCHIVE
from support import images
from support.host import Host


def main():
    if ARCHIVE.exists():
        print(f"{ARCHIVE} is there")
        return
    host = Host().start()
    try:
        images.debian(host, "bookworm", "systemd")
    finally:
        problems = host.close()
    if problems:
        raise SystemExit("\n".join(problems))


if __name__ == "__main__":
    main()
