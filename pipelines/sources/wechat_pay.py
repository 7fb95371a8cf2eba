"""WeChat Pay into the lake: the bills of one merchant, day by day, each proven before it lands.

A bill is there after 10:00 Beijing time of the next day. A day without a bill is asked for again for some days: the
platform says the same of a day on which nothing happened and of one that is late, and neither is ever taken for empty.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pipelines.lake import Accounting, Lake, Part
from pipelines.sources.bills.judging import BillRefusedError, judge
from pipelines.sources.bills.lines import Told
from pipelines.sources.bills.reading import read_bill, unpacked
from pipelines.sources.connector import (
    Chunk,
    Connector,
    Context,
    FormatChangedError,
    Span,
    StateError,
    Stream,
    Verdict,
)
from pipelines.sources.files.table import FileRefusedError
from pipelines.sources.http import SourceError
from pipelines.sources.wechat_pay_api import HOSTS, NotReadyError, WechatPayClient, WechatPayError, WechatPayOptions

BEIJING = ZoneInfo("Asia/Shanghai")
READY_AT = time(10)
_MONTHS_BACK = 3


@dataclass(frozen=True)
class Position:
    """``through``: the last day that was asked for; up to it every day is landed, but for the ``open`` ones, which had
    no bill (yet), or one that did not add up."""

    through: date
    open: frozenset[date] = frozenset()

    @classmethod
    def read(cls, cursor: Mapping[str, Any]) -> "Position":
        """Raises StateError for a cursor of another form."""
        try:
            opened = frozenset(date.fromisoformat(day) for day in cursor["open"])
            return cls(date.fromisoformat(cursor["through"]), opened)
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(
                f"the committed position has another form ({error}); restore the lake from a backup, and report it"
            ) from None

    def as_cursor(self) -> dict[str, Any]:
        return {"through": self.through.isoformat(), "open": sorted(day.isoformat() for day in self.open)}

    def after(self, day: date, *, landed: bool) -> "Position":
        """The position once a day was asked for."""
        return Position(max(self.through, day), self.open - {day} if landed else self.open | {day})


@dataclass(frozen=True)
class Known:
    """The bill of a day as it came last: its hash, its lines, and whether it was refused."""

    sha1: str
    rows: int
    refused: bool


class BillsMissingError(SourceError):
    """Days whose bill did not add up, or can no longer be fetched; all others are landed."""


class BillStream(Stream):
    """Bills of one kind. ``path`` and ``params``: where the address of a bill is asked for."""

    datasets: ClassVar[tuple[str, ...]] = ("bills",)
    path: ClassVar[str]
    params: ClassVar[Mapping[str, str]] = {}
    expected: ClassVar[tuple[str, ...]]
    account_type: ClassVar[str | None] = None

    def __init__(self, client: WechatPayClient, source: str, lake: Lake) -> None:
        self.client = client
        self.source = source
        self.lake = lake

    def read(self, since: Mapping[str, Any] | None, until: datetime, span: Span | None = None) -> Iterator[Chunk]:
        options = self.client.options
        earliest = months_back(self._clamped(until).astimezone(BEIJING).date(), _MONTHS_BACK) + timedelta(days=1)
        first = max(options.starts_on or earliest, earliest)
        start = Position.read(since) if since is not None else Position(first - timedelta(days=1))
        self._check(start, until)
        position = committed = start
        known = self._known()
        troubles = _lost(start, earliest) if since is not None and span is None else []
        for day in self._days(start, known, first if span is not None else earliest, last_ready(until), span):
            chunk = self._day(day, position, known.get(day), until, troubles) if self._is_ready(day, until) else None
            if not self._is_ready(day, until):
                return  # our clock runs ahead of the platform's: what it says of such a day means nothing
            position = position.after(day, landed=False) if chunk is None else Position.read(chunk.cursor)
            if chunk is not None:
                committed = committed if chunk.idle else position
                yield chunk if span is None else replace(chunk, cursor=start.as_cursor())
        given_up = frozenset(day for day in position.open if day < self._kept(until))
        position = Position(position.through, position.open - given_up)
        if span is None and position != committed:
            details = {"days_without_bill": sorted(day.isoformat() for day in given_up)} if given_up else {}
            yield Chunk((), Accounting(0, 0), position.as_cursor(), details)
        if troubles:
            raise BillsMissingError("; ".join(troubles))

    def _day(
        self, day: date, position: Position, known: Known | None, until: datetime, troubles: list[str]
    ) -> Chunk | None:
        """The chunk of one day; None when there is no bill. A bill that has not changed is an idle chunk."""
        asked = {"bill_date": day.isoformat(), **self.params, "tar_type": "GZIP"}
        try:
            address = self.client.bill_address(self.path, asked)
        except NotReadyError:
            return None
        except WechatPayError:
            if not self._is_ready(day, until):
                return None
            raise
        sha1 = address.hash_value.lower()
        if known is not None and known.sha1 == sha1:
            if known.refused:
                troubles.append(f"the bill of {day} still does not add up")
            after = position.after(day, landed=not known.refused)
            counted = Accounting(known.rows, 0, skipped=known.rows)
            return Chunk((), counted, after.as_cursor(), repeated=known.rows, idle=True)
        content = self.client.bill(address)
        details = {"day": day.isoformat(), "sha1": sha1}
        try:
            return self._chunk(day, content, position.after(day, landed=True), details)
        except BillRefusedError as error:
            troubles.append(str(error))
            rows = error.rejected.height
            return Chunk(
                (Part("quarantine", "bills", error.rejected),),
                Accounting(rows, 0, rows),
                position.after(day, landed=False).as_cursor(),
                {**details, "file": self._file(day), "bill": error.bill_id, "refused": True},
            )

    def _chunk(self, day: date, content: bytes, after: Position, details: Mapping[str, Any]) -> Chunk:
        told = Told(self.client.options.merchant_id, self.account_type, day)
        try:
            (member,) = unpacked(self._file(day), content)
            bill = read_bill(member)
            if bill is None or bill.layout.bill_type not in self.expected:
                found = "sums only" if bill is None else bill.layout.bill_type
                raise FormatChangedError(f"{member.name}: a bill of another kind ({found}) than was asked for")
            judged = judge(bill, told)
        except BillRefusedError:
            raise
        except FileRefusedError as error:
            raise FormatChangedError(f"the bill of {day} has another format than is known: {error}") from error
        cursor = after.as_cursor()
        return Chunk(judged.parts, judged.accounting, cursor, {**judged.details, **details}, frozenset(bill.header))

    def _known(self) -> dict[date, Known]:
        """By day the bill that came last, from the manifest."""
        return {
            date.fromisoformat(entry.details["day"]): Known(
                entry.details["sha1"], entry.accounting.rows if entry.accounting else 0, "refused" in entry.details
            )
            for entry in self.lake.entries()
            if entry.source == self.source and "sha1" in entry.details
        }

    def _days(
        self, start: Position, known: Mapping[date, Known], first: date, ready: date, span: Span | None
    ) -> list[date]:
        """Days to ask for, the oldest first: those without a bill, the last landed ones, and the new ones."""
        if span is not None:
            begin, end = (moment.astimezone(BEIJING).date() for moment in (span.start, span.end))
            return _range(max(begin, first), min(end, ready))
        new = _range(max(start.through + timedelta(days=1), first), ready)
        again = _range(start.through - timedelta(days=self.client.options.lookback_days - 1), start.through)
        looked = {day for day in again if day in known}
        return sorted(day for day in {*start.open, *looked, *new} if first <= day <= ready)

    def _check(self, start: Position, until: datetime) -> None:
        """Raises StateError for a position of the future; an hour is what clocks may differ."""
        if start.through > last_ready(until + timedelta(hours=1)):
            raise StateError(
                f"the committed position ({start.through}) lies in the future of this machine's clock; set the clock"
            )

    def _kept(self, until: datetime) -> date:
        """Since when days without a bill are asked for again."""
        return last_ready(until) - timedelta(days=self.client.options.recheck_days)

    def _is_ready(self, day: date, until: datetime) -> bool:
        return day <= last_ready(self._clamped(until))

    def _clamped(self, until: datetime) -> datetime:
        server = self.client.http.server_time
        return until if server is None else min(until, server)

    def _file(self, day: date) -> str:
        return f"{self.name}-{day.isoformat()}.csv"


class TradeBills(BillStream):
    """Payments and refunds."""

    name = "trade_bills"
    datasets = ("bills", "payment_bill_lines")
    path = "/v3/bill/tradebill"
    params: ClassVar[Mapping[str, str]] = {"bill_type": "ALL"}
    expected = ("trade_all",)


class RefundBills(BillStream):
    """Refunds with the times at which they were asked for and arrived, which the bill of all trades lacks."""

    name = "refund_bills"
    datasets = ("bills", "payment_bill_lines")
    path = "/v3/bill/tradebill"
    params: ClassVar[Mapping[str, str]] = {"bill_type": "REFUND"}
    expected = ("trade_refund",)


class FundBills(BillStream):
    """Movements of the basic account."""

    name = "fund_bills"
    datasets = ("bills", "fund_lines")
    path = "/v3/bill/fundflowbill"
    params: ClassVar[Mapping[str, str]] = {"account_type": "BASIC"}
    expected = ("fund",)
    account_type = "BASIC"


class OperationFundBills(FundBills):
    """Movements of the operation account."""

    name = "operation_fund_bills"
    params: ClassVar[Mapping[str, str]] = {"account_type": "OPERATION"}
    account_type = "OPERATION"


class FeesFundBills(FundBills):
    """Movements of the account of fees."""

    name = "fees_fund_bills"
    params: ClassVar[Mapping[str, str]] = {"account_type": "FEES"}
    account_type = "FEES"


class SplitBills(BillStream):
    """Splits to receivers and their returns."""

    name = "split_bills"
    datasets = ("bills", "split_lines")
    path = "/v3/profitsharing/bills"
    expected = ("split",)


STREAMS: tuple[type[BillStream], ...] = (
    TradeBills,
    RefundBills,
    FundBills,
    OperationFundBills,
    FeesFundBills,
    SplitBills,
)


class WechatPayConnector(Connector):
    """One merchant; several merchants are several connections."""

    system = "wechat_pay"
    title = "WeChat Pay"
    options_class = WechatPayOptions
    hosts = HOSTS
    stream_datasets: ClassVar = {stream.name: stream.datasets for stream in STREAMS}
    options: WechatPayOptions

    def __init__(self, options: WechatPayOptions, context: Context) -> None:
        super().__init__(options, context)
        if unknown := set(options.bills) - set(self.stream_datasets):
            raise SourceError(
                f"bills: {', '.join(sorted(unknown))} is none of {', '.join(self.stream_datasets)}; mend the connection"
            )
        self.api = WechatPayClient(options, self.client, sleep=context.sleep)

    @property
    def account(self) -> str:
        return self.options.merchant_id

    def streams(self) -> Sequence[Stream]:
        """Those that the options name."""
        chosen = [stream for stream in STREAMS if stream.name in self.options.bills]
        return [stream(self.api, self.source(stream.name), self.context.lake) for stream in chosen]

    def check(self) -> Verdict:
        """Asks for the trade bill of two days ago; that there is none is an answer too."""
        day = self._some_day()
        try:
            self._ask(day)
        except WechatPayError:
            if self._some_day() == day:
                raise
            self._ask(self._some_day())  # by the platform's clock it is another day
        if self.options.platform_key_file is None:
            return Verdict(
                "warning",
                f"merchant {self.account} may read its bills; answers are not proven",
                "download WeChat Pay's public key in the merchant's console and set platform_key_file",
            )
        return Verdict("ok", f"merchant {self.account} may read its bills; answers are proven")

    def _some_day(self) -> date:
        return self.api.now().astimezone(BEIJING).date() - timedelta(days=2)

    def _ask(self, day: date) -> None:
        with suppress(NotReadyError):
            self.api.bill_address(TradeBills.path, {"bill_date": day.isoformat(), **TradeBills.params})


def _lost(start: Position, earliest: date) -> list[str]:
    """What is said once of days that the platform no longer gives, because nobody asked in time."""
    first, last = start.through + timedelta(days=1), earliest - timedelta(days=1)
    if first > last:
        return []
    return [
        f"the days from {first} to {last} can no longer be fetched (bills go back three months): download them in "
        "the merchant's console and hand them in with `scrm import-bill`"
    ]


def last_ready(moment: datetime) -> date:
    """The newest day whose bill is there at a moment: yesterday, from 10:00 Beijing time on."""
    there = moment.astimezone(BEIJING)
    return there.date() - timedelta(days=1 if there.time() >= READY_AT else 2)


def months_back(day: date, months: int) -> date:
    """The same day so many calendar months before, or the last day of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    following = date(year + month // 11, (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (following - timedelta(days=1)).day))


def _range(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


__all__ = ["BillStream", "WechatPayConnector", "WechatPayError", "last_ready", "months_back"]
