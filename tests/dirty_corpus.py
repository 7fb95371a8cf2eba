# ruff: noqa: E501 - one case a line or two; Chinese characters count double
"""Dirty files by name, each with what must become of it: built when it is asked for, the same bytes every time.

A case is a file, its mapping, the rows that are accepted, quarantined and skipped, and every rejected cell by row, column
and a part of its rule. ``run`` imports one and gives what the fault table cites.
"""

import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.sources.files.remedies import GENERAL, remedy
from tests.factories_files import HEADER, ORDERS_MAP, Door, lines

Content = bytes | Callable[[], bytes]
Rejects = Sequence[tuple[int, str | None, str]]

_MARKS = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff\u00ad"))
#: Column of a dataset → headers of the corpus that it comes from.
_ID_SOURCES = {"order_id": ("订单号",), "entry_id": ("id", "流水"), "refund_id": ("id",), "coupon_code": ("券",)}


@dataclass(frozen=True)
class Case:
    """``rejects``: (row behind the header, column, part of the rule), every rejected cell of the file."""

    content: Content
    accepted: int
    quarantined: int = 0
    skipped: int = 0
    rejects: Rejects = ()
    mapping: str = ORDERS_MAP


@dataclass(frozen=True)
class Outcome:
    """What the fault table cites of one file. ``lost``: rows that are nowhere; ``altered``: ids that are not the
    cell's; ``mojibake``: rows that hold U+FFFD; ``unnamed``: rejects without file, column, rule or remedy."""

    rows: int
    accounted: int
    lost: int
    altered: int
    mojibake: int
    unnamed: int


def run(folder: Path, name: str, case: Case) -> Outcome:
    """Import one case and hold it against what it promises. Raises AssertionError with the difference."""
    door = Door(folder)
    content = case.content() if callable(case.content) else case.content
    report = door.send(name, content, case.mapping)
    counted = (report.accepted, report.quarantined, report.skipped)
    landed = [door.landed(dataset) for dataset in door.lake.datasets("landed")]
    rejected = [door.rejected(dataset) for dataset in door.lake.datasets("quarantine")]
    found = sorted(
        (row, column or "", rule)
        for frame in rejected
        for row, column, rule in frame.select("row", "column", "rule").rows()
    )
    expected = sorted((row, column or "", rule) for row, column, rule in case.rejects)
    assert counted == (case.accepted, case.quarantined, case.skipped), (counted, found)
    assert [(row, column) for row, column, _ in found] == [(row, column) for row, column, _ in expected], found
    assert all(part in rule for (_, _, rule), (_, _, part) in zip(found, expected, strict=True)), found
    places = [row for frame in (*landed,) for row in frame["_row"]]
    apart = {row for frame in rejected for row in frame["row"]}
    kept = len(set(places)) + len(apart) + report.skipped
    return Outcome(
        rows=report.rows,
        accounted=sum(counted),
        lost=report.rows - kept,
        altered=sum(_altered(frame) for frame in landed),
        mojibake=sum(int(frame["_raw"].str.contains("\ufffd", literal=True).sum()) for frame in landed),
        unnamed=sum(_unnamed(frame) for frame in rejected),
    )


def _altered(frame: pl.DataFrame) -> int:
    """Ids that differ from their cell, read by other code than the importer's."""
    wrong = 0
    for column, headers in _ID_SOURCES.items():
        if column not in frame.columns or frame[column].null_count() == frame.height:
            continue
        for landed, raw in frame.select(column, "_raw").iter_rows():
            cells = {name.replace(" ", ""): cell for name, cell in json.loads(raw).items()}
            source = next((cells[name] for name in headers if cells.get(name)), None)
            wrong += source is not None and landed != _plain(source)
    return wrong


def _plain(cell: str) -> str:
    text = unicodedata.normalize("NFKC", cell.translate(_MARKS)).strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return text.removeprefix("'").strip()


def _unnamed(frame: pl.DataFrame) -> int:
    named = (
        (bool(file) and row > 0 and bool(rule)) for file, row, rule in frame.select("file", "row", "rule").iter_rows()
    )
    general = sum(remedy(rule) == GENERAL for rule in frame["rule"])
    return sum(not ok for ok in named) + general


def with_map(line: str) -> str:
    return ORDERS_MAP + line + "\n"


REFUNDS_MAP = """
dataset: refunds
constants: {currency: CNY, timezone: Asia/Shanghai, store_id: S1}
columns: {refund_id: id, refunded_at: 时间, refund_amount: {from: 金额, format: absolute}, buyer_phone: 手机}
"""
STATEMENTS_MAP = """
dataset: shop_statements
constants: {currency: CNY, timezone: Asia/Shanghai, platform: alipay}
columns: {entry_id: id, kind: 类型, amount: 金额, occurred_at: 时间}
"""
FEN_MAP = STATEMENTS_MAP.replace("金额,", "{from: 金额, unit: fen},")


