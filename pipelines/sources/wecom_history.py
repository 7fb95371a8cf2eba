"""What WeCom keeps by date: statistics of staff by day, payments in chat, mass messages and whom they reached.

Statistics are asked for one member of staff at a time, because the vendor adds up those who are asked for together
(page 92132): windows of up to 30 days, closed at both ends, up to 180 days back. Payments and messages have no time of
change: a refund or a message that staff send late changes a record that stays where it is, so that each day a longer
time is read again; what has not changed is known by its bytes.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from models.contracts import RAW_COLUMN
from pipelines.lake import Accounting
from pipelines.sources import records, windows
from pipelines.sources import wecom_frames as frames
from pipelines.sources import wecom_shapes as shapes
from pipelines.sources.connector import Chunk, Context, Span, StateError, Stream
from pipelines.sources.wecom_api import NO_RIGHT_TO_CONTACT, NO_SUCH_MEMBER, WecomClient, WecomError
from pipelines.sources.wecom_frames import Rows
from pipelines.sources.wecom_passes import format_changed

BEIJING = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
SPAN_DAYS, HISTORY_DAYS = 30, 179  # the vendor's 180 less one: midnight may pass between question and answer
RECHECK_DAYS = 2  # figures of a day may still change a little on the next
STAFF_PER_CHUNK = 50
_GONE = (NO_SUCH_MEMBER, NO_RIGHT_TO_CONTACT)


def day_spans(first: date, last: date, longest: int) -> Iterator[tuple[date, date]]:
    """Spans of civil days that cover [first, last] once and in order, closed, each of up to ``longest`` days."""
    if longest < 1:
        raise ValueError(f"a span of {longest} days holds none")
    while first <= last:
        end = min(first + (longest - 1) * DAY, last)
        yield first, end
        first = end + DAY


def midnight(day: date) -> int:
    """The start of a civil day in Beijing, in seconds."""
    return round(datetime(day.year, day.month, day.day, tzinfo=BEIJING).timestamp())


@dataclass(frozen=True)
class DaysPosition:
    """``through``: the last day that is read for everybody (ISO; empty: none). A pass under way reads up to ``target``
    and has done the staff up to ``userid``."""

    through: str = ""
    target: str = ""
    userid: str = ""

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> "DaysPosition":
        """Raises StateError for a cursor of another form."""
        try:
            return cls() if cursor is None else cls(**cursor)
        except TypeError as error:
            raise StateError(
                f"the committed position is of another form ({error}); was it written by a newer release?"
            ) from None


class BehaviourStream(Stream):
    """``wecom_behaviour``: once a day, yesterday and the days before it that may have changed."""

    name = "behaviour"
    datasets = ("wecom_behaviour",)

    def __init__(self, source: str, context: Context, client: WecomClient) -> None:
        self.source = source
        self.context = context
        self.client = client

    def read(self, since: Mapping[str, Any] | None, until: datetime, span: Span | None = None) -> Iterator[Chunk]:
        position = DaysPosition.of(since)
        yesterday = until.astimezone(BEIJING).date() - DAY
        oldest = yesterday - (HISTORY_DAYS - 1) * DAY
        if position.through and date.fromisoformat(position.through) > yesterday + DAY:
            raise StateError(
                f"{self.source}: days up to {position.through} were read, which have not come; set the clock"
            )
        if span is not None:
            first, last = span.start.astimezone(BEIJING).date(), min(span.end.astimezone(BEIJING).date(), yesterday)
            yield from self._staff(position, max(first, oldest), last, moves=False)
            return
        last = date.fromisoformat(position.target) if position.target else yesterday
        if not position.target and position.through >= last.isoformat():
            return
        before = date.fromisoformat(position.through) - (RECHECK_DAYS - 1) * DAY if position.through else oldest
        yield from self._staff(replace(position, target=last.isoformat()), max(before, oldest), last, moves=True)

    def _staff(self, position: DaysPosition, first: date, last: date, *, moves: bool) -> Iterator[Chunk]:
        landed = self._landed(first)
        held: list[Rows] = []
        gone: list[str] = []
        everyone = [u for u in self.client.follow_users() if not moves or u > position.userid]
        for number, userid in enumerate(everyone, start=1):
            try:
                held += self._days(userid, first, last)
            except WecomError as error:
                if error.code not in _GONE:
                    raise
                gone.append(userid)
            if number % STAFF_PER_CHUNK == 0:
                position = replace(position, userid=userid) if moves else position
                yield replace(self._chunk(held, position, landed, gone, first, last), idle=not moves)
                held, gone = [], []
        after = DaysPosition(through=max(position.through, last.isoformat())) if moves else position
        yield replace(self._chunk(held, after, landed, gone, first, last), idle=not moves)

    def _days(self, userid: str, first: date, last: date) -> list[Rows]:
        found = []
        for start, end in day_spans(first, last, SPAN_DAYS):
            body = {"userid": [userid], "start_time": midnight(start), "end_time": midnight(end)}
            answer = self.client.post("/externalcontact/get_user_behavior_data", body)
            found.append(Rows(shapes.BEHAVIOUR, answer.records("behavior_data"), {"userid": userid}))
        return found

    def _chunk(
        self,
        held: Sequence[Rows],
        after: DaysPosition,
        landed: pl.DataFrame,
        gone: Sequence[str],
        first: date,
        last: date,
    ) -> Chunk:
        stamp = {"corp_id": self.client.credentials.corp_id}
        tables = frames.tables(held, stamp, f"{self.source}/{first}-{last}")
        rows = sum(len(one.records) for one in held)
        good, refused = tables.get("wecom_behaviour", (pl.DataFrame(), pl.DataFrame()))
        new = good
        if good.height:
            new = good.join(landed, on=["userid", "stat_date", RAW_COLUMN], how="anti", maintain_order="left")
            tables["wecom_behaviour"] = (new, refused)
        skipped = good.height - new.height
        return Chunk(
            parts=tuple(frames.parts(tables)),
            accounting=Accounting(rows, new.height, quarantined=rows - good.height, skipped=skipped),
            cursor=asdict(after),
            details={"from": first.isoformat(), "to": last.isoformat(), **({"gone": list(gone)} if gone else {})},
            fields=records.names(record for one in held[:20] for record in one.records[:5]),
            repeated=skipped,
        )

    def _landed(self, first: date) -> pl.DataFrame:
        """What stands in the lake of the days from ``first`` on: read again unchanged, it adds nothing."""
        columns = ["userid", "stat_date", RAW_COLUMN]
        lake = self.context.lake
        found = [
            pl.read_parquet(lake.root / file.path, columns=columns).filter(pl.col("stat_date") >= first)
            for entry, file in lake.files("landed", "wecom_behaviour")
            if entry.source == self.source and entry.details.get("to", "") >= first.isoformat()
        ]
        schema = {"userid": pl.String, "stat_date": pl.Date, RAW_COLUMN: pl.String}
        return pl.concat([pl.DataFrame(schema=schema), *found])


class _ListedStream(windows.WindowedStream):
    """A list by time, read whole for each window by the vendor's cursor: one answer is one moment."""

    def __init__(self, source: str, context: Context, client: WecomClient) -> None:
        super().__init__(source, context, client.http)
        self.wecom = client

    def page(self, window: Span, number: int) -> windows.Page:  # noqa: ARG002 - the cursor turns the pages
        try:
            found = list(self.records(round(window.start.timestamp()), round(window.end.timestamp())))
        except ValueError:
            raise format_changed(self.source) from None
        return windows.Page(found, 0)  # there is no total to prove: the cursor has turned the pages

    @abstractmethod
    def records(self, begin: int, end: int) -> Iterator[bytes]:
        """The records of a window, closed at both ends."""


