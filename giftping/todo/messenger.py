"""Brings notices out, to the channel and by direct message. The only place that posts to members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

from giftping.delivery.broken_destination import broken_after, is_resting, meaning_of_broken
from giftping.delivery.clock import Clock
from giftping.delivery.deliveries import Deliveries
from giftping.discord.limits import ATTACHMENT
from giftping.discord.meanings import Meaning, meaning_of
from giftping.discord.members import DMS_TOO_FAST, MembersClient
from giftping.discord.message import Message, Upload
from giftping.discord.outcome import Done, Outcome, Refused, WithdrawnError
from giftping.discord.refusals import UNKNOWN_CHANNEL
from giftping.discord.rest import RestClient
from giftping.store.base import Broken
from giftping.todo.claims import LegClaims, Outgoing, leg_report
from giftping.todo.direct_messages import NOT_TO_BE_REACHED, DirectMessages
from giftping.todo.errands import Errand, Recipient
from giftping.todo.model import Lapse, LegName, Member, Notice, NoticeKind, Todo
from giftping.todo.notices import NoticeDetails, Speech, channel_message, dm_message
from giftping.todo.periods import Period
from giftping.todo.report import ActionResult, LegReport, PlannedWrites
from giftping.todo.repository import LoadedMembers, MemberRepository
from giftping.todo.rules import TodoRules, outlook
from giftping.todo.sweep_notes import BrokenChannel
from giftping.words.said import DiscordText, Said


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where notices go, and the role that they name."""

    guild_id: int
    channel_id: int
    """The TODO channel."""
    role_id: int | None
    direct_messages: bool
    """Whether anything goes out by direct message at all."""
    new_dms: int
    """How many direct-message channels one run may open."""


TRIES = 5
"""How often a message to several is made anew because one of them is not to be told any more: few hand in at once."""


def no_upload(_todo: Todo) -> Upload | None:
    """None: there is no file to send along."""
    return None


