"""WeCom into the lake: staff, then who follows which contact, in full passes that a kill cannot spoil.

A pass reads the staff (one batch), then the follow-ups of the staff in groups of up to 100, page by page. Some pages
make one batch, and its cursor (pass, group, next page) is committed with it: a pass that was killed goes on from the
manifest. The last batch of a pass carries its ``wecom_syncs`` row; only then the pass counts as complete.
The pass number comes from the manifest, so that nothing depends on the clock.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import polars as pl

from models.contracts import contract
from models.errors import ExpectedError
from models.settings import Settings
from pipelines import quarantine
from pipelines.lake import Accounting, Lake, Part, content_key
from pipelines.sources import wecom_frames as frames
from pipelines.sources.http import JsonClient
from pipelines.sources.wecom_api import BAD_PARAMETER, GROUP, NO_RIGHT_TO_CONTACT, Page, WecomClient, WecomError

PAGES_PER_BATCH = 20
CONTACTS_CALL = "externalcontact/batch/get_by_user"


class NotConfiguredError(ExpectedError):
    """No corp id is set: the connector is off."""


@dataclass(frozen=True)
class Progress:
    """Where a pass is: follow rows read so far by this process, members of staff read of all."""

    rows: int
    staff_done: int
    staff: int


@dataclass
class SyncReport:
    """What one call of ``sync`` did. ``follows`` counts rows landed; ``skipped`` those that the pass had already."""

    sync_id: str
    resumed: bool = False
    staff: int = 0
    follows: int = 0
    contacts: int = 0
    phones: int = 0
    quarantined: int = 0
    skipped: int = 0
    pages: int = 0
    batches: int = 0
    requests: int = 0
    without_right: list[str] = field(default_factory=list)  # userids that lost the right to contacts

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True)
class Position:
    """The committed place in a pass: ``group`` is read from ``page`` on, all userids up to ``through`` are done."""

    sync_id: str
    group: tuple[str, ...] = ()
    page: str = ""
    through: str = ""
    done: bool = False

    def cursor(self) -> dict[str, Any]:
        return {
            "sync_id": self.sync_id,
            "group": list(self.group),
            "page": self.page,
            "through": self.through,
            "done": self.done,
        }

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> "Position":
        return cls(
            str(cursor["sync_id"]),
            tuple(cursor["group"]),
            str(cursor["page"]),
            str(cursor["through"]),
            bool(cursor["done"]),
        )


def source_name(corp_id: str) -> str:
    """The name under which a corp's batches stand in the manifest."""
    return f"wecom:{corp_id}"


def client_for(settings: Settings) -> WecomClient:
    """Raises NotConfiguredError when no corp id is set."""
    if not settings.wecom.corp_id:
        raise NotConfiguredError(
            "WeCom is off: set SCRM_WECOM__CORP_ID and SCRM_WECOM__SECRET, or [wecom] in scrm.toml"
        )
    return WecomClient(
        settings.wecom, JsonClient(settings.wecom.base_url, timeout_seconds=settings.wecom.timeout_seconds)
    )


def sync(
    lake: Lake,
    settings: Settings,
    *,
    client: WecomClient | None = None,
    progress: Callable[[Progress], None] | None = None,
    pages_per_batch: int = PAGES_PER_BATCH,
) -> SyncReport:
    """One full pass, or the rest of the one that was interrupted. Returns when the pass is complete and committed.

    Raises NotConfiguredError, LakeError, and SourceError (WecomError, EndlessPagesError, ...); what was committed
    before stays, and the next call goes on from there.
    """
    if client is None:
        own = client_for(settings)
        with own.http:
            return sync(lake, settings, client=own, progress=progress, pages_per_batch=pages_per_batch)
    started = client.http.requests
    tell = progress or (lambda _: None)
    run = _Pass(lake, settings, client, tell, pages_per_batch)
    try:
        run.read()
    except WecomError as error:
        if not (error.code == BAD_PARAMETER and run.report.resumed and run.report.pages == 0):
            raise
        # The server has forgotten the stored page: this pass stays incomplete, a fresh one replaces it.
        run = _Pass(lake, settings, client, tell, pages_per_batch, abandon=True)
        run.read()
    return replace(run.report, requests=client.http.requests - started)