def _limits(longest: int, recheck: int) -> windows.Limits:
    everything = 1_000_000_000  # the cursor turns the pages, no window is too full
    return windows.Limits(
        longest=timedelta(days=longest),
        history=timedelta(days=HISTORY_DAYS),
        page_size=everything,
        lookback=timedelta(hours=2),
        recheck=timedelta(days=recheck),
        splits_at=everything,
    )


class PaymentsStream(_ListedStream):
    """``wecom_payments`` with their refunds, in fen."""

    name = "payments"
    datasets = ("wecom_payments", "wecom_payment_refunds")
    limits = _limits(longest=30, recheck=90)
    schema = shapes.PAYMENTS.schema
    key = "transaction_id"

    def records(self, begin: int, end: int) -> Iterator[bytes]:
        body = {"begin_time": begin, "end_time": end, "limit": 1_000}
        for page in self.wecom.pages("/externalpay/get_bill_list", body, "bill_list"):
            yield from page.records

    def tables(self, frame: pl.DataFrame, file: str) -> frames.Frames:
        raws = [raw.encode() for raw in frame[RAW_COLUMN]]
        try:
            rows = [Rows(shapes.PAYMENTS, raws), *shapes.refund_rows(frame)]
        except ValueError:
            raise format_changed(self.source) from None
        return frames.tables(rows, {"corp_id": self.wecom.credentials.corp_id}, file)


