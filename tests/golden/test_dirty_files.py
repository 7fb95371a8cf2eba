"""Dirty files as they come: each is accounted to the last row with the right values, or refused by name."""

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from pipelines.sources.files import sheets
from pipelines.sources.files.importing import FileRefusedError
from tests.factories_files import HEADER, LINE, Door, lines

CLEAN = lines("0001", "0002", "0003")


def workbook(fill: Callable[[xlsxwriter.Workbook], None]) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    fill(book)
    book.close()
    return buffer.getvalue()


def sheet_of(rows: list[list[object]], start: int = 0) -> bytes:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("订单")
        for number, row in enumerate(rows, start=start):
            sheet.write_row(number, 0, row)

    return workbook(fill)


def as_workbook(text: str) -> list[list[object]]:
    return [list(line.split(",")) for line in text.strip().split("\n")]


# name → content whose three orders 0001 to 0003 must land, byte for byte
SAME = {
    "utf8.csv": CLEAN.encode(),
    "bom.csv": b"\xef\xbb\xbf" + CLEAN.encode(),
    "gbk.csv": CLEAN.encode("gbk"),
    "gb18030.csv": CLEAN.replace("SKU-1", "㐂𠮷").encode("gb18030"),
    "utf16.csv": CLEAN.encode("utf-16"),
    "utf16be.csv": b"\xfe\xff" + CLEAN.encode("utf-16-be"),
    "cr_only.csv": CLEAN.replace("\n", "\r").encode(),
    "crlf.csv": CLEAN.replace("\n", "\r\n").encode(),
    "mixed_ends.csv": CLEAN.replace("\n", "\r\n", 2).encode(),
    "no_last_end.csv": CLEAN.rstrip("\n").encode(),
    "tab.tsv": CLEAN.replace(",", "\t").encode(),
    "semicolon.csv": CLEAN.replace(",", ";").encode(),
    "pipe.txt": CLEAN.replace(",", "|").encode(),
    "all_quoted.csv": "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in CLEAN.strip().split("\n")
    ).encode(),
    "excel_text.csv": CLEAN.replace("\n0001", '\n="0001"').encode(),
    "full_width.csv": CLEAN.replace("\n0001", "\n０００１")
    .replace("13800001111", "１３８　００００－１１１１")
    .encode(),
    "invisible.csv": CLEAN.replace("13800001111", "\u202d138\u200b00001111\u202c").encode(),
    "csv_named.xlsx": CLEAN.encode(),
    "header_case.csv": CLEAN.replace("订单号", " 订 单号\u3000").encode(),
    "book.xlsx": sheet_of(as_workbook(CLEAN)),
    "book_named.csv": sheet_of(as_workbook(CLEAN)),
    "rows.jsonl": pl.read_csv(io.StringIO(CLEAN), infer_schema=False).write_ndjson().encode(),
}


@pytest.mark.parametrize("name", SAME)
def test_every_spelling_of_the_same_rows_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    door = Door(tmp_path)
    report = door.send(name, SAME[name])
    assert (report.rows, report.accepted, report.quarantined, report.skipped) == (3, 3, 0, 0)
    landed = door.landed()
    assert landed["order_id"].to_list() == ["0001", "0002", "0003"]
    assert landed["buyer_phone"].to_list() == ["+8613800001111"] * 3
    assert landed["ordered_at"].unique().to_list() == [datetime(2026, 1, 5, 1, 30)]
    assert landed["paid_amount"].to_list() == [1250] * 3
    assert landed["product_id"].unique().to_list() == (["㐂𠮷"] if name == "gb18030.csv" else ["SKU-1"])
    assert not landed["_raw"].str.contains("\ufffd").any()


