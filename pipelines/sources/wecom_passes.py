"""Full passes over what WeCom lists without telling what changed: staff, tags, groups, links, handed-over contacts.

A pass reads item by item; some items make one batch, and the place is committed with it, so that a pass which was
killed goes on. The last batch carries the ``wecom_syncs`` row: only then the pass is complete, and what it has not
seen is gone. A pass that finds everything as the last one left it lands nothing.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import polars as pl

from pipelines.lake import Accounting
from pipelines.sources import records
from pipelines.sources import wecom_frames as frames
from pipelines.sources import wecom_shapes as shapes
from pipelines.sources.connector import Chunk, Context, FormatChangedError, Span, StateError, Stream
from pipelines.sources.wecom_api import (
    BAD_PARAMETER,
    NO_RIGHT_TO_CONTACT,
    NO_SUCH_CONTACT,
    NO_SUCH_MEMBER,
    OWNER_NEEDED,
    WecomClient,
    WecomError,
)
from pipelines.sources.wecom_frames import Rows
from pipelines.sources.windows import CLOCKS_APART

ROWS_PER_CHUNK = 5_000
OWNERS = 100  # most owners that one groupchat/list takes
#: An item that was listed a moment ago and is not there any more, or may not be seen any more.
_GONE = (BAD_PARAMETER, NO_SUCH_CONTACT, NO_SUCH_MEMBER, NO_RIGHT_TO_CONTACT)


@dataclass(frozen=True)
class PassPosition:
    """The committed place of a pass: items up to ``place`` are done. ``through``: when the last complete pass read
    (ISO time), and ``digest``: what, if it was one batch."""

    sync_id: str = "0" * 6
    place: str = ""
    done: bool = True
    digest: str = ""
    through: str = ""

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> "PassPosition":
        """Raises StateError for a cursor of another form."""
        try:
            return cls() if cursor is None else cls(**cursor)
        except TypeError as error:
            raise StateError(
                f"the committed position is of another form ({error}); was it written by a newer release?"
            ) from None

    def is_recent(self, until: datetime, every: timedelta) -> bool:
        """A complete pass ended less than ``every`` ago. Raises StateError when it ended in the future."""
        return since_last(self.through, until) < every and self.done

    def fresh(self) -> "PassPosition":
        """The beginning of the pass after this one."""
        return replace(self, sync_id=f"{int(self.sync_id) + 1:06d}", place="", done=False)

    def ended(self, until: datetime, digest: str) -> "PassPosition":
        return replace(self, place="", done=True, digest=digest, through=until.isoformat())

    def cursor(self) -> dict[str, Any]:
        return asdict(self)


def since_last(through: str, until: datetime) -> timedelta:
    """How long ago the last complete pass read (``through``: ISO time, empty when there was none: very long).

    Raises StateError when that lies in the future: the clock is wrong, and a pass would be skipped or taken twice.
    """
    if not through:
        return timedelta.max
    last = datetime.fromisoformat(through)
    if last > until + CLOCKS_APART:
        raise StateError(
            f"the last sync read at {last:%Y-%m-%d %H:%M} UTC, which has not come yet; set this machine's clock right"
        )
    return until - last


def passes_before(context: Context, source: str) -> str:
    """The number of the last pass of a lake that was written when a corp had one position for all its streams.

    Pass numbers go on from there: a number that came twice would make what is long gone look present.
    """
    corp = source.rsplit("/", 1)[0]
    return str((context.lake.cursor(corp) or {}).get("sync_id", "0" * 6))


def format_changed(source: str) -> FormatChangedError:
    return FormatChangedError(
        f"{source}: a part of a record is of another form; the system changed its format, nothing of this answer was "
        "landed. Compare a record with docs/datasets.md"
    )


class PassStream(Stream):
    """``object``: its name in ``wecom_syncs``. Subclasses list the items and fetch one."""

    object: ClassVar[str]

    def __init__(self, source: str, context: Context, client: WecomClient, every: timedelta = timedelta(0)) -> None:
        self.source = source
        self.context = context
        self.client = client
        self.every = every

    def items(self) -> Sequence[str]:
        """What a pass consists of, each to be fetched on its own."""
        return [self.object]

    @abstractmethod
    def fetch(self, item: str) -> list[Rows]:
        """The rows of one item."""

    def read(self, since: Mapping[str, Any] | None, until: datetime, span: Span | None = None) -> Iterator[Chunk]:
        """A pass, or the rest of one. With ``span`` in any case: a pass tells the present, whatever the time."""
        position = PassPosition.of(since)
        if since is None:
            position = replace(position, sync_id=passes_before(self.context, self.source))
        if position.is_recent(until, self.every) and span is None:
            return
        begins, already = position.done, position.place
        if begins:
            position = position.fresh()
        held: list[Rows] = []
        gone: list[str] = []
        whole = begins  # in one batch
        items = sorted(self.items())
        for item in items:
            if not begins and item <= already:
                continue
            try:
                held += self.fetch(item)
            except WecomError as error:
                if error.code not in _GONE or item == self.object:
                    raise
                gone.append(item)
            except ValueError:  # a part of an object is of another form than the vendor promises
                raise format_changed(self.source) from None
            if item != items[-1] and sum(len(rows.records) for rows in held) >= ROWS_PER_CHUNK:
                position = replace(position, place=item)
                yield self._chunk(held, position, gone)
                held, gone, whole = [], [], False
        last = self._last(held, position, gone, until, whole)
        yield replace(last, idle=last.idle or span is not None)  # what is read once more leaves positions as they are

    def _last(self, held: list[Rows], position: PassPosition, gone: list[str], until: datetime, whole: bool) -> Chunk:
        digest = frames.digest(held) if whole else ""
        if whole and digest == position.digest:  # as the last complete pass left it
            known = replace(position, sync_id=f"{int(position.sync_id) - 1:06d}").ended(until, digest)
            count = sum(len(rows.records) for rows in held)
            skipped = Accounting(rows=count, accepted=0, skipped=count)
            return Chunk((), skipped, known.cursor(), repeated=count, idle=not self.every)
        chunk = self._chunk(held, position.ended(until, digest), gone)
        done = frames.completed(self.object, self.client.credentials.corp_id, position.sync_id)
        return replace(chunk, parts=(*chunk.parts, done))

    def _chunk(self, held: Sequence[Rows], after: PassPosition, gone: Sequence[str]) -> Chunk:
        stamp = {"corp_id": self.client.credentials.corp_id, "sync_id": after.sync_id}
        tables = frames.tables(held, stamp, f"{self.source}/{after.sync_id}")
        accepted = sum(good.height for good, _ in tables.values())
        refused = sum(bad["row"].n_unique() for _, bad in tables.values())
        return Chunk(
            parts=tuple(frames.parts(tables)),
            accounting=Accounting(rows=accepted + refused, accepted=accepted, quarantined=refused),
            cursor=after.cursor(),
            details={"object": self.object, **({"gone": list(gone)} if gone else {})},
            fields=records.names(record for rows in held for record in rows.records[:20]),
        )


class StaffStream(PassStream):
    """Departments and staff; a store is a department whose name is the store's number."""

    name = "staff"
    object = "staff"
    datasets = ("wecom_staff", "wecom_staff_departments", "wecom_departments", "wecom_syncs")

    def fetch(self, item: str) -> list[Rows]:  # noqa: ARG002 - one item
        departments, people = self.client.departments(), self.client.staff()
        names = shapes.named_staff(departments)

        def with_department(frame: pl.DataFrame) -> pl.DataFrame:
            return frame.drop("department_name").join(
                names.unique("main_department", keep="first"), on="main_department", how="left", maintain_order="left"
            )

        return [
            Rows(shapes.STAFF, people, prepare=with_department),
            Rows(shapes.STAFF_DEPARTMENTS, people, prepare=shapes.staff_departments),
            Rows(shapes.DEPARTMENTS, departments),
        ]


