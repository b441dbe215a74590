"""An embedded AWS for tests: one process on a free port, with an estate, until `stop()`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
TARGET = "222222222222"
STAGING = "111111111111"

ACCOUNTS: dict[str, Any] = {
    TARGET: {
        "name": "target",
        "access_keys": [
            {
                "access_key_id": "AKIATARGETOPERATOR01",
                "secret_access_key": "secret-of-the-target-operator-0000000001",
                "user": "dr-operator",
            }
        ],
    },
    STAGING: {
        "name": "staging",
        "access_keys": [
            {
                "access_key_id": "AKIASTAGINGOPERATOR1",
                "secret_access_key": "secret-of-the-staging-operator-000000001",
                "user": "dr-operator",
            }
        ],
    },
}


# One session for all clients: it reads each service's model once. Only its clients may be used by several threads.
_SESSION: Any = boto3.session.Session()
_MAKING = threading.Lock()


class ControlError(Exception):
    """The control API answered an error; `status` and the document's text tell which."""

    def __init__(self, status: int, text: str):
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


class EmbeddedAws:
    """A running emulator.

    Args:
        estate: Path of an estate file, or an estate as a mapping; the two sample accounts when left out.
        pace: Virtual seconds a real second, None for no limit.
        load: A saved state to go on from; the estate then only tells the keys.
    """

    def __init__(
        self, estate: Path | dict[str, Any] | None = None, pace: float | None = None, load: Path | None = None
    ):
        self._directory = tempfile.TemporaryDirectory(prefix="embedded-aws-test-")
        self.state_dir = Path(self._directory.name)
        if not isinstance(estate, Path):
            document = estate if estate is not None else {"accounts": ACCOUNTS}
            estate = self.state_dir / "estate.yml"
            estate.write_text(yaml.safe_dump(document), encoding="utf-8")
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._accounts = yaml.safe_load(estate.read_text(encoding="utf-8"))["accounts"]
        source = ["--load", str(load)] if load else ["--estate", str(estate)]
        command = ["start", *source, "--port", "0"]
        if pace is not None:
            command += ["--pace", str(pace)]
        try:
            self._command(*command)
            state = json.loads((self.state_dir / "emulator.json").read_text(encoding="utf-8"))
        except BaseException:
            self._directory.cleanup()
            raise
        self.endpoint: str = state["endpoint"]
        self.pid: int = state["pid"]
        self.log = Path(state["log"])

    def credentials(self, account: str = TARGET) -> dict[str, str]:
        """Return the first user's keys of an account, as boto3's keyword arguments."""
        key = self._accounts[account]["access_keys"][0]
        return {"aws_access_key_id": key["access_key_id"], "aws_secret_access_key": key["secret_access_key"]}

    def environment(self, account: str = TARGET, region: str = "us-west-2") -> dict[str, str]:
        """Return the environment variables with which a sub-process talks to this emulator."""
        credentials = self.credentials(account)
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": credentials["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": credentials["aws_secret_access_key"],
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, region: str = "us-west-2", account: str = TARGET, **overrides: Any) -> Any:
        """Return a boto3 client; errors come at once (no retries) unless `config` says otherwise.

        Making one takes longer than most calls, so the same client is handed out again where nothing is overridden.
        """
        key = (service, region, account)
        if not overrides and key in self._clients:
            return self._clients[key]
        arguments: dict[str, Any] = {
            "region_name": region,
            "endpoint_url": self.endpoint,
            "config": Config(retries={"total_max_attempts": 1}, read_timeout=120, max_pool_connections=40),
            **self.credentials(account),
            **overrides,
        }
        with _MAKING:
            client = _SESSION.client(service, **arguments)
        if not overrides:
            self._clients[key] = client
        return client

    def control(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        """Ask the control API: GET without a body, else POST, unless `method` says otherwise.

        Raises:
            ControlError: the emulator answered an error.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310
            f"{self.endpoint}/_embedded/{path}", data=data, method=method or ("GET" if body is None else "POST")
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ControlError(error.code, error.read().decode()) from error

    def stop(self) -> None:
        """Stop the emulator and remove its files."""
        self._command("stop")
        self._directory.cleanup()

    def _command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "emulator", *arguments, "--state-dir", str(self.state_dir)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"emulator {arguments[0]}: {done.stderr.strip()}")
        return done.stdout