def test_parquet_lands_like_csv(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    frame = pl.read_csv(io.StringIO(CLEAN), infer_schema=False)
    frame.with_columns(pl.col("数量").cast(pl.Int64), pl.col("单价").cast(pl.Float64)).write_parquet(path)
    door = Door(tmp_path)
    assert door.send_file(path).accepted == 3
    assert door.landed()["unit_price"].cast(pl.String).unique().to_list() == ["12.500000"]


REFUSED = {
    "empty.csv": (b"", "empty"),
    "blank.csv": (b"\n \n\n", "empty"),
    "nul.csv": (CLEAN.replace("SKU-1", "SK\0U", 1).encode(), "line 2 holds a NUL"),
    "utf16_without_mark.csv": (CLEAN.encode("utf-16-le"), "state format.encoding"),
    "damaged_utf8.csv": (CLEAN.encode().replace(b"SKU-1", b"\xe8\xb4", 1), "not valid UTF-8"),
    "latin1.csv": (CLEAN.replace("SKU-1", "fiancée café").replace("号", "").encode("latin-1", "ignore"), "encoding"),
    "open_quote.csv": (CLEAN.replace("SKU-1", '"SKU-1', 1).encode(), "line 2: a quote is opened"),
    "open_quote_that_meets_another.csv": (
        lines(*(str(n) for n in range(9))).replace("SKU-1", '"SKU-1', 1)[:-40].encode() + b'"\n', "never closed",
    ),
    "text_after_quote.csv": (CLEAN.replace("SKU-1", '"SKU"-1', 1).encode(), "line 2: text follows a closing quote"),
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old binary workbook"),
    "locked.xlsx": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "password",
    ),
    "torn.xlsx": (SAME["book.xlsx"][:-200], "damaged"),
    "torn.parquet": (b"PAR1" + bytes(100), "damaged"),
    "packed.csv.gz": (b"\x1f\x8b\x08" + bytes(50), "unpack"),
    "lacks_a_column.csv": (CLEAN.replace("单价", "价").encode(), "no column '单价', mapped to orders.unit_price"),
    "not_json.jsonl": (b"{bad\n{worse\n", "JSON"),
    "array.json": (b"[1, 2]", "no column"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_told_is_refused_by_name_and_nothing_lands(tmp_path: Path, name: str) -> None:
    content, reason = REFUSED[name]
    door = Door(tmp_path)
    with pytest.raises(FileRefusedError) as caught:
        door.send(name, content)
    assert reason in str(caught.value)
    assert name in str(caught.value)
    assert door.lake.head() == 0


# name → (content, accepted, quarantined, skipped, rule in quarantine)
SORTED = {
    "ragged.csv": (CLEAN + "0004,2026-01-05,SKU\n0005,2026-01-05,SKU,1,1,1,,x\n", 3, 2, 0, "cells, the header"),
    "blank_lines.csv": (CLEAN.replace("\n", "\n\n") + ",,,,,,\n , ,,,,,\n", 3, 0, 6, None),
    "totals.csv": (CLEAN + "合计,,,3,,37.50,\n总计：,,,3,,37.50,\nGrand Total,,,3,,37.50,\n", 3, 0, 3, None),
    "header_only.csv": (HEADER + "\n", 0, 0, 0, None),
    "long_ids.csv": (lines("123456789012345678", "1234567890123456789012"), 2, 0, 0, None),
    "scientific_id.csv": (lines("1.23E+17", "1.23e17", "2"), 1, 2, 0, "scientific notation"),
    "yuan.csv": (CLEAN.replace("12.50,12.50", '12.50,"￥1,299.50"', 1), 3, 0, 0, None),
    "too_fine.csv": (CLEAN.replace("12.50,12.50", "12.50,12.505", 1), 2, 1, 0, "more decimals than allowed"),
    "huge.csv": (CLEAN.replace("12.50,12.50", "12.50,10000000000000.00", 1), 2, 1, 0, "too large"),
    "european.csv": (CLEAN.replace("12.50,12.50", '12.50,"1.299,50"', 1), 2, 1, 0, "is not a number"),
    "negative.csv": (CLEAN.replace("SKU-1,1,", "SKU-1,-1,", 1), 2, 1, 0, "quantity must be above zero"),
    "free.csv": (CLEAN.replace("1,12.50,", "1,0,", 1), 2, 1, 0, "unit_price must be above zero"),
    "no_date.csv": (CLEAN.replace("2026-01-05 09:30:00", "2026-02-30", 1), 2, 1, 0, "is not a time"),
    "far_date.csv": (CLEAN.replace("2026-", "2206-", 1), 2, 1, 0, "lies outside"),
    "mojibake.csv": (CLEAN.replace("SKU-1", "SKU\ufffd", 1), 2, 1, 0, "U+FFFD"),
    "no_id.csv": (CLEAN.replace("\n0001", "\n", 1), 2, 1, 0, "order_id is required"),
    "masked_phone.csv": (CLEAN.replace("13800001111", "138****1111", 1).replace("13800001111", "-", 1), 3, 0, 0, None),
    "stray_quote.csv": (CLEAN.replace("SKU-1", '5" nail', 1), 3, 0, 0, None),
    "line_in_cell.csv": (CLEAN.replace("SKU-1", '"two\nlines"', 1), 3, 0, 0, None),
    "one_bad_line.jsonl": (SAME["rows.jsonl"].decode() + "{bad\n\n", 3, 1, 1, "not a JSON object"),
}


@pytest.mark.parametrize("name", SORTED)
def test_every_row_is_accepted_quarantined_or_skipped(tmp_path: Path, name: str) -> None:
    content, accepted, quarantined, skipped, rule = SORTED[name]
    door = Door(tmp_path)
    report = door.send(name, content)
    assert (report.accepted, report.quarantined, report.skipped) == (accepted, quarantined, skipped)
    assert report.rows == accepted + quarantined + skipped
    assert door.landed().height == accepted
    if name.endswith(".csv"):
        written = content.encode() if isinstance(content, str) else content
        assert report.rows == len(list(csv.reader(io.StringIO(written.decode())))) - 1, "counted by another reader"
    landed, apart = set(door.landed()["_row"]), set(door.rejected()["row"] if quarantined else [])
    assert not landed & apart, "no row is in both places"
    assert (len(landed), len(apart)) == (accepted, quarantined)
    assert landed | apart <= set(range(1, report.rows + 1))
    if rule is not None:
        assert door.rejected()["rule"].str.contains(rule, literal=True).all()


def test_a_masked_phone_costs_the_phone_and_not_the_sale(tmp_path: Path) -> None:
    door = Door(tmp_path)
    report = door.send("masked.csv", SORTED["masked_phone.csv"][0])
    assert door.landed()["buyer_phone"].to_list() == [None, None, "+8613800001111"]
    assert [(w["column"], w["rows"]) for w in report.warnings] == [("buyer_phone", 2)]


def test_sheets_with_what_people_do_to_them(tmp_path: Path) -> None:
    """Header on row 3, dates and serials, numbers as text and as numbers, a merged cell, formulas, a total, a hidden
    sheet, an id that the sheet has rounded."""

    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("订单")
        book.add_worksheet("旧").hide()
        day = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        sheet.write(0, 0, "一月订单导出")
        sheet.write_row(2, 1, HEADER.split(","))
        rows = [
            ["0001", 46027.5, "A", 1, 0.1 + 0.2, 12.5, 13800001111],
            ["0002", "46027.5", "A", 1, 1.005, "12.50", ""],
            [123456789012345678, 46027.5, "A", 1, 1, 1, ""],
            ["0004", 46027.5, "A", 1, 1, 1, ""],
            ["0005", 46027.5, "A", 1, 1, 1, ""],
            ["0006", 46027.5, "A", 1, 1, 1, ""],
            ["合计", "", "", 6, "", 16, ""],
        ]
        for number, row in enumerate(rows, start=3):
            sheet.write_row(number, 1, row)
        sheet.write_number(3, 2, 46027.5, day)
        sheet.merge_range(6, 3, 7, 3, "M")
        sheet.write_formula(8, 5, "=1/0", None, "#DIV/0!")
        sheet.write_formula(7, 6, "=1+1", None, "")

    door = Door(tmp_path)
    mapping = "format: {header_row: 3}\n" + (
        "dataset: orders\nconstants: {currency: CNY, timezone: Asia/Shanghai, store_id: S1}\n"
        "columns: {order_id: 订单号, ordered_at: 下单时间, product_id: 货号, quantity: 数量, unit_price: 单价,"
        " paid_amount: 实付, buyer_phone: 手机}\n"
    )
    report = door.send("book.xlsx", workbook(fill), mapping)
    assert (report.rows, report.accepted, report.quarantined, report.skipped) == (7, 3, 3, 1)
    landed = door.landed()
    assert landed["order_id"].to_list() == ["0001", "0002", "0004"]
    assert landed["ordered_at"].unique().to_list() == [datetime(2026, 1, 5, 4)]
    assert landed["unit_price"].cast(pl.String).to_list() == ["0.300000", "1.005000", "1.000000"]
    assert landed["buyer_phone"][0] == "+8613800001111"
    rules = dict(door.rejected().select("row", "rule").iter_rows())
    assert "scientific" in rules[3] and "formula" in rules[5] and "formula" in rules[6]
    assert any("(hidden)" in str(w["message"]) for w in report.warnings)


def test_merged_cells_are_filled_down(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        for number, row in enumerate(as_workbook(CLEAN)):
            sheet.write_row(number, 0, row)
        sheet.merge_range(1, 0, 3, 0, "0009")

    door = Door(tmp_path)
    assert door.send("merged.xlsx", workbook(fill)).accepted == 3
    assert door.landed()["order_id"].to_list() == ["0009"] * 3


def repacked(**members: bytes) -> bytes:
    """The clean workbook with other members."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(SAME["book.xlsx"])) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, members.get(Path(name).stem, old.read(name)))
    return buffer.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = repacked(sheet1=b"<worksheet>" + b" " * (64 * 1024**2) + b"</worksheet>")
    assert len(bomb) < 200_000

    def inflated(*_: object) -> bytes:
        raise AssertionError("a member was read")

    monkeypatch.setattr(sheets, "read_part", inflated)
    with pytest.raises(FileRefusedError, match="unpacks to 64 MB"):
        Door(tmp_path).send("bomb.xlsx", bomb)


def test_xml_entities_and_a_sheet_as_wide_as_it_goes_are_refused(tmp_path: Path) -> None:
    entities = repacked(workbook=b'<!DOCTYPE x [<!ENTITY a "aaaa">]><workbook/>')
    with pytest.raises(FileRefusedError, match="entities"):
        Door(tmp_path).send("entities.xlsx", entities)
    wide = sheet_of([[f"c{n}" for n in range(2000)]])
    with pytest.raises(FileRefusedError, match="at most 512 columns"):
        Door(tmp_path).send("wide.xlsx", wide)


def test_ten_thousand_bad_rows_among_a_hundred_thousand_all_have_a_row_a_column_and_a_rule(tmp_path: Path) -> None:
    bad = (",x,", ",-1,")
    text = [HEADER]
    for number in range(100_000):
        line = LINE.format(order=f"{number:06d}")
        text.append(line.replace(",1,", bad[number % 2], 1) if number % 10 == 3 else line)
    door = Door(tmp_path)
    report = door.send("big.csv", "\n".join(text))
    assert (report.rows, report.accepted, report.quarantined) == (100_000, 90_000, 10_000)
    rejected = door.rejected()
    assert rejected.select("row", "column", "rule").null_count().sum_horizontal().item() == 0
    assert rejected["row"].to_list() == list(range(4, 100_001, 10))