class TagsStream(PassStream):
    """The corp's tags. The vendor leaves deleted ones out of the whole list: what a pass has not seen is deleted."""

    name = "tags"
    object = "tags"
    datasets = ("wecom_tags", "wecom_syncs")

    def fetch(self, item: str) -> list[Rows]:  # noqa: ARG002
        return shapes.tag_rows(self.client.post("/externalcontact/get_corp_tag_list", {}).records("tag_group"))


class GroupsStream(PassStream):
    """Customer groups with their members. Corps with more than 1,000 staff must be asked owner by owner (81017)."""

    name = "groups"
    object = "groups"
    datasets = ("wecom_groups", "wecom_group_members", "wecom_syncs")

    def items(self) -> Sequence[str]:
        """Chat id and status."""
        path, body, name = "/externalcontact/groupchat/list", {"status_filter": 0, "limit": 1_000}, "group_chat_list"
        try:
            listed = self.client.listed(path, body, name)
        except WecomError as error:
            if error.code != OWNER_NEEDED:
                raise
            owners = self.client.follow_users()
            listed = [
                record
                for start in range(0, len(owners), OWNERS)
                for record in self.client.listed(
                    path, {**body, "owner_filter": {"userid_list": owners[start : start + OWNERS]}}, name
                )
            ]
        found = records.decode(listed, {"chat_id": pl.String(), "status": pl.String()})
        if found["chat_id"].null_count():  # a group without its number would look as if it were gone
            raise format_changed(self.source)
        return (found["chat_id"] + " " + found["status"].fill_null("0")).unique().to_list()

    def fetch(self, item: str) -> list[Rows]:
        chat_id, status = item.rsplit(" ", 1)
        answer = self.client.post("/externalcontact/groupchat/get", {"chat_id": chat_id, "need_name": 1})
        return shapes.group_rows(answer.record("group_chat"), int(status))