class MessagesStream(_ListedStream):
    """``wecom_messages`` with the tasks of staff and whom they reached; each message is one record with all of it."""

    name = "messages"
    datasets = ("wecom_messages", "wecom_message_tasks", "wecom_message_sends")
    limits = _limits(longest=30, recheck=30)
    schema = shapes.MESSAGES.schema
    key = "msgid"

    def records(self, begin: int, end: int) -> Iterator[bytes]:
        for kind in ("single", "group"):
            body = {"chat_type": kind, "start_time": begin, "end_time": end, "limit": 100}
            for page in self.wecom.pages("/externalcontact/get_groupmsg_list_v2", body, "group_msg_list"):
                for message in page.records:
                    yield self._with_results(message, kind)

    def _with_results(self, message: bytes, kind: str) -> bytes:
        """The message's own object, with its tasks and results appended under names of ours."""
        msgid = msgspec.json.decode(message, type=_Message).msgid
        tasks = self.wecom.listed("/externalcontact/get_groupmsg_task", {"msgid": msgid, "limit": 1_000}, "task_list")
        sends: list[bytes] = []
        for task in tasks:
            body = {"msgid": msgid, "userid": msgspec.json.decode(task, type=_Task).userid, "limit": 1_000}
            sends += self.wecom.listed("/externalcontact/get_groupmsg_send_result", body, "send_list")
        more = b',"chat_type":"%b","_tasks":[%b],"_sends":[%b]}' % (kind.encode(), b",".join(tasks), b",".join(sends))
        return message.rstrip()[:-1] + more

    def tables(self, frame: pl.DataFrame, file: str) -> frames.Frames:
        rows: list[Rows] = []
        for raw in frame[RAW_COLUMN]:
            whole = raw.encode()
            parts = msgspec.json.decode(whole, type=_Whole)
            context = {"msgid": parts.msgid}
            rows.append(Rows(shapes.MESSAGES, [whole], {"chat_type": parts.chat_type}))
            rows.append(Rows(shapes.MESSAGE_TASKS, [bytes(one) for one in parts.tasks], context))
            rows.append(Rows(shapes.MESSAGE_SENDS, [bytes(one) for one in parts.sends], context))
        return frames.tables(rows, {"corp_id": self.wecom.credentials.corp_id}, file)


class _Message(msgspec.Struct):
    msgid: str


class _Task(msgspec.Struct):
    userid: str


class _Whole(msgspec.Struct):
    msgid: str
    chat_type: str
    tasks: list[msgspec.Raw] = msgspec.field(name="_tasks")
    sends: list[msgspec.Raw] = msgspec.field(name="_sends")
