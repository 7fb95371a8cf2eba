"""Who of the staff follows which contact, in full passes that land what changed and that a kill cannot spoil.

A pass reads the follow-ups of the staff in groups of up to 100, page by page. What stands in the lake already just as
it came is left; what is new of many pages makes one batch, and its cursor (pass, group, next page, what was met) is
committed with it: a pass that was killed goes on from the manifest. The last batch says what is gone and carries the
pass' ``wecom_syncs`` row; only then it counts as complete. A pass that finds everything as the last one left it lands
nothing. Remarks, tags and phones that staff change bring no event, so that only a full pass sees them. The pass number
comes from the manifest: nothing depends on the clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN
from pipelines.lake import Accounting, Part, Zone
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
from pipelines.sources.wecom_known import Known, refused_before
from pipelines.sources.wecom_passes import passes_before, since_last

PAGES_PER_CHUNK = 50
#: What changes is little: so many times PAGES_PER_CHUNK are read before it is committed, or half of those pages' rows.
CHUNKS_HELD = 20
_NO_RAW = pl.lit(None, pl.String).alias(RAW_COLUMN)


@dataclass(frozen=True)
class Position:
    """The committed place in a pass: ``group`` is read from ``page`` on, all userids up to ``place`` are done.

    ``through``: when the last complete pass read (ISO time). ``met``: which of the follow-ups that stood before the
    pass it has met, as ``wecom_known`` marks them.
    """

    sync_id: str = "0" * 6
    group: tuple[str, ...] = ()
    page: str = ""
    place: str = ""
    done: bool = True
    through: str = ""
    met: str = ""

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

    def ended(self, until: datetime) -> "Position":
        return replace(self, group=(), page="", place="", done=True, through=until.isoformat(), met="")


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
            known = Known.of(self.context.lake, self.source, position.sync_id, position.met)
            begun = False
            try:
                for chunk in self._pass(position, until, known, may_be_silent=False) if known is not None else ():
                    begun = True
                    yield chunk
                if known is not None:
                    return
            except WecomError as error:
                if error.code != BAD_PARAMETER or begun:
                    raise
                # The server has forgotten the stored page: that pass stays incomplete, a fresh one replaces it.
        elif since_last(position.through, until) < self.every and span is None:
            return
        fresh = position.fresh()
        known = Known.of(self.context.lake, self.source, fresh.sync_id)
        assert known is not None  # without marks it always fits
        # a pass that never ended, or the first one, must be followed by one that says that it is whole
        may_be_silent = position.done and position.through != ""
        for chunk in self._pass(fresh, until, known, may_be_silent=may_be_silent):
            if chunk.cursor["done"] and not chunk.parts:  # all is as the last complete pass left it
                unchanged = replace(position, through=until.isoformat()).cursor()
                yield replace(chunk, cursor=unchanged, idle=not self.every or span is not None)
            else:
                yield chunk

    def _pass(self, position: Position, until: datetime, known: Known, *, may_be_silent: bool) -> Iterator[Chunk]:
        everyone = self.client.follow_users()
        without_right: list[str] = []
        held: list[Chunk] = []
        try:
            for batch, after, lost in self._batches(position, everyone, until):
                without_right += lost
                done = sum(1 for userid in everyone if after.done or userid <= after.place)
                said = {"object": "follows", "without_right": list(without_right), "staff": len(everyone), "done": done}
                first = sum(one.accounting.rows for one in held)
                held.append(replace(self._chunk(batch, after, known, first), details=said))
                if after.done or self._is_enough(held):
                    ready, held = held, []  # should the second look fail, this batch is read again with it
                    if after.done:
                        ready = self._second_look(ready, after, known, sorted({*everyone} - {*without_right}))
                    chunk = replace(_together(ready, known), details=said)
                    may_be_silent = may_be_silent and not chunk.parts
                    yield self._ended(chunk, after, known, may_be_silent=may_be_silent) if after.done else chunk
        except SourceError:
            if held:
                yield _together(held, known)
            raise

    def _second_look(self, ready: list[Chunk], after: Position, known: Known, userids: Sequence[str]) -> list[Chunk]:
        """What stood and was not met may have moved to a page that had been read: its staff are read once more.

        Only what two readings in a row have not met is gone. Returns ``ready`` with what the second one found.
        """
        unmet = known.unmet_staff()
        doubted = [userid for userid in userids if userid in unmet]
        pages = (page for page, _, _ in self._pages(Position(after.sync_id), doubted) if page is not None)
        found = list(ready)
        while batch := list(islice(pages, self.pages_per_chunk)):
            found.append(self._chunk(batch, after, known, sum(one.accounting.rows for one in found)))
        return found

    def _is_enough(self, held: Sequence[Chunk]) -> bool:
        landed = sum(one.accounting.accepted for one in held)
        return len(held) >= CHUNKS_HELD or 2 * landed >= self.pages_per_chunk * self.client.credentials.page_size

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
        yield held, place.ended(until), lost

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

    def _chunk(self, batch: Sequence[Page], after: Position, known: Known, first: int) -> Chunk:
        """What of some pages is not in the lake. ``first``: how many records came before them in the same commit."""
        raws = [record for page in batch for record in page.records]
        file = f"{self.source}{CONTACTS}/{after.sync_id}"
        decoded = frames.with_content(records.decode(raws, frames.FOLLOW_SCHEMA)).with_columns(
            pl.lit(self.client.credentials.corp_id).alias("corp_id"),
            pl.lit(after.sync_id).alias("sync_id"),
            pl.col(ROW_COLUMN) + first,
        )
        follows, rejected = frames.follows(decoded, file)
        if rejected.height:
            rejected = rejected.filter(~pl.col("raw").is_in(refused_before(self.context.lake, self.source).implode()))
        new = known.new(follows)
        contacts, refused_contacts = frames.contacts(decoded, known.unmet_contacts(follows), new, file)
        contacts = known.new_contacts(contacts)
        others = {
            "wecom_follow_phones": frames.phones(decoded, new, self.context.settings.phone_region, file),
            "wecom_follow_tags": frames.follow_tags(decoded, new, file),
        }
        # the follow-up's row holds the untouched bytes of its phones and tags too
        bare = {name: (good.with_columns(_NO_RAW), refused) for name, (good, refused) in others.items()}
        tables = {"wecom_follows": (new, rejected), "wecom_contacts": (contacts, refused_contacts), **bare}
        known.meet(frames.keys(decoded))
        landed = pl.concat([new[ROW_COLUMN], contacts[ROW_COLUMN]]).n_unique()
        refused = rejected["row"].n_unique()
        skipped = len(raws) - landed - refused
        accounting = Accounting(rows=len(raws), accepted=landed, quarantined=refused, skipped=skipped)
        parts = frames.parts(tables)
        if landed * 2 < len(raws):  # a few rows of many: their texts would keep those of all in memory until the commit
            parts = [
                replace(part, frame=part.frame.with_columns(pl.col(pl.String) + ""))
                for part in parts
                if part.frame is not None
            ]
        return Chunk(tuple(parts), accounting, after.cursor(), fields=_names(raws), repeated=skipped)

    def _ended(self, chunk: Chunk, after: Position, known: Known, *, may_be_silent: bool) -> Chunk:
        """The last one of a pass, with what is gone and the row that says that the pass is whole."""
        corp_id = self.client.credentials.corp_id
        gone = known.gone(corp_id, after.sync_id)
        if may_be_silent and gone.is_empty():
            return chunk
        parts = [*chunk.parts, *frames.parts({"wecom_follows": (gone, gone.clear())})]
        said = chunk.accounting
        accounting = replace(said, rows=said.rows + gone.height, accepted=said.accepted + gone.height)
        return replace(
            chunk,
            parts=(*parts, frames.completed("follows", corp_id, after.sync_id)),
            accounting=accounting,
            details={**chunk.details, "gone": gone.height},
        )


def _together(chunks: Sequence[Chunk], known: Known) -> Chunk:
    """One batch, with the position of the last; without rows it need not be committed."""
    last = chunks[-1]
    by_place: dict[tuple[Zone, str], list[pl.DataFrame]] = {}
    for part in (part for one in chunks for part in one.parts):
        if part.frame is not None:
            by_place.setdefault((part.zone, part.dataset), []).append(part.frame)
    said = [one.accounting for one in chunks]
    return replace(
        last,
        parts=tuple(Part(zone, dataset, pl.concat(found)) for (zone, dataset), found in by_place.items()),
        accounting=Accounting(*(sum(each) for each in zip(*map(astuple, said), strict=True))),
        cursor={**last.cursor, "met": known.marks() if by_place and not last.cursor["done"] else ""},
        fields=frozenset().union(*(one.fields for one in chunks)),
        repeated=sum(one.repeated for one in chunks),
        idle=True,
    )


def _names(raws: Sequence[bytes]) -> frozenset[str]:
    """Names in the two objects of the first records, where a new field of the vendor would stand, and their own."""
    parts = [
        bytes(part) for raw in raws[:100] for part in msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).values()
    ]
    return records.names(raws) | records.names(parts)


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