class LinksStream(PassStream):
    """Acquisition links, who came by them, and what is left of the quota."""

    name = "links"
    object = "links"
    datasets = ("wecom_links", "wecom_link_customers", "wecom_link_quotas", "wecom_syncs")

    def items(self) -> Sequence[str]:
        return ["", *self._ids()]  # the first is the quota

    def _ids(self) -> list[str]:
        path = "/externalcontact/customer_acquisition/list_link"
        answers = self.client.turned(lambda more: self.client.post(path, {"limit": 100, **more}), path)
        return sorted({link_id for answer, _ in answers for link_id in answer.texts("link_id_list")})

    def fetch(self, item: str) -> list[Rows]:
        if item == "":
            quota = self.client.get("/externalcontact/customer_acquisition_quota", {})
            record = b'{"total":%b,"balance":%b}' % tuple(
                bytes(quota.parts.get(n, b"null")) for n in ("total", "balance")
            )
            return [Rows(shapes.LINK_QUOTAS, [record])]
        answer = self.client.post("/externalcontact/customer_acquisition/get", {"link_id": item})
        customers = self.client.listed(
            "/externalcontact/customer_acquisition/customer", {"link_id": item, "limit": 1_000}, "customer_list"
        )
        return [
            Rows(shapes.LINKS, [answer.record("link")]),
            Rows(shapes.LINK_CUSTOMERS, customers, {"link_id": item}),
        ]


class HandoversStream(PassStream):
    """Contacts of staff who left, and what became of those that were handed over between pairs of staff."""

    name = "handovers"
    object = "handovers"
    datasets = ("wecom_unassigned", "wecom_transfers", "wecom_syncs")
    pairs: Sequence[tuple[str, str]] = ()
    _PATHS: ClassVar = {
        "active": "/externalcontact/transfer_result",
        "resigned": "/externalcontact/resigned/transfer_result",
    }

    def items(self) -> Sequence[str]:
        return ["", *(f"{kind} {old} {new}" for old, new in self.pairs for kind in self._PATHS)]

    def fetch(self, item: str) -> list[Rows]:
        if item == "":
            path, body = "/externalcontact/get_unassigned_list", {"page_size": 1_000}
            return [Rows(shapes.UNASSIGNED, self.client.listed(path, body, "info"))]
        kind, old, new = item.split(" ")
        found = self.client.listed(self._PATHS[kind], {"handover_userid": old, "takeover_userid": new}, "customer")
        context = {"kind": kind, "handover_userid": old, "takeover_userid": new}
        return [Rows(shapes.TRANSFERS, found, context)]
