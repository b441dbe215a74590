"""Let a fork of the parent process run a Python file: client.py ADDRESS FILE [ARGUMENT …]."""

import json
import os
import socket
import sys


def main() -> int:
    """Return the exit status of the file; 1 when its process was killed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        link.connect(sys.argv[1])
        directory = os.path.realpath(os.curdir)
        order = {"arguments": sys.argv[2:], "environment": dict(os.environ), "directory": directory}
        socket.send_fds(link, [json.dumps(order).encode()], [0, 1, 2])
        return int(link.recv(16) or 1)


if __name__ == "__main__":
    sys.exit(main())
