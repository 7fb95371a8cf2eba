"""The file door's short cuts for long files give what the long way gives."""

import json

import polars as pl
import pytest

from models.contracts import ROW_COLUMN
from models.documents.mapping import Format, Mapping
from pipelines.sources.files import cells, delimited
from pipelines.sources.files.numbers import read_amount
from pipelines.sources.files.parsing import Parsed, parse
from pipelines.sources.files.sifting import _blank
from pipelines.sources.files.table import raw_json

MAPPING = """
dataset: orders
constants: {currency: CNY, timezone: Asia/Shanghai, store_id: S1}
columns: {order_id: 单号, ordered_at: 时间, product_id: 货号, quantity: 数量, unit_price: 单价, paid_amount: 实付,
  discount: 优惠, status: 状态, buyer_phone: 手机, buyer_member_no: 会员}
"""
SPELLINGS = {
    "单号": ["A1", "1.2E+17", " Ａ２ ", "#N/A", ""],
    "时间": ["2026-01-05 09:30:00", "5/13/2026", "6/7/2026", "never", "-", ""],
    "货号": ["SKU-1", "damaged \ufffd", ""],
    "数量": ["1", "2.5", "1.2345", "(3)", "¥3", "x", ""],
    "单价": ["12.50", "¥12.50", "$3", "0.0000001", ""],
    "实付": ["12.50", "1.005", "9999999999999999", "-0.00", "12.500", "+4.1", "元5", "none", ""],
    "优惠": ["0", "NULL", "0.10", ""],
    "状态": ["paid", "PAID", "odd", ""],
    "手机": ["13800001111", "138****1111", "８６ 138 0000 1111", ""],
    "会员": ["M1", "匿名", "1.0", ""],
}


def _parsed(frame: pl.DataFrame) -> Parsed:
    to = Mapping.parse(MAPPING, name="m").with_defaults(currency="CNY", timezone="Asia/Shanghai").destinations()[0]
    return parse(frame, to, {name: name for name in frame.columns}, phone_region="CN")


def test_reading_each_distinct_cell_once_gives_the_same_values_problems_and_warnings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = 700
    columns = {name: [texts[(row * 7 + row // 11) % len(texts)] or None for row in range(rows)]
               for name, texts in SPELLINGS.items()}  # fmt: skip
    frame = pl.DataFrame(columns).with_columns(pl.int_range(1, rows + 1, dtype=pl.Int64).alias(ROW_COLUMN))
    frame = frame.with_columns(raw_json(frame))
    one_by_one = _parsed(frame)
    monkeypatch.setattr(cells, "_WORTHWHILE", 1)
    monkeypatch.setattr(cells, "_SAMPLED", 100)
    assert cells.distinct(frame["实付"]) is not None
    once = _parsed(frame)
    assert once.frame.equals(one_by_one.frame) and once.frame.schema == one_by_one.frame.schema
    assert once.warnings == one_by_one.warnings
    found = [(p.column, p.rule, p.mask.to_list()) for p in one_by_one.problems]
    assert [(p.column, p.rule, p.mask.to_list()) for p in once.problems] == found
    assert len(found) > 10


def test_many_different_cells_are_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cells.distinct(pl.Series(["a"] * 100)) is None
    monkeypatch.setattr(cells, "_WORTHWHILE", 1)
    assert cells.distinct(pl.Series([str(n) for n in range(5_000)])) is None
    texts, places = cells.distinct(pl.Series(["b", None, "a", "b"] * 2_000)) or (pl.Series(), pl.Series())
    assert texts.gather(places).to_list() == ["b", None, "a", "b"] * 2_000


@pytest.mark.parametrize("piece", [1, 2, 7, 64])
@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n",
        "a,b\n1,2\n3,4",
        'a,b\n"x, y","l\nm"\n3,4\n\n5\n',
        '"a","b"\n"1","q ""q"""\n"","2"\n',
        "a\tb\n1\t2\n",
        'a,b\n1,2\n"\n3,4\n5,6"\n',
    ],
)
def test_records_are_found_whatever_the_pieces(monkeypatch: pytest.MonkeyPatch, piece: int, text: str) -> None:
    """A quoted cell, and a record, may lie across the border of two pieces."""
    data, delimiter = text.encode(), "\t" if "\t" in text else ","
    whole = delimited._structure(data, delimiter)
    monkeypatch.setattr(delimited, "_PIECE", piece)
    parts = delimited._structure(data, delimiter)
    assert whole is not None and parts is not None
    for name in ("starts", "ends", "cells"):
        assert getattr(whole, name).tolist() == getattr(parts, name).tolist()
    assert (whole.quoted, whole.plain) == (parts.quoted, parts.plain)


@pytest.mark.parametrize("cell", ["a\\b", '"say ""so"""', '"two\nlines"', "tab\there", "bell\x07", '""'])
def test_a_cell_that_json_escapes_is_escaped(cell: str) -> None:
    table = delimited.read_delimited(f"a,名\n1,{cell}\n".encode(), Format(delimiter=","))
    assert not table.plain
    (raw,) = raw_json(table.frame, plain=table.plain).to_list()
    assert json.loads(raw) == table.frame.select("a", "名").row(0, named=True)


def test_plain_cells_give_the_json_of_the_long_way() -> None:
    data = '"a ""b""",名,c,d\n1,店铺 é,,\n,,3,"x, y"\n,,,4\n'.replace('"a ""b"""', "a＂b＼").encode()
    table = delimited.read_delimited(data, Format())
    assert table.plain and table.header[0] == 'a"b\\'  # the header's own spelling is escaped all the same
    quick, long = raw_json(table.frame, plain=True), raw_json(table.frame)
    assert quick.to_list() == long.to_list()
    assert json.loads(quick[2]) == {'a"b\\': None, "名": None, "c": None, "d": "4"}


@pytest.mark.parametrize("data", [b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"abcdefgh\xe5\xba"])
def test_bytes_that_are_no_utf8_are_seen(data: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        data.decode()
    assert not delimited._is_utf8(data)
    assert delimited._is_utf8("店铺 é 👨 abc".encode())


@pytest.mark.parametrize("blank", ["", " ", "\u00a0", "\u3000\t"])
def test_a_row_whose_required_cells_are_blank_is_skipped(blank: str) -> None:
    assert _blank(pl.Series([blank, "x", None, "店", "~"])).to_list() == [True, False, True, False, False]


def test_amounts_keep_every_minor_unit() -> None:
    texts = pl.Series(["12.5", "0.01", "-7", "999999999999999.99", "10000000000000000", "1.230", "1.234"])
    currencies = pl.Series(["CNY"]).new_from_index(0, len(texts))
    typed, problems = read_amount(texts, currencies, minor=False, sign=None)
    assert typed.to_list()[:3] == [1250, 1, -700] and typed[5] == 123
    refused = {rule: mask.arg_true().to_list() for mask, rule in problems if mask.any()}
    assert refused == {
        "has more decimals than allowed: CNY has 2 decimals": [6],
        "is too large to be an amount": [3, 4],
    }
