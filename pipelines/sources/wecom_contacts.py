"""Who of the staff follows which contact, in full passes that a kill cannot spoil.

A pass reads the follow-ups of the staff in groups of up to 100, page by page. Some pages make one batch, and its
cursor (pass, group, next page) is committed with it: a pass that was killed goes on from the manifest. The last batch
carries the pass' ``wecom_syncs`` row; only then it counts as complete. Remarks, tags and phones that staff change bring
no event, so that only a full pass sees them. The pass number comes from the manifest: nothing depends on the clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from models.contracts import RAW_COLUMN, contract
from pipelines.lake import Accounting, Part
from pipelines.sources import records
from pipelines.sources import wecom_frames as frames
from pipelines.sources.connector import Chunk, Context, Span, StateError, Stream
from pipelines.sources.http import SourceError
from pipelines.sources.wecom_api import (
    BAD_PARAMETER,
    CONTACTS,
    GROUP,
    NO_RIGHT_TO_CONTACT,
    NO_SUCH_MEMBER,
    Page,
    WecomClient,
    WecomError,
    ahead,
)
from pipelines.sources.wecom_passes import passes_before, since_last

PAGES_PER_CHUNK = 50
_SEEN = ["userid", "external_userid"]
_NO_RAW = pl.lit(None, pl.String).alias(RAW_COLUMN)


@dataclass(frozen=True)
class Position:
    """The committed place in a pass: ``group`` is read from ``page`` on, all userids up to ``place`` are done.

    ``through``: when the last complete pass read (ISO time).
    """

    sync_id: str = "0" * 6
    group: tuple[str, ...] = ()
    page: str = ""
    place: str = ""
    done: bool = True
    through: str = ""

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> "Position":
        """Raises StateError for a cursor of another form."""
        try:
            return cls() if cursor is None else cls(**{**cursor, "group": tuple(cursor["group"])})
        except (KeyError, TypeError) as error:
            raise StateError(
                f"the committed position is of another form ({error}); was it written by a newer release?"
            ) from None

    def cursor(self) -> dict[str, Any]:
        return {**asdict(self), "group": list(self.group)}

    def fresh(self) -> "Position":
        return Position(f"{int(self.sync_id) + 1:06d}", done=False, through=self.through)


class ContactsStream(Stream):
    """Follow-ups, their contacts, phones and tags. ``every``: no pass begins sooner than so long after the last."""

    name = "contacts"
    datasets = ("wecom_follows", "wecom_contacts", "wecom_follow_phones", "wecom_follow_tags", "wecom_syncs")

    def __init__(
        self,
        source: str,
        context: Context,
        client: WecomClient,
        *,
        every: timedelta = timedelta(0),
        pages_per_chunk: int = PAGES_PER_CHUNK,
    ) -> None:
        self.source = source
        self.context = context
        self.client = client
        self.every = every
        self.pages_per_chunk = pages_per_chunk

    def read(self, since: Mapping[str, Any] | None, until: datetime, span: Span | None = None) -> Iterator[Chunk]:
        """A pass, or the rest of one. With ``span`` in any case: a pass tells the present, whatever the time."""
        position = Position.of(since)
        if since is None:
            position = replace(position, sync_id=passes_before(self.context, self.source))
        if not position.done:
            begun = False
            try:
                for chunk in self._pass(position, until, self._already_landed(position)):
                    begun = True
                    yield chunk
                return
            except WecomError as error:
                if error.code != BAD_PARAMETER or begun:
                    raise
                # The server has forgotten the stored page: that pass stays incomplete, a fresh one replaces it.
        elif since_last(position.through, until) < self.every and span is None:
            return
        yield from self._pass(position.fresh(), until, contract("wecom_follows").empty().select(_SEEN))

    def _pass(self, position: Position, until: datetime, seen: pl.DataFrame) -> Iterator[Chunk]:
        everyone = self.client.follow_users()
        without_right: list[str] = []
        for batch, after, lost in self._batches(position, everyone, until):
            without_right += lost
            chunk, new = self._chunk(batch, after, seen)
            seen = pl.concat([seen, new])
            done = sum(1 for userid in everyone if after.done or userid <= after.place)
            details = {"object": "follows", "without_right": list(without_right), "staff": len(everyone), "done": done}
            yield replace(chunk, details=details)

    def _batches(
        self, position: Position, everyone: Sequence[str], until: datetime
    ) -> Iterator[tuple[list[Page], Position, list[str]]]:
        """Pages in batches, with the position after them and who has no right; the last (perhaps empty) is done."""
        held: list[Page] = []
        lost: list[str] = []
        place = position
        try:
            for page, place, without_right in ahead(self._pages(position, everyone), 3 * self.pages_per_chunk):
                held += [page] if page is not None else []
                lost += [without_right] if without_right else []
                if len(held) == self.pages_per_chunk:
                    yield held, place, lost
                    held, lost = [], []
        except SourceError:
            if held:  # what came before the trouble is not asked for again
                yield held, place, lost
            raise
        yield held, replace(place, group=(), page="", place="", done=True, through=until.isoformat()), lost

    def _pages(self, position: Position, everyone: Sequence[str]) -> Iterator[tuple[Page | None, Position, str]]:
        """(page, position after it, who has no right); the end of a group is no page."""
        rest = [userid for userid in everyone if userid > position.place and userid not in position.group]
        todo = [tuple(rest[start : start + GROUP]) for start in range(0, len(rest), GROUP)][::-1]
        page_cursor = position.page
        if position.group:
            todo.append(position.group)
        while todo:
            group, lost = todo.pop(), ""
            finished = replace(position, group=(), page="", place=max(position.place, group[-1]))
            try:
                for page in self.client.contact_pages(group, page_cursor):
                    more = replace(position, group=group, page=page.next_cursor)
                    yield page, more if page.next_cursor else finished, ""
            except WecomError as error:
                if error.code not in (NO_RIGHT_TO_CONTACT, NO_SUCH_MEMBER):
                    raise
                if len(group) == 1:
                    lost = group[0]
                else:  # one of them spoils the whole group: halve it until that one stands alone
                    middle = len(group) // 2
                    todo += [group[middle:], group[:middle]]
                    page_cursor = ""
                    continue
            page_cursor = ""
            position = finished
            yield None, position, lost

    # ------------------------------------------------------------------ landing

    def _chunk(self, batch: Sequence[Page], after: Position, seen: pl.DataFrame) -> tuple[Chunk, pl.DataFrame]:
        corp_id = self.client.credentials.corp_id
        raws = [record for page in batch for record in page.records]
        file = f"{self.source}{CONTACTS}/{after.sync_id}"
        decoded = records.decode(raws, frames.FOLLOW_SCHEMA).with_columns(
            pl.lit(corp_id).alias("corp_id"), pl.lit(after.sync_id).alias("sync_id")
        )
        follows, rejected = frames.follows(decoded, file)
        new = follows.join(seen, on=_SEEN, how="anti", maintain_order="left").unique(
            _SEEN, keep="first", maintain_order=True
        )
        others = {
            "wecom_contacts": frames.contacts(decoded, new, seen, file),
            "wecom_follow_phones": frames.phones(decoded, new, self.context.settings.phone_region, file),
            "wecom_follow_tags": frames.follow_tags(decoded, new, file),
        }
        # the follow-up's row holds the untouched bytes of its contact, phones and tags too
        bare = {name: (good.with_columns(_NO_RAW), refused) for name, (good, refused) in others.items()}
        skipped = follows.height - new.height
        accounting = Accounting(
            rows=len(raws), accepted=new.height, quarantined=len(raws) - follows.height, skipped=skipped
        )
        parts: list[Part] = frames.parts({"wecom_follows": (new, rejected), **bare})
        if after.done:
            parts.append(frames.completed("follows", corp_id, after.sync_id))
        chunk = Chunk(tuple(parts), accounting, after.cursor(), fields=records.names(raws), repeated=skipped)
        return chunk, new.select(_SEEN)

    def _already_landed(self, position: Position) -> pl.DataFrame:
        """(userid, external_userid) that earlier batches of this pass hold: a page served twice adds nothing."""
        lake = self.context.lake
        landed = [
            pl.read_parquet(lake.root / file.path, columns=_SEEN)
            for entry, file in lake.files("landed", "wecom_follows")
            if entry.source == self.source and (entry.cursor or {}).get("sync_id") == position.sync_id
        ]
        return pl.concat([contract("wecom_follows").empty().select(_SEEN), *landed])


def one_contact(client: WecomClient, external_userid: str) -> list[bytes]:
    """One contact with each of its followers, as records of the form that batch/get_by_user has.

    What ``externalcontact/get`` says of it: here tags are objects (a member's own ones too), there they are ids.
    """
    path = "/externalcontact/get"
    return [
        b'{"external_contact":' + answer.record("external_contact") + b',"follow_info":' + follow + b"}"
        for answer, _ in client.turned(
            lambda more: client.get(path, {"external_userid": external_userid, **more}), path
        )
        for follow in answer.records("follow_user")
    ]
