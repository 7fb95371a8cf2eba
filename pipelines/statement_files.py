"""Statements as files for people: canonical CSV, a workbook, a PDF with Chinese text. Equal in, equal bytes out.

A PDF names Adobe's own Chinese font, which readers bring along, so no font file is needed here. Words stand in both
languages side by side: one file serves both parties.
"""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl

from models.files import replace_durably
from models.money import display, exponent, to_major
from models.settlement.statements import COLUMNS, StatementFile

Format = Literal["csv", "xlsx", "pdf"]
TITLE = "结算单 Settlement statement"
#: What stands in the head of a statement, in its order: column, Chinese, English.
HEAD = (
    ("opening", "期初余额", "Opening balance"),
    ("earned", "本期收入", "Earned"),
    ("clawback", "退款扣回", "Clawed back for refunds"),
    ("fee", "费用", "Fees"),
    ("tax", "税费", "Taxes"),
    ("adjustments", "调整", "Adjustments"),
    ("paid", "已付", "Paid"),
    ("closing", "期末余额", "Closing balance"),
    ("payable", "本期应付", "Payable now"),
    ("carry", "结转下期", "Carried forward"),
)
STATES = {
    "provisional": "暂估 provisional",
    "closed": "已关账 closed",
    "issued": "已出具 issued",
    "sent": "已发送 sent",
    "confirmed": "已确认 confirmed",
    "disputed": "有异议 disputed",
    "paid": "已付款 paid",
    "collected": "已收款 collected",
}
#: Columns of the lines in a PDF, which has room for few: column, Chinese, English, width in millimetres.
LINES = (
    ("kind", "类型", "Kind", 24),
    ("posted_on", "入账日", "Posted", 22),
    ("economic_date", "业务日", "Of", 22),
    ("line_id", "明细", "Line", 52),
    ("store_id", "门店", "Store", 22),
    ("salesperson_id", "导购", "Sales", 22),
    ("amount", "金额", "Amount", 26),
)
FONT = "STSong-Light"
CREATED = datetime(2000, 1, 1, tzinfo=UTC)  # a workbook has a date of creation; the same one in every file


def file_name(statement: Mapping[str, Any], suffix: str) -> str:
    """``statement-2026-06-S1-CNY.csv``; characters that a file system may refuse become underscores."""
    party = re.sub(r"[^\w\-.]+", "_", str(statement["party_id"]))
    return f"statement-{statement['period']}-{party}-{statement['currency']}.{suffix}"


def write_statement(folder: Path, form: Format, statement: Mapping[str, Any], file: StatementFile) -> Path:
    """One statement as one file, durable under its name. ``statement``: its totals. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file_name(statement, form)
    draft = target.with_name(f".{target.name}.tmp")
    draft.write_bytes(_content(form, statement, file))
    replace_durably(draft, target)
    return target


def _content(form: Format, statement: Mapping[str, Any], file: StatementFile) -> bytes:
    if form == "csv":
        return file.content
    return (_xlsx if form == "xlsx" else _pdf)(statement, rows_of(file))


def rows_of(file: StatementFile) -> pl.DataFrame:
    """The rows of a canonical file, all cells text."""
    return pl.read_csv(io.BytesIO(file.content), infer_schema=False).fill_null("")


def _xlsx(statement: Mapping[str, Any], rows: pl.DataFrame) -> bytes:
    import xlsxwriter

    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"created": CREATED.replace(tzinfo=None)})
    places = exponent(statement["currency"])
    money = book.add_format({"num_format": "#,##0" + ("." + "0" * places if places else "")})
    sheet = book.add_worksheet("结算单 Statement")
    sheet.set_column(0, 0, 36)
    sheet.set_column(1, 1, 20)
    for number, (name, value) in enumerate(_named(statement)):
        sheet.write_string(number, 0, name)
        sheet.write_string(number, 1, value)
    for number, (column, chinese, english) in enumerate(HEAD, start=len(_named(statement)) + 1):
        sheet.write_string(number, 0, f"{chinese} {english}")
        # a cell of a workbook holds a double; exact up to fifteen digits, more than any balance has
        sheet.write_number(number, 1, float(to_major(statement[column], statement["currency"])), money)
    lines = book.add_worksheet("明细 Lines")
    lines.freeze_panes(1, 0)
    for place, title in enumerate(COLUMNS):
        lines.write_string(0, place, title)
        for number, cell in enumerate(rows[title], start=1):
            if title in ("amount", "base_amount") and cell:
                lines.write_number(number, place, float(cell), money)
            elif cell:
                lines.write_string(number, place, cell)
    book.close()
    return stream.getvalue()


def _named(statement: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    return (
        (TITLE, ""),
        ("结算期 Period", str(statement["period"])),
        ("结算方 Party", str(statement["party_id"])),
        ("币种 Currency", str(statement["currency"])),
        ("状态 State", STATES[str(statement["state"])]),
    )


def _pdf(statement: Mapping[str, Any], rows: pl.DataFrame) -> bytes:
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import LongTable, SimpleDocTemplate, Spacer, Table

    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    currency = str(statement["currency"])
    stream = io.BytesIO()
    page = SimpleDocTemplate(stream, pagesize=A4, invariant=1, title=TITLE, leftMargin=10 * mm, rightMargin=10 * mm)
    head = [[name, value] for name, value in _named(statement)]
    head += [[f"{zh} {en}", display(statement[column], currency)] for column, zh, en in HEAD]
    titles = [f"{chinese} {english}" for _, chinese, english, _ in LINES]
    cells = rows.select(pl.col(column).str.slice(0, 34) for column, *_ in LINES).rows()
    lines = LongTable(
        [titles, *cells],
        colWidths=[width * mm for *_, width in LINES],
        repeatRows=1,
        style=_style(8),
    )
    page.build([Table(head, colWidths=[80 * mm, 60 * mm], style=_style(10)), Spacer(1, 6 * mm), lines])
    return stream.getvalue()


def _style(size: int) -> list[tuple[Any, ...]]:
    whole = ((0, 0), (-1, -1))
    return [
        ("FONT", *whole, FONT, size),
        ("LINEBELOW", *whole, 0.25, "#cccccc"),
        ("ALIGN", (-1, 0), (-1, -1), "RIGHT"),
    ]


def totals_row(statement: Mapping[str, Any]) -> list[str]:
    """A statement as one row for the terminal: party, currency, state, then its amounts."""
    currency = str(statement["currency"])
    amounts = [display(statement[name], currency) for name in ("opening", "closing", "payable", "carry")]
    return [str(statement["party_id"]), currency, str(statement["state"]), *amounts]
