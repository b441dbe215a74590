"""Fork for every file that a client asks for: parent.py ADDRESS. Ends when its standard input does."""

import json
import os
import runpy
import select
import signal
import socket
import sys
from pathlib import Path

import boto3

LARGEST_ORDER = 1024 * 1024


def run(link: socket.socket) -> None:
    """Run the file that the client names, in this process, and tell the client how it ended."""
    text, streams, _, _ = socket.recv_fds(link, LARGEST_ORDER, 3)
    order = json.loads(text)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["directory"])
    sys.argv = order["arguments"]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    status = 1
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        link.send(str(status).encode())


def serve(address: str) -> None:
    """Fork for each client; return in the forks, and when nobody needs the parent any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while select.select([listener, sys.stdin], [], [])[0] == [listener]:
            link, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                run(link)
                return
            link.close()


if __name__ == "__main__":
    boto3.client("sts", region_name="us-east-1")  # loads what a first client loads
    serve(sys.argv[1])
