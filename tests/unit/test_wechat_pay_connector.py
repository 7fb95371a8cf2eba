"""The connector of WeChat Pay against the sandbox over HTTP: signed both ways, every day landed once or asked again.

The accidents they prevent: a day taken for empty because its bill was late, a bill cut short on its way, a token sent
to another host, an answer believed that nobody signed, and a private key in a log.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from models.settings import Settings
from pipelines.lake import Lake
from pipelines.sandbox import wechat_pay as face_of
from pipelines.sandbox.faults import FaultLayer, FaultPlan
from pipelines.sandbox.server import serving
from pipelines.sandbox.wechat_pay import DIALECT, PLATFORM_KEY_ID, SERIAL, BillDesk, Keys, WechatPayFace, create_app
from pipelines.sandbox.wechat_pay_bills import MERCHANT, MerchantBooks
from pipelines.sandbox.world import World
from pipelines.sources import syncing
from pipelines.sources.connector import Chunk, Context, Span, StateError
from pipelines.sources.http import SourceError
from pipelines.sources.wechat_pay import (
    STREAMS,
    BillsMissingError,
    BillStream,
    WechatPayConnector,
    last_ready,
    months_back,
)
from pipelines.sources.wechat_pay_api import (
    BillAddress,
    NotReadyError,
    SignatureError,
    WechatPayError,
    WechatPayOptions,
)

NOON = datetime(2026, 6, 30, 4, tzinfo=UTC)  # 12:00 in Beijing
YESTERDAY = date(2026, 6, 29)
FIRST = date(2026, 6, 24)


@pytest.fixture(scope="module")
def books() -> MerchantBooks:
    return MerchantBooks.of(World.generate(3_000, seed=11, ends_on=date(2026, 6, 30), days=60))


@pytest.fixture(scope="module")
def keys() -> Keys:
    return Keys.make()


@dataclass
class Merchant:
    """A face with its clock, and connectors that talk to it."""

    face: WechatPayFace
    address: str
    folder: Path
    now: list[datetime]
    layer: FaultLayer
    lake: Lake
    naps: list[float] = field(default_factory=list)

    def connector(self, **options: Any) -> WechatPayConnector:
        given = {
            "base_url": self.address,
            "merchant_id": MERCHANT,
            "certificate_serial": SERIAL,
            "key_file": self.folder / "apiclient_key.pem",
            "platform_key_file": self.folder / "pub_key.pem",
            "platform_key_id": PLATFORM_KEY_ID,
            "requests_per_second": 0,
            "timeout_seconds": 5,
            "starts_on": FIRST,
            **options,
        }
        settings = Settings(home=self.folder / "home")
        context = Context(self.lake, settings, sleep=self.naps.append)
        made = WechatPayConnector(WechatPayOptions.model_validate(given), context)
        made.api._clock = lambda: self.now[0].timestamp()
        return made

    def sync(self, until: datetime | None = None, **options: Any) -> list[syncing.StreamReport]:
        """As ``scrm sync`` does: every stream of the connection, committed chunk by chunk."""
        connector = self.connector(**options)
        try:
            return [
                syncing._of_stream(self.lake, "pay", connector, stream, until or self.now[0], None, lambda _: None)
                for stream in connector.streams()
            ]
        finally:
            connector.close()

    def stream(self, name: str = "trade_bills") -> tuple[WechatPayConnector, BillStream]:
        connector = self.connector(bills=(name,))
        (found,) = connector.streams()
        assert isinstance(found, BillStream)
        return connector, found

    def cursor(self, stream: str = "trade_bills") -> Mapping[str, Any]:
        found = self.lake.cursor(f"wechat_pay:{MERCHANT}/{stream}")
        assert found is not None
        return found


@contextmanager
def merchant(
    books: MerchantBooks, keys: Keys, folder: Path, plan: FaultPlan | None = None, now: datetime = NOON
) -> Iterator[Merchant]:
    keys.write(folder)
    clock = [now]
    face = WechatPayFace(books, keys, clock=lambda: clock[0], desk=BillDesk())
    layer = FaultLayer(create_app(face), plan or FaultPlan(), DIALECT)
    with serving(layer) as address:  # type: ignore[arg-type]
        yield Merchant(face, address, folder, clock, layer, Lake(folder / "lake"))


@pytest.fixture
def shop(books: MerchantBooks, keys: Keys, tmp_path: Path) -> Iterator[Merchant]:
    with merchant(books, keys, tmp_path) as made:
        yield made


def truth(books: MerchantBooks, first: date, last: date) -> list[tuple[str, str, int, int]]:
    """(kind, number, amount, fee) of every payment and refund of the days, with our signs."""
    paid = books.payments.filter(pl.col("paid_at").dt.date().is_between(first, last))
    back = books.refunds.filter(pl.col("at").dt.date().is_between(first, last))
    rows = [("payment", number, amount, -fee) for number, amount, fee in
            paid.select("transaction_id", "amount", "fee").iter_rows()]  # fmt: skip
    rows += [("refund", number, -amount, fee) for number, amount, fee in
             back.select("refund_no", "amount", "fee").iter_rows()]  # fmt: skip
    return sorted(rows)


def landed(lake: Lake) -> list[tuple[Any, ...]]:
    frame = lake.read("landed", "payment_bill_lines")
    return sorted(frame.select("kind", "entry_id", "amount", "fee_amount").iter_rows())


def test_every_bill_lands_as_the_books_have_it(shop: Merchant, books: MerchantBooks) -> None:
    reports = shop.sync(bills=tuple(stream.name for stream in STREAMS))
    assert [report.state for report in reports] == ["done"] * len(STREAMS), [report.error for report in reports]
    first, last = FIRST, YESTERDAY
    trades = shop.lake.read("landed", "payment_bill_lines").filter(pl.col("bill_id").str.contains("trade_all"))
    found = sorted(trades.select("kind", "entry_id", "amount", "fee_amount").iter_rows())
    assert found == truth(books, first, last) and len(found) > 10
    moved = books.movements.filter(pl.col("at").dt.date().is_between(first, last))
    funds = shop.lake.read("landed", "fund_lines").select("entry_id", "balance_after", pl.col("amount").abs())
    assert sorted(funds.iter_rows()) == sorted(moved.select("flow_id", "balance", "amount").iter_rows())
    splits = books.splits.filter(pl.col("at").dt.date().is_between(first, last))
    assert sorted(shop.lake.read("landed", "split_lines")["entry_id"]) == sorted(splits["detail_id"])
    assert shop.lake.datasets("quarantine") == []


def test_a_second_sync_reads_nothing_anew(shop: Merchant) -> None:
    shop.sync()
    files, entries = shop.face.counts.files, len(shop.lake.entries())
    reports = shop.sync()
    assert (shop.face.counts.files, len(shop.lake.entries())) == (files, entries)
    assert sum(report.landed for report in reports) == 0


def test_nobody_asks_before_ten_for_the_bill_of_yesterday(shop: Merchant) -> None:
    shop.now[0] = datetime(2026, 6, 30, 1, 59, 59, tzinfo=UTC)
    shop.sync()
    assert shop.cursor()["through"] == "2026-06-28"
    shop.now[0] += timedelta(seconds=1)
    shop.sync()
    assert shop.cursor()["through"] == "2026-06-29"


def test_a_late_bill_is_asked_for_again_and_never_taken_for_empty(shop: Merchant, books: MerchantBooks) -> None:
    day = books.payments.filter(pl.col("paid_at").dt.date() <= YESTERDAY)["paid_at"].dt.date().max()
    shop.face.desk.late.add(day)
    shop.sync()
    assert day.isoformat() in shop.cursor()["open"]
    assert shop.lake.read("landed", "bills").filter(pl.col("starts_on") == day).is_empty()
    shop.face.desk.late.clear()
    shop.now[0] += timedelta(days=1)
    shop.sync(bills=("trade_bills",))
    assert day.isoformat() not in shop.cursor()["open"]
    assert landed(shop.lake) == truth(books, FIRST, date(2026, 6, 30))


def test_a_day_without_a_bill_is_given_up_after_its_time_and_said(shop: Merchant) -> None:
    shop.sync(bills=("operation_fund_bills",), recheck_days=3)
    (entry,) = shop.lake.entries()
    assert entry.cursor is not None and min(entry.cursor["open"]) == "2026-06-26"
    assert entry.details["days_without_bill"][0] == "2026-06-24"
    assert shop.lake.datasets("landed") == []


def test_a_bill_that_was_corrected_lands_again(shop: Merchant, books: MerchantBooks) -> None:
    bills = ("trade_bills",)
    shop.sync(bills=bills)
    text = books.trade_bill(date(2026, 6, 28), "ALL")
    assert text is not None
    shop.face.desk.changed["trade", YESTERDAY] = text.replace("2026-06-28", "2026-06-29")
    shop.sync(bills=bills)
    again = shop.lake.read("landed", "bills").filter(pl.col("starts_on") == YESTERDAY)
    assert again["sha256"].n_unique() == again.height == 2 and again["bill_id"].n_unique() == 1
    shop.sync(bills=bills)
    assert shop.lake.read("landed", "bills").filter(pl.col("starts_on") == YESTERDAY).height == 2


def test_a_bill_that_does_not_add_up_is_set_apart_and_the_other_days_land(shop: Merchant, books: MerchantBooks) -> None:
    bad = books.payments.filter(pl.col("paid_at").dt.date() >= FIRST + timedelta(days=2))["paid_at"].dt.date().min()
    text = books.trade_bill(bad, "ALL")
    assert text is not None
    shop.face.desk.changed["trade", bad] = text[: text.rstrip().rfind("`")] + "`1.00\r\n"
    (report,) = shop.sync(bills=("trade_bills",))
    assert report.state == "failed" and "does not add up" in report.error and not report.transient
    assert landed(shop.lake) == [row for row in truth(books, FIRST, YESTERDAY) if row not in truth(books, bad, bad)]
    assert shop.lake.read("quarantine", "bills")["file"].to_list()[0] == f"trade_bills-{bad}.csv"
    batches = len(shop.lake.entries())
    (report,) = shop.sync(bills=("trade_bills",))
    assert report.state == "failed" and len(shop.lake.entries()) == batches  # said again, not landed again
    shop.face.desk.changed.clear()
    (report,) = shop.sync(bills=("trade_bills",))
    assert report.state == "done"
    assert landed(shop.lake) == truth(books, FIRST, YESTERDAY)


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3, 4))])
def test_a_fifth_of_the_answers_go_wrong_and_nothing_is_lost(
    books: MerchantBooks, keys: Keys, tmp_path: Path, seed: int
) -> None:
    with merchant(books, keys, tmp_path, FaultPlan(seed=seed, rate=0.2)) as shop:
        for _ in range(3):  # a sync may fail; the next one goes on
            reports = shop.sync()
            if all(report.state == "done" for report in reports):
                break
        assert landed(shop.lake) == truth(books, FIRST, YESTERDAY)
        assert shop.layer.met.total() > 0


def test_a_file_cut_short_is_fetched_again(shop: Merchant, books: MerchantBooks) -> None:
    shop.face.desk.damaged = 3
    (report,) = shop.sync(bills=("trade_bills",))
    assert report.state == "done"
    assert landed(shop.lake) == truth(books, FIRST, YESTERDAY)


def test_a_refusal_cut_short_on_its_way_is_asked_for_again(books: MerchantBooks, keys: Keys, tmp_path: Path) -> None:
    """That there is no bill is said with HTTP 400: half of these words must not stop the sync."""
    with merchant(books, keys, tmp_path, FaultPlan(at={1: "truncated", 2: "truncated", 5: "truncated"})) as shop:
        (report,) = shop.sync(bills=("operation_fund_bills",))
        assert report.state == "done", report.error
        assert shop.layer.met["truncated"] == 3 and len(shop.naps) == 3


def test_a_kill_after_any_chunk_costs_nothing(shop: Merchant, books: MerchantBooks) -> None:
    """Every chunk carries the position after it: the sync is cut off behind each of them in turn."""
    connector, stream = shop.stream()
    cursor: Mapping[str, Any] | None = None
    chunks: list[Chunk] = []
    for _ in range(100):
        chunk = next((chunk for chunk in stream.read(cursor, NOON) if not chunk.idle), None)
        if chunk is None:
            break
        chunks.append(chunk)
        cursor = chunk.cursor
    connector.close()
    frames = [part.frame for chunk in chunks for part in chunk.parts if part.dataset == "payment_bill_lines"]
    rows = pl.concat([frame for frame in frames if frame is not None])
    found = sorted(rows.select("kind", "entry_id", "amount", "fee_amount").iter_rows())
    assert found == truth(books, FIRST, YESTERDAY)


def test_a_clock_that_is_a_day_ahead_or_behind_is_corrected_and_never_moves_the_position(
    shop: Merchant, books: MerchantBooks
) -> None:
    for off in (timedelta(days=1), timedelta(days=-1)):
        shop.layer.plan = FaultPlan(clock_ahead=NOON - datetime.now(UTC))  # the Date header of a server at noon
        connector, stream = shop.stream()
        connector.api._clock = lambda off=off: (NOON + off).timestamp()  # type: ignore[misc]
        cursors = [chunk.cursor for chunk in stream.read(None, NOON + off)]
        connector.close()
        assert cursors and max(cursor["through"] for cursor in cursors) <= YESTERDAY.isoformat()


def test_answers_that_the_platform_did_not_sign_are_not_believed(shop: Merchant, keys: Keys) -> None:
    Path(shop.folder / "pub_key.pem").write_bytes(keys.merchant_public)
    with pytest.raises(SignatureError, match="download the new one"):
        shop.connector().check()
    with pytest.raises(SignatureError, match="platform_key_id"):
        shop.connector(platform_key_id="PUB_KEY_ID_OTHER").check()
    verdict = shop.connector(platform_key_file=None, platform_key_id="").check()
    assert verdict.state == "warning" and "platform_key_file" in verdict.remedy


def test_a_wrong_key_or_serial_stops_at_once_and_says_what_to_do(shop: Merchant) -> None:
    shop.face.clock = lambda: datetime.now(UTC)
    shop.now[0] = datetime.now(UTC)
    other = Keys.make()
    (shop.folder / "other.pem").write_bytes(other.merchant_private)
    for options in ({"key_file": shop.folder / "other.pem"}, {"certificate_serial": "0" * 40}):
        before = shop.layer.requests
        with pytest.raises(WechatPayError, match="certificate_serial") as caught:
            shop.connector(**options).check()
        assert caught.value.code == "SIGN_ERROR"
        assert shop.layer.requests - before <= 2
    with pytest.raises(SourceError, match=r"apiclient_key\.pem"):
        (shop.folder / "no.pem").write_text("no key", encoding="utf-8")
        shop.connector(key_file=shop.folder / "no.pem")


def test_a_bill_on_another_host_is_not_fetched(shop: Merchant) -> None:
    shop.face.download_host = "http://127.0.0.1:1"
    (report,) = shop.sync(bills=("trade_bills",))
    assert report.state == "failed" and "another host" in report.error
    assert shop.face.counts.files == 0


def test_days_that_can_no_longer_be_fetched_are_said_and_not_passed_over(shop: Merchant) -> None:
    def nothing(path: str, params: Mapping[str, str]) -> BillAddress:
        raise NotReadyError(path, being_made=False)

    connector, stream = shop.stream()
    connector.api.bill_address = nothing  # type: ignore[method-assign]
    old = {"through": "2026-03-20", "open": []}
    with pytest.raises(BillsMissingError, match="from 2026-03-21 to 2026-03-30 can no longer be fetched"):
        list(stream.read(old, NOON))


@pytest.mark.parametrize("cursor", [{"through": "2027-01-01", "open": []}, {"page": 3}, {"through": 5, "open": []}])
def test_a_position_that_cannot_be_right_is_refused(shop: Merchant, cursor: dict[str, Any]) -> None:
    _, stream = shop.stream()
    with pytest.raises(StateError):
        list(stream.read(cursor, NOON))


def test_a_span_is_read_anew_and_leaves_the_position(shop: Merchant, books: MerchantBooks) -> None:
    shop.sync(bills=("trade_bills",))
    before = shop.cursor()
    span = Span(datetime(2026, 6, 26, tzinfo=UTC), datetime(2026, 6, 27, tzinfo=UTC))
    _, stream = shop.stream()
    chunks = list(stream.read(before, NOON, span))
    rows = sum(chunk.accounting.rows for chunk in chunks)
    assert rows == sum(chunk.repeated for chunk in chunks) == len(truth(books, date(2026, 6, 26), date(2026, 6, 27)))
    assert {chunk.cursor["through"] for chunk in chunks} == {before["through"]}
    assert all(chunk.idle for chunk in chunks)


def test_no_key_no_token_and_no_openid_in_any_log(
    shop: Merchant, keys: Keys, caplog: pytest.LogCaptureFixture, books: MerchantBooks
) -> None:
    with caplog.at_level(logging.DEBUG):
        shop.face.desk.damaged = 20
        reports = shop.sync(bills=("trade_bills",))
    said = caplog.text + " ".join(report.error for report in reports)
    assert reports[0].state == "failed"
    for secret in (keys.merchant_private.decode()[100:140], "token=", "signature=", books.payments["openid"][0]):
        assert secret not in said


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 1, 1, 59, tzinfo=UTC), date(2026, 2, 27)),
        (datetime(2026, 3, 1, 2, 0, tzinfo=UTC), date(2026, 2, 28)),
        (datetime(2028, 3, 1, 2, 0, tzinfo=UTC), date(2028, 2, 29)),  # leap day
        (datetime(2026, 1, 1, 2, 0, tzinfo=UTC), date(2025, 12, 31)),
        (datetime(2025, 12, 31, 16, 0, tzinfo=UTC), date(2025, 12, 30)),  # already the new year in Beijing
    ],
)
def test_the_day_whose_bill_is_there(moment: datetime, day: date) -> None:
    assert last_ready(moment) == day


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2026, 5, 31), date(2026, 2, 28)),
        (date(2028, 5, 31), date(2028, 2, 29)),
        (date(2026, 3, 31), date(2025, 12, 31)),
        (date(2026, 1, 15), date(2025, 10, 15)),
        (date(2026, 12, 31), date(2026, 9, 30)),
    ],
)
def test_three_months_back_at_the_ends_of_months(day: date, before: date) -> None:
    assert months_back(day, 3) == before
    assert face_of._three_months_before(day) == before