class _Pass:
    def __init__(
        self,
        lake: Lake,
        settings: Settings,
        client: WecomClient,
        progress: Callable[[Progress], None],
        pages_per_batch: int,
        *,
        abandon: bool = False,
    ) -> None:
        self.lake = lake
        self.client = client
        self.progress = progress
        self.pages_per_batch = pages_per_batch
        self.corp_id = settings.wecom.corp_id
        self.region = settings.phone_region
        self.source = source_name(self.corp_id)
        cursor = lake.cursor(self.source)
        last = Position.of(cursor) if cursor is not None else Position("0" * 6, done=True)
        self.fresh = last.done or abandon
        self.position = Position(f"{int(last.sync_id) + 1:06d}") if self.fresh else last
        self.report = SyncReport(self.position.sync_id, resumed=not self.fresh)
        self.seen = self._already_landed()

    def read(self) -> None:
        if self.fresh:
            self._land_staff()
        everyone = self.client.follow_users()
        rows = 0
        for batch, position in self._batches(everyone):
            self._land_follows(batch, position)
            rows += sum(len(page.records) for page in batch)
            done = sum(1 for userid in everyone if userid <= position.through)
            self.progress(Progress(rows, done, len(everyone)))

    def _batches(self, everyone: Sequence[str]) -> Iterator[tuple[list[Page], Position]]:
        """Pages in batches, each with the position after it; the last one (perhaps without pages) is done."""
        held: list[Page] = []
        position = self.position
        for page, position in self._pages(everyone):
            if page is not None:
                held.append(page)
            if len(held) == self.pages_per_batch:
                yield held, position
                held = []
        yield held, replace(position, group=(), page="", done=True)

    def _pages(self, everyone: Sequence[str]) -> Iterator[tuple[Page | None, Position]]:
        """Pages with the position after each; None for a group that has no page."""
        rest = [userid for userid in everyone if userid > self.position.through and userid not in self.position.group]
        todo = [tuple(rest[start : start + GROUP]) for start in range(0, len(rest), GROUP)][::-1]
        page_cursor = self.position.page
        if self.position.group:
            todo.append(self.position.group)
        position = self.position
        while todo:
            group = todo.pop()
            finished = replace(position, group=(), page="", through=max(position.through, group[-1]))
            try:
                for page in self.client.pages(group, page_cursor):
                    more = replace(position, group=group, page=page.next_cursor)
                    yield page, more if page.next_cursor else finished
            except WecomError as error:
                if error.code != NO_RIGHT_TO_CONTACT:
                    raise
                if len(group) == 1:
                    self.report.without_right.append(group[0])
                else:  # one of them spoils the whole group: halve it until that one stands alone
                    middle = len(group) // 2
                    todo += [group[middle:], group[:middle]]
                    page_cursor = ""
                    continue
            page_cursor = ""
            position = finished
            yield None, position

    # ------------------------------------------------------------------ landing

    def _land_staff(self) -> None:
        names = {str(d.get("id")): d.get("name") for d in self.client.departments()}
        people = self.client.staff()
        frame = frames.staff(people, names, self._stamp())
        good, bad = quarantine.split(frame, contract("wecom_staff"), file=self._file("user/list"))
        parts = [Part("landed", "wecom_staff", good), self._completed("staff")]
        if bad.height:
            parts.append(Part("quarantine", "wecom_staff", bad))
        accounting = Accounting(rows=len(people), accepted=good.height, quarantined=len(people) - good.height)
        self._commit(parts, self.position, accounting, "staff", people)
        self.report.staff = good.height
        self.report.quarantined += accounting.quarantined

    def _land_follows(self, batch: Sequence[Page], position: Position) -> None:
        records = [record for page in batch for record in page.records]
        follows, rejected = quarantine.split(
            frames.follows(records, self._stamp()), contract("wecom_follows"), file=self._file(CONTACTS_CALL)
        )
        new = follows.join(self.seen, on=["userid", "external_userid"], how="anti", maintain_order="left").unique(
            ["userid", "external_userid"], keep="first", maintain_order=True
        )
        accounting = Accounting(
            rows=len(records),
            accepted=new.height,
            quarantined=len(records) - follows.height,
            skipped=follows.height - new.height,
        )
        phones, bad_phones = frames.phones(records, new, self.region, self._file(CONTACTS_CALL))
        contacts = frames.contacts(records, new, self.seen, self._stamp())
        parts = [
            Part("landed", "wecom_follows", new),
            Part("landed", "wecom_contacts", contacts),
            Part("landed", "wecom_follow_phones", phones),
            Part("quarantine", "wecom_follows", rejected),
            Part("quarantine", "wecom_follow_phones", bad_phones),
        ]
        landed = [part for part in parts if part.frame is not None and part.frame.height]
        if position.done:
            landed.append(self._completed("follows"))
        self._commit(landed, position, accounting, "follows", records)
        self.seen = pl.concat([self.seen, new.select("userid", "external_userid")])
        self.report.follows += new.height
        self.report.contacts += contacts.height
        self.report.phones += phones.height
        self.report.quarantined += accounting.quarantined
        self.report.skipped += accounting.skipped
        self.report.pages += len(batch)

    def _commit(
        self, parts: Sequence[Part], after: Position, accounting: Accounting, what: str, records: Sequence[Mapping]
    ) -> None:
        before = json.dumps(self.position.cursor(), ensure_ascii=False, sort_keys=True)
        self.lake.commit(
            source=self.source,
            key=content_key(self.source, what, before, *(frames.raw(record) for record in records)),
            parts=parts,
            accounting=accounting,
            cursor=after.cursor(),
            details={"object": what, "without_right": list(self.report.without_right)},
        )
        self.position = after
        self.report.batches += 1

    def _completed(self, what: str) -> Part:
        return Part("landed", "wecom_syncs", frames.completed(what, self._stamp()))

    def _stamp(self) -> frames.Stamp:
        return frames.Stamp(self.corp_id, self.position.sync_id)

    def _file(self, call: str) -> str:
        return f"{self.source}/{call}/{self.position.sync_id}"

    def _already_landed(self) -> pl.DataFrame:
        """(userid, external_userid) that earlier batches of this pass hold: a page served twice adds nothing."""
        frames = [contract("wecom_follows").empty()]
        if not self.fresh:
            frames += [
                pl.read_parquet(self.lake.root / file.path)
                for entry, file in self.lake.files("landed", "wecom_follows")
                if entry.source == self.source and (entry.cursor or {}).get("sync_id") == self.position.sync_id
            ]
        return pl.concat(frames).select("userid", "external_userid")
