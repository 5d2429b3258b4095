"""`giftping todo forget`: it asks, removes, and says what stays and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from past import ASHA, BEN, CHANNEL, DAY, GUILD, HOUR, Past, now
from ran import Ran

from giftping.todo.model import Attachment, Lapse, Leg, LegState, Notice, NoticeKind, Pause, Removal, RemovalState, Todo

Run = Callable[..., Ran]

SECRETLY = "Visit the doctor"
TODO = Todo("Asha", "24/11/2026", must_do=SECRETLY, id="t1", submitted_at=now(), attachment=Attachment("a.png"))


def known(past: Past, **fields: Any) -> None:
    """Let there be all that can be known of a member."""
    notice = Notice("t1", NoticeKind.SUBMISSION, now() - HOUR, dm=Leg(LegState.CLOSED), todo=TODO)
    pause = Pause("p", now() - 9 * DAY, now() - 8 * DAY, SECRETLY)
    past.member(ASHA, "Asha", **({"silent": 2 * DAY, "todo": TODO, "notices": (notice,), "pauses": (pause,)} | fields))
    for number in (7, 8):
        event = {"user_id": str(ASHA), "kind": "submission", "at": now().timestamp() - number, "reason": SECRETLY}
        past.document("todo_events", {"_id": f"e{number}", **event, "leg": "channel", "message_id": str(number)})
    (past.state / "attachments").mkdir()
    (past.state / "attachments" / "t1").write_bytes(b"x")
    (past.state / "attachments" / "t2").write_bytes(b"x")


def kept(past: Past) -> str:
    """All that the files of the state folder hold, what is kept of earlier states among it."""
    return "".join(path.read_text() for path in past.state.rglob("*") if path.is_file())


@pytest.mark.usefixtures("discord")
def test_it_says_what_was_removed_and_what_stays_and_why(giftping: Run, past: Past) -> None:
    known(past)
    ran = giftping("todo", "forget", str(ASHA), "--yes")
    assert (ran.exit_code, ran.errors) == (0, "")
    assert ran.output.splitlines() == [
        "Removed of Asha: the last TODO and its times, 2 entries of the history, 1 pause, 1 file.",
        "Stays: the place on the roster, with a clock that begins now; todo roster remove ends that.",
        "Stays: 2 messages in Discord; whoever may, deletes them there:",
        f"  https://discord.com/channels/{GUILD}/{CHANNEL}/8",
        f"  https://discord.com/channels/{GUILD}/{CHANNEL}/7",
    ]
    member = past.read(ASHA)
    assert (member.todo, member.notices, member.pauses, past.events(ASHA)) == (None, (), (), [])
    assert SECRETLY not in kept(past)
    assert [path.name for path in (past.state / "attachments").iterdir()] == ["t2"]
    assert SECRETLY not in giftping("todo", "status", str(ASHA), "--json").output


@pytest.mark.usefixtures("discord")
def test_without_a_yes_nothing_is_removed(giftping: Run, past: Past) -> None:
    known(past)
    ran = giftping("todo", "forget", str(ASHA))
    assert ran.exit_code == 2
    assert "nobody was forgotten; say --yes" in ran.errors
    assert past.read(ASHA).todo is not None


@pytest.mark.usefixtures("discord")
def test_a_role_that_giftping_took_and_a_pause_that_holds_are_said_to_stay(giftping: Run, past: Past) -> None:
    since = now() - 9 * DAY
    lapse = Lapse(since, removal=Removal(RemovalState.DONE, now() - DAY, "h"))
    known(past, last_submit=since, lapse=lapse, pauses=(Pause("p", now() - DAY, None, SECRETLY),))
    said = json.loads(giftping("todo", "forget", str(ASHA), "--yes", "--json").output)
    assert (said["stays"]["pauses"], said["removed"]["pauses"]) == (1, 0)
    assert said["stays"]["role_taken_at"] is not None
    member = past.read(ASHA)
    assert [pause.reason for pause in member.pauses] == [""]
    assert member.removal is not None
    assert member.present_lapse is not None
    assert SECRETLY not in kept(past)


@pytest.mark.usefixtures("discord")
def test_who_is_not_known_has_nothing_to_remove(giftping: Run, past: Past) -> None:
    known(past)
    ran = giftping("todo", "forget", str(BEN), "--yes")
    assert ran.output.startswith("Removed of 102: nothing, as nothing was kept.")
    assert past.read(ASHA).todo is not None


@pytest.mark.usefixtures("discord")
@pytest.mark.parametrize("field", ["last_submit", "todo", "lapse", "notices"])
def test_documents_that_cannot_be_read_are_removed_too(giftping: Run, past: Past, field: str) -> None:
    document = {
        "_id": str(ASHA),
        "last_submit": 5.0,
        "todo": {"name": SECRETLY},
        field: "odd" if field != "todo" else [SECRETLY],
    }
    past.document("todo_timestamps", document)
    assert giftping("todo", "forget", str(ASHA), "--yes").exit_code == 0
    assert SECRETLY not in kept(past)
    assert past.read(ASHA).last_submit is None


@pytest.mark.usefixtures("discord")
def test_backups_are_named(giftping: Run, past: Past) -> None:
    known(past)
    (past.state / "before-migrate-20261120T203856.524241Z.json").write_text("{}")
    assert "before-migrate-20261120T203856.524241Z.json" in giftping("todo", "forget", str(ASHA), "--yes").output


@pytest.mark.usefixtures("discord")
def test_where_it_was_taken_over_from_is_named(giftping: Run, past: Past, home: Path) -> None:
    known(past)
    (home / "older.json").write_text('{"sent": {"1": ["GIFT2026"]}}', "utf-8")
    assert giftping("migrate", "--from-json", "older.json").exit_code == 0
    ran = giftping("todo", "forget", str(ASHA), "--yes")
    assert ran.output.splitlines()[-1].startswith("Stays: what was taken over from there, where nothing is changed: ")
    assert ran.output.rstrip().endswith("older.json")


@pytest.mark.usefixtures("discord")
@pytest.mark.parametrize("odd", [{}, {"last_submit": "soon"}])
def test_what_is_kept_under_another_spelling_of_their_id_goes_as_well(
    giftping: Run, past: Past, odd: dict[str, object]
) -> None:
    past.member(ASHA, "Asha", silent=DAY)
    stray = {"_id": f" {ASHA} ", "last_submit": now().timestamp(), "last_ping": 0, "todo": {"must_do": SECRETLY}, **odd}
    past.document("todo_timestamps", stray)
    ran = giftping("todo", "forget", str(ASHA), "--yes")
    assert ran.exit_code == 0, ran.errors
    assert SECRETLY not in kept(past)
