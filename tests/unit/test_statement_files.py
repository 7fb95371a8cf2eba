"""What goes out of a statement: the canonical CSV, a workbook, a PDF with Chinese text; the same bytes each time."""

import hashlib
import zlib
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from models.settlement.periods import parse_period
from models.settlement.statements import COLUMNS, StatementError, StatementFile, statement_files
from pipelines.payouts import payouts_csv, planned
from pipelines.statement_files import file_name, write_statement
from pipelines.statements import OfPeriod
from tests.ledger_tables import Books, entry
from tests.properties.test_payouts import SOON, payment, registered

JUNE = [
    entry("L2", "agent:华东", 12345, "2026-06-10", base_amount=100000, order_key="S1:O1"),
    entry("L1", "agent:华东", -5, "2026-06-11", posting="REFUND", base_amount=-5, order_key="S1:O2"),
    entry("L3", "agent:华东", 7, "2026-06-12", currency="JPY", order_key="S1:O3"),
    entry("L0", "agent:华东", 100, "2026-05-31"),
    entry("L4", "=HYPERLINK(1)", 3, "2026-06-12"),
]


@pytest.fixture(scope="module")
def june() -> OfPeriod:
    books = Books.open()
    books.run(JUNE)
    rows = books.table("settlement_ledger").filter(pl.col("posted_on") >= date(2026, 6, 1))
    return OfPeriod(parse_period("2026-06"), books.table("settlement_statements").filter(period="2026-06"), rows, False)


def of(june: OfPeriod, party: str, currency: str = "CNY") -> tuple[dict, StatementFile]:
    return next((row, file) for row, file in june.of(party).files() if file.currency == currency)


def test_the_canonical_file_reads_as_it_was_promised(june: OfPeriod) -> None:
    _, file = of(june, "agent:华东")
    lines = file.content.decode().split("\n")
    assert lines[0] == ",".join(COLUMNS) and lines[-1] == "" and b"\r" not in file.content
    cells = [line.split(",") for line in lines[1:-1]]
    assert [(row[3], row[6], row[-2]) for row in cells] == [
        ("OPENING", "", "1.00"),
        ("REFUND", "L1", "-0.05"),
        ("SALE", "L2", "123.45"),
        ("CLOSING", "", "124.40"),
    ]
    assert cells[2][-3] == "1000.00"
    yen = of(june, "agent:华东", "JPY")[1].content.decode()
    assert ",7," in yen and "7." not in yen


def test_totals_that_do_not_follow_from_the_rows_are_refused(june: OfPeriod) -> None:
    wrong = june.statements.with_columns(pl.col("closing") + 1)
    with pytest.raises(StatementError, match="are not"):
        list(statement_files(wrong, june.rows))
    with pytest.raises(StatementError, match="its 1 rows sum to"):
        list(statement_files(june.statements, june.rows.filter(pl.col("line_id") != "L1")))
    with pytest.raises(StatementError, match="and no statement"):
        list(statement_files(june.statements.filter(pl.col("currency") != "JPY"), june.rows))


@pytest.mark.parametrize("form", ["csv", "xlsx", "pdf"])
def test_the_same_statement_gives_the_same_bytes(june: OfPeriod, tmp_path: Path, form: str) -> None:
    statement, file = of(june, "agent:华东")
    paths = [write_statement(tmp_path / name, form, statement, file) for name in ("a", "b")]  # type: ignore[arg-type]
    first, second = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    assert first == second
    assert paths[0].name == f"statement-2026-06-agent_华东-CNY.{form}" == file_name(statement, form)


def test_the_workbook_holds_numbers_and_no_formula(june: OfPeriod, tmp_path: Path) -> None:
    statement, file = of(june, "=HYPERLINK(1)")
    book = openpyxl.load_workbook(write_statement(tmp_path, "xlsx", statement, file))
    head = {row[0].value: row[1].value for row in book.worksheets[0].iter_rows() if row[0].value}
    assert head["期末余额 Closing balance"] == 0.03 and head["状态 State"] == "暂估 provisional"
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]


def test_the_pdf_says_it_in_chinese_without_a_font_file(june: OfPeriod, tmp_path: Path) -> None:
    statement, file = of(june, "agent:华东")
    content = write_statement(tmp_path, "pdf", statement, file).read_bytes()
    assert b"/STSong-Light" in content and b"/FontFile" not in content
    assert "结算单".encode("utf-16-be") in _streams(content)


def _streams(content: bytes) -> bytes:
    """The page contents, unpacked; reportlab writes Ascii85 of deflate, and text with escaped bytes."""
    import base64
    import re

    packed = re.findall(rb"stream\r?\n(.*?)~>\s*endstream", content, re.S)
    text = b"".join(zlib.decompress(base64.a85decode(part)) for part in packed)
    plain = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), text)
    return re.sub(rb"\\(.)", rb"\1", plain, flags=re.S)


def test_payable_balances_are_planned_order_by_order(june: OfPeriod) -> None:
    document = registered("agent:华东")
    of_order = payment(20000)
    found = planned(june, [of_order], document, SOON)
    assert [(one.order_key, one.party_id, one.amount) for one in found.instructions] == [("S1:O1", "agent:华东", 6000)]
    offline = {(one.party_id, one.order_key, one.currency, one.reason): one.amount for one in found.offline}
    assert offline["agent:华东", "S1:O1", "CNY", "ratio"] == 6345
    assert offline["agent:华东", "", "CNY", "balance"] == 95
    assert offline["agent:华东", "S1:O3", "JPY", "no_payment"] == 7
    payable = dict(june.statements.group_by("currency").agg(pl.col("payable").sum()).iter_rows())
    for currency, due in payable.items():
        planned_sum = [one.amount for one in (*found.instructions, *found.offline) if one.currency == currency]
        assert sum(planned_sum) == due
    text = payouts_csv(found).decode()
    assert text == payouts_csv(planned(june, [of_order], document, SOON)).decode()
    assert ",CNY,60.00,,2026-07-01T02:01:00Z,true\n" in text
