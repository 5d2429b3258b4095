from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from giftping.codes.fetch import USER_AGENT, Failed, Fetched, FetchRequest
from giftping.runs.check import SecretHeaders
from giftping.settings.load import load_settings

NOW = datetime(2026, 11, 20, tzinfo=UTC)


class Listener:
    """Takes down what it is asked, and answers nothing."""

    def fetch(self, request: FetchRequest, now: datetime) -> Fetched:
        self.headers = dict(request.headers)
        return Failed("nobody there")


def sent(folder: Path, contact: str, **headers: str) -> dict[str, str]:
    (folder / "giftping.toml").write_text(f"[codes]\n{contact and f'contact = {contact!r}'}\n", "utf-8")
    listener = Listener()
    settings = load_settings({"HOME": str(folder)}, cwd=folder)
    SecretHeaders(settings, listener).fetch(FetchRequest("https://codes.example/", headers), NOW)
    return listener.headers


def test_the_contact_is_told_to_the_sources(tmp_path: Path) -> None:
    assert sent(tmp_path, "you@example.org") == {"User-Agent": f"{USER_AGENT[:-1]}; you@example.org)"}


def test_without_a_contact_nobody_is_named(tmp_path: Path) -> None:
    assert sent(tmp_path, "", Accept="text/html") == {"User-Agent": USER_AGENT, "Accept": "text/html"}