def money(*amounts: str) -> bytes:
    rows = [f'{number},payment,"{amount}",2026-01-05 09:30:00' for number, amount in enumerate(amounts, start=1)]
    return "\n".join(["id,类型,金额,时间", *rows]).encode()


def shop(*order_lines: str) -> bytes:
    return "\n".join([HEADER, *order_lines]).encode()


_LINE = "{},2026-01-05 09:30:00,SKU-1,1,12.50,12.50,{}"

#: Text files beyond those of tests/golden/test_dirty_files.py.
TEXTS: dict[str, Case] = {
    "money_forms.csv": Case(
        money("1,299.50", "￥1299.5", "(12.50)", "-12.5", "1299.50元", "CNY 12.50", "０.０１", "0", "+3", "1e12", "12.505", "$5",
              "99,99", "10000000000000", "１２，３４５.６７"), 10, 5, 0,
        [(10, "amount", "is not a number"), (11, "amount", "more decimals"), (12, "amount", "states another currency"),
         (13, "amount", "is not a number"), (14, "amount", "too large")], STATEMENTS_MAP,
    ),
    "fen.csv": Case(money("129950", "-1", "12.5", "1,000"), 3, 1, 0, [(3, "amount", "more decimals")], FEN_MAP),
    "negative_refunds.csv": Case(
        "id,时间,金额,手机\n1,2026-01-05,-12.50,\n2,2026-01-05,12.50,\n3,2026-01-05,0,\n".encode(), 2, 1, 0,
        [(3, "refund_amount", "above zero")], REFUNDS_MAP,
    ),
    "ids_of_every_length.csv": Case(
        shop(*(_LINE.format(n, "") for n in ("0001", "000000000000000018", "123456789012345678", "1234567890123456789012",
                                             "1.23E+17", "1.5e21", "12E3", "A-0001", "１２３"))), 7, 2, 0,
        [(5, "order_id", "scientific notation"), (6, "order_id", "scientific notation")],
    ),
    "phones.csv": Case(
        shop(*(_LINE.format(f"P{n}", phone) for n, phone in enumerate(
            ("+86 138 0000 1111", "0086-13800001111", "138-0000-1111", "１３８００００１１１１", "\u202d13800001111\u202c",
             "13800001111.0", "1.38E+10", "138****1111", "12345", "")))), 10,
    ),
    "files_put_together.csv": Case((lines("0001") + lines("0002") + lines("0003")).encode(), 3, 0, 2),
    "signed_below.csv": Case((lines("0001") + "制表人：小王\n审核\n").encode(), 1, 0, 2, (), with_map("format: {footer: 制表人}")),
    "backticks.csv": Case(
        lines("0001").replace("0001", "`0001").replace("12.50", "`12.50").encode(), 1, mapping=with_map('format: {strip: "`"}'),
    ),
    "utf16_stated.csv": Case(lines("0001").encode("utf-16-le"), 1, mapping=with_map("format: {encoding: utf-16-le}")),
    "big5_stated.csv": Case(
        lines("0001").replace("订单号,下单时间,货号,数量,单价,实付,手机", "訂單號,時間,貨號,數量,單價,實付,手機").encode("big5"), 1,
        mapping=ORDERS_MAP.replace("订单号", "訂單號").replace("下单时间", "時間").replace("货号", "貨號").replace("数量", "數量")
        .replace("单价", "單價").replace("实付", "實付").replace("手机", "手機") + "format: {encoding: big5}\n",
    ),
    "rare_characters.csv": Case(lines("0001").replace("SKU-1", "㐂𠮷😀").encode("gb18030"), 1),
    "times.csv": Case(
        shop(*(f"T{n},{time},SKU-1,1,12.50,12.50," for n, time in enumerate(
            ("2026/1/5", "2026年1月5日 9时30分", "20260105", "46027.4", "1767576600", "2026-01-05T09:30:00+08:00",
             "2026-13-01", "昨天", "1826-01-05", "13/1/2026"), start=1))), 7, 3, 0,
        [(7, "ordered_at", "is not a time"), (8, "ordered_at", "is not a time"), (9, "ordered_at", "lies outside")],
    ),
    "day_or_month.csv": Case(
        shop("1,3/4/2026,SKU-1,1,12.50,12.50,", "2,5/6/2026,SKU-1,1,12.50,12.50,"), 0, 2, 0,
        [(1, "ordered_at", "does not tell day from month"), (2, "ordered_at", "does not tell day from month")],
    ),
}  # fmt: skip
