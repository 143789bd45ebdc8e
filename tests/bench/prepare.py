"""Builds the archive of Debian, before the bench enters namespaces without a network."""

from support import images
from support.host import Host


def main():
    host = Host().start()
    try:
        images.debian(host, "bookworm", "systemd")
    finally:
        problems = host.close()
    if problems:
        raise SystemExit("\n".join(problems))


if __name__ == "__main__":
    main()
