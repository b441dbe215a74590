"""The status page: all of it in one document, and nothing of what callers chose unescaped."""

from __future__ import annotations

import urllib.error
import urllib.request
from html.parser import HTMLParser
from typing import Any

import pytest

from emulator import page
from tests.support.embedded import EmbeddedAws

EVIL = "<script>alert('x')</script>&\"'"
NOW = "2026-11-23T10:57:01.250000+00:00"


class Reader(HTMLParser):
    """Collects tags, attributes and texts, and checks that tags match."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [str(value) for name, value in attrs if name in ("href", "src", "action")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def view(**rows: list[dict[str, Any]]) -> dict[str, Any]:
    empty: dict[str, Any] = {key: [] for key in ("jobs", "servers", "executions", "functions", "faults", "errors")}
    clock = {"now": NOW, "pace": None, "busy": 1, "timers": [], "deadlines": []}
    return {**empty, "clock": clock, **rows}


def test_an_idle_emulator() -> None:
    texts = " ".join(read(page.render(view())).texts)
    assert "2026-11-23 10:57:01" in texts
    assert "as fast as the work allows · at rest · next moment: nothing" in texts
    assert texts.count("none") == 6


def test_everything_is_escaped() -> None:
    row = {"name": EVIL, EVIL: {"key": EVIL}, "list": [EVIL], "created": NOW}
    server = {"account": EVIL, "region": EVIL, "replication": EVIL, "last_launch": EVIL}
    part = {"server": EVIL, "status": EVIL, "phase": EVIL}
    job = {"job": EVIL, "participants": [part]}
    html = page.render(
        view(jobs=[job], servers=[server], executions=[row], functions=[row], faults=[row], errors=[row])
    )
    reader = read(html)
    assert "script" not in reader.tags
    assert reader.links == []
    assert sum(EVIL in text for text in reader.texts) >= 15


def test_jobs_show_how_far_their_servers_are() -> None:
    parts = [{"server": f"s-{n}", "status": "IN_PROGRESS", "phase": "LAUNCH_START"} for n in range(3)]
    parts.append({"server": "s-3", "status": "LAUNCHED", "phase": None})
    jobs = [{"job": f"drsjob-{n}", "status": "STARTED", "participants": parts} for n in range(30)]
    texts = read(page.render(view(jobs=jobs))).texts
    assert texts.count("3 LAUNCH_START, 1 LAUNCHED") == page.NEWEST
    assert [text for text in texts if text.startswith("drsjob-")][:2] == ["drsjob-29", "drsjob-28"]


def test_the_page_of_a_running_emulator(embedded: EmbeddedAws) -> None:
    with pytest.raises(embedded.client("drs").exceptions.UninitializedAccountException):
        embedded.client("drs").describe_jobs(filters={})
    with urllib.request.urlopen(f"{embedded.endpoint}/_embedded/", timeout=10) as answer:  # noqa: S310
        headers, texts = answer.headers, read(answer.read().decode()).texts
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "UninitializedAccountException" in texts


def test_other_web_pages_may_not_control_it(embedded: EmbeddedAws) -> None:
    request = urllib.request.Request(  # noqa: S310
        f"{embedded.endpoint}/_embedded/clock", data=b'{"advance": 60}', headers={"Origin": "https://elsewhere.example"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)  # noqa: S310
    assert refused.value.code == 403