@dataclass
class Messenger:
    """Tells members things in the name of one run. Safe to use from several threads."""

    repository: MemberRepository
    deliveries: Deliveries
    rest: RestClient
    members: MembersClient
    clock: Clock
    rules: TodoRules
    addresses: Addresses
    ask_speech: Callable[[], Speech]
    """What is said to members; asked once, and only where somebody is told."""
    downtimes: Sequence[Period] = ()
    upload: Callable[[Todo], Upload | None] = no_upload
    """The file of a TODO, where this host has it."""
    stopped: Callable[[], bool] = lambda: False
    """Once it says so no message is begun any more."""
    channel_refused: str = ""
    """Why no more is posted to the channel in this run; empty while it is."""
    channel_mend: str = ""
    """What a person has to mend there, in words."""
    broken: Broken | None = None
    """How the channel stands that said a lasting no to an earlier run; None where it did not."""
    channel_rests: bool = False
    """Whether the next sweep does not try it either."""
    _is_left_alone: bool = field(default=False, init=False)
    """Whether this run has not even tried it."""
    _speech: Speech | None = field(default=None, init=False)
    dms: DirectMessages = field(init=False)
    claims: LegClaims = field(init=False)

    def __post_init__(self) -> None:
        """Let both kinds of leg share the claims, and what is known of direct messages."""
        allowed, new_in_a_run = self.addresses.direct_messages, self.addresses.new_dms
        self.dms = DirectMessages(self.repository, self.members, self.clock, allowed, new_in_a_run)
        self.claims = LegClaims(
            self.repository,
            self.deliveries,
            self.rest.http,
            self.clock,
            self.rules,
            self.downtimes,
            self.dms.leg_state,
        )
        if self.broken is not None and is_resting(self.broken, self.clock()):
            self.channel_refused, self.channel_rests, self._is_left_alone = self.broken.reason, True, True
            self.channel_mend = self._to_mend(meaning_of_broken(self.broken))

    def deliver(
        self,
        posts: Sequence[Sequence[Errand]],
        writes: Sequence[Errand],
        pool: Executor,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> list[LegReport]:
        """How all legs ended: posts one after the other, direct messages beside them, but after their post."""
        reports: list[LegReport] = []
        total = len(writes) + sum(map(len, posts))
        posted = {errand for errands in posts for errand in errands}
        # Legs of one notice one after the other: both are claimed by a write to the same document.
        under_way = [pool.submit(self.write, errand) for errand in writes if errand not in posted]
        to_write = set(writes)
        for errands in posts:
            reports += self.post(errands)
            under_way += [pool.submit(self.write, errand) for errand in errands if errand in to_write]
            on_progress(len(reports), total)
        for number, written in enumerate(under_way, total - len(under_way) + 1):
            reports += written.result()
            on_progress(number, total)
        self.tidy()
        return reports

    def preview(self, loaded: LoadedMembers, errands: Sequence[Errand]) -> tuple[str, Message] | None:
        """Where a message for these errands would go and what it would say; None when nobody is to be told."""
        owed = self.claims.owed(loaded.members, errands, LegName.CHANNEL)
        details = [self._details(*one, self.speech) for one in owed]
        return (f"channel {self.addresses.channel_id}", channel_message(details)) if details else None

    def planned_writes(self, loaded: LoadedMembers, errands: Sequence[Errand]) -> PlannedWrites:
        """How many direct messages these errands would bring now, and how many would wait for a later run."""
        owed = self.claims.owed(loaded.members, errands, LegName.DM)
        new = sum(member.dm_channel_id is None for member, _ in owed)
        waiting = new - self.dms.to_be_opened(new)
        return PlannedWrites(len(owed) - waiting, waiting)

    # The channel leg

    def post(self, errands: Sequence[Errand]) -> list[LegReport]:
        """How the channel legs of these errands ended; all go into one message."""
        if self.stopped():
            return []
        if self.channel_refused:
            return self._not_tried(errands, self.channel_refused, self.channel_mend)
        speech = self.speech
        for _ in range(TRIES):
            outgoing = self.claims.outgoing(errands, LegName.CHANNEL, self.addresses.channel_id)
            outcome = self._send(
                outgoing,
                lambda claimed: channel_message([self._details(*one, speech) for one in claimed]),
                self._upload_of(errands),
            )
            reports = self.claims.record(outgoing, outcome)
            # Who has handed in at the last moment does not keep the others from being told.
            if not outgoing.is_overtaken:
                break
        self._note_channel(outcome)
        if not isinstance(outcome, Refused) or outcome.withdrawn:
            return reports
        meaning = meaning_of(outcome.status, outcome.code)
        if meaning.is_of_message and len(outgoing.recipients) > 1:
            # One member's part may be why; the others are not to wait for it.
            return [report for errand in errands for report in self.post([errand])]
        mend = self._to_mend(meaning)
        if outcome.lasting or outcome.everywhere:
            self.channel_refused, self.channel_mend = outcome.reason, mend
            self.channel_rests = not outcome.everywhere
        # One that was refused before it was anybody's turn was claimed for nobody.
        reports = reports or self._not_tried(errands, outcome.reason, mend)
        return [replace(report, mend=mend, rests=report.rests or self.channel_rests) for report in reports]

    def _note_channel(self, outcome: Outcome) -> None:
        """Remember for later runs how the channel stands after a post, where that is news."""
        broken = self.broken
        if isinstance(outcome, Done):
            broken = None
        elif isinstance(outcome, Refused):
            meaning = meaning_of(outcome.status, outcome.code)
            broken = broken_after(broken, outcome, meaning, self.clock()) or broken
        if broken != self.broken:
            self.broken = broken
            channel = BrokenChannel(self.addresses.channel_id, broken) if broken is not None else None
            self.repository.change_notes(lambda notes: replace(notes, channel=channel))

    def _to_mend(self, meaning: Meaning) -> str:
        """What a person has to mend in the channel, and the command after which it is tried at once."""
        if not meaning.is_of_destination:
            return meaning.mend
        test = DiscordText(f"giftping guilds test {self.addresses.guild_id}", Said("todo.trouble.tested"))
        return Said("todo.trouble.then_test", mend=meaning.mend, test=test)

    def _not_tried(self, errands: Sequence[Errand], reason: str, mend: str) -> list[LegReport]:
        """That these errands share the fate of the post that the channel refused: it would refuse each of them."""
        members = self.repository.load([errand.user_id for errand in errands]).members
        refused = [
            leg_report(member, notice, LegName.CHANNEL, ActionResult.REFUSED, reason)
            for member, notice in self.claims.owed(members, errands, LegName.CHANNEL)
        ]
        rests, is_left_alone = self.channel_rests, self._is_left_alone
        return [replace(report, mend=mend, rests=rests, is_left_alone=is_left_alone) for report in refused]

    # The DM leg

    def write(self, errand: Errand) -> list[LegReport]:
        """How the DM leg of an errand ended; nothing where it is not owed."""
        if self.stopped():
            return []
        member = self.repository.member(errand.user_id)
        # Nobody's channel is opened for what is not owed; it is claimed only when the message goes out.
        owed = self.claims.owed({member.user_id: member}, [errand], LegName.DM)
        if not owed:
            return []
        channel_id = self.dms.channel_of(member)
        if isinstance(channel_id, int):
            return self._write_to(channel_id, errand)
        if channel_id.result is ActionResult.CLOSED:
            self.dms.note_closed(member.user_id)
            return self.claims.close_unsent(owed[0], LegName.DM, channel_id.reason)
        return [leg_report(*owed[0], LegName.DM, channel_id.result, channel_id.reason)]

    def _write_to(self, channel_id: int, errand: Errand) -> list[LegReport]:
        outgoing = self.claims.outgoing([errand], LegName.DM, channel_id)
        speech = self.speech
        outcome = self._send(outgoing, lambda claimed: dm_message(self._details(*claimed[0], speech)))
        if isinstance(outcome, Refused) and outcome.code in NOT_TO_BE_REACHED:
            self.dms.note_closed(errand.user_id)
            return self.claims.close(outgoing, outcome.reason)
        if isinstance(outcome, Refused) and outcome.code == UNKNOWN_CHANNEL:
            self.dms.forget_channel(errand.user_id)
        if isinstance(outcome, Refused) and outcome.code == DMS_TOO_FAST:
            self.dms.stop(outcome.reason)
        return self.claims.record(outgoing, outcome)

    # Both

    def _send(
        self, outgoing: Outgoing, made: Callable[[Sequence[Recipient]], Message], upload: Upload | None = None
    ) -> Outcome:
        """How a message ended: asked for the time, claimed when it is its turn, fenced before its first byte."""
        channel_id = outgoing.delivery.channel_id or 0
        # A look for it begins at Discord's own time: without that nothing is sent.
        if (unheard := self.rest.ask(channel_id)) is not None:
            return unheard if isinstance(unheard, Refused) else Refused(f"not tried: {unheard.reason}")
        nonce = outgoing.delivery.id

        def message() -> Message:
            return made(self.claims.claim(outgoing))

        def fence() -> None:
            self.claims.fence(outgoing)

        if upload is None:
            return self.rest.post_message(channel_id, lambda: _without_pictures(message()), nonce, fence=fence)
        try:
            with_file = replace(message(), files=(upload,))
        except WithdrawnError as error:
            return Refused(error.reason, withdrawn=True)
        return self.rest.post_message(channel_id, with_file, nonce, fence=fence)

    def tidy(self) -> None:
        """Let go of the deliveries that this run has brought to their end: what came of them, the members say."""
        self.deliveries.remove_done()

    def _upload_of(self, errands: Sequence[Errand]) -> Upload | None:
        if len(errands) != 1 or not errands[0].notice_id:
            return None
        notice = self.repository.member(errands[0].user_id).notice(errands[0].notice_id)
        return self.upload(notice.todo) if notice and notice.todo and notice.todo.attachment else None

    def _details(self, member: Member, notice: Notice, speech: Speech) -> NoticeDetails:
        """A notice with the times that its text names."""
        now = self.clock()
        if notice.kind is NoticeKind.WARNING and member.silent_since is not None:
            warned = replace(member, lapse=Lapse(member.silent_since, warned_at=now))
            role_off_at = outlook(warned, self.rules, self.downtimes).role_off_at
        else:
            role_off_at = None
        next_ping_at, role_id = now + self.rules.remind_every, self.addresses.role_id
        return NoticeDetails(member, notice, speech.words, next_ping_at, role_off_at, role_id, speech.how)

    @property
    def speech(self) -> Speech:
        """What is said to members. The store is asked for it: so not while a message is made, in the client's turn."""
        # No cached_property: up to Python 3.11 one thread that computes it keeps those of all other messengers waiting.
        if self._speech is None:
            self._speech = self.ask_speech()
        return self._speech


def _without_pictures(message: Message) -> Message:
    """A message that brings no files without the pictures that would be among them."""
    embeds = [replace(embed, image="") if embed.image.startswith(ATTACHMENT) else embed for embed in message.embeds]
    return replace(message, embeds=tuple(embeds))
