# ruff: noqa: E501 - one case a line or two; Chinese characters count double
"""Workbooks by the habits of the people who make them, for ``tests/golden/test_dirty_corpus.py``."""

import io
from collections.abc import Callable, Sequence

import xlsxwriter

from tests.dirty_corpus import Case, with_map
from tests.factories_files import HEADER


def book(
    *sheets: tuple[str, Callable[[xlsxwriter.Workbook, xlsxwriter.worksheet.Worksheet], None]], **options: object
) -> bytes:
    """A workbook of the sheets, each filled by its function."""
    buffer = io.BytesIO()
    made = xlsxwriter.Workbook(buffer, {"in_memory": True, **options})
    for name, fill in sheets:
        fill(made, made.add_worksheet(name))
    made.close()
    return buffer.getvalue()


def table(rows: Sequence[Sequence[object]], *, top: int = 0, left: int = 0) -> Callable[..., None]:
    """Fills a sheet with rows of cells; None leaves a cell out."""

    def fill(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        for number, row in enumerate(rows, start=top):
            for place, cell in enumerate(row, start=left):
                if cell is not None:
                    sheet.write(number, place, cell)

    return fill


HEAD = HEADER.split(",")


def order(number: object, **cells: object) -> list[object]:
    """A clean row of an orders sheet; cells by their header replace its own."""
    clean = dict(zip(HEAD, [number, "2026-01-05 09:30:00", "SKU-1", 1, 12.5, 12.5, "13800001111"], strict=True))
    return list({**clean, **cells}.values())


def _formulas(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    table([HEAD, order("0001"), order("0002"), order("0003"), order("0004")])(_, sheet)
    sheet.write_formula(1, 5, "=D2*E2", None, 12.5)
    sheet.write_formula(2, 5, "=D3*E3", None, "")
    sheet.write_formula(3, 4, "=1/0", None, "#DIV/0!")
    sheet.write_formula(4, 2, '=""', None, "")


def _merged(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    table([HEAD, order("x"), order("x"), order("0002")])(_, sheet)
    sheet.merge_range(1, 0, 2, 0, "0001")
    sheet.merge_range(1, 1, 3, 1, "2026-01-05 09:30:00")


def _dates(made: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    day = made.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    table([HEAD, order("0001"), order("0002", 下单时间=46027.5), order("0003", 下单时间="46027.5"), order("0004")])(
        made, sheet
    )
    sheet.write_number(1, 1, 46027.5, day)
    sheet.write(4, 1, "2026年1月5日")


def _only_hidden(made: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    table([HEAD, order("0001")])(made, sheet)


def _hidden_named(made: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    table([HEAD, order("0009")])(made, sheet)
    sheet.hide()


_TWO_BELOW = [HEAD, order("0001"), order("0002"), ["合计", None, None, 2, None, 25], [], ["退款"],
              ["退款单号", "原订单", "货号", "件数", "价格", "退款金额", "电话"], order("R1"), order("R2")]  # fmt: skip
_TWO_BESIDE = [
    [*HEAD, None, "门店", "目标"], [*order("0001"), None, "一店", 100], [*order("0002"), None, "二店", 200],
]  # fmt: skip

#: Workbooks by the habits of the people who make them.
WORKBOOKS: dict[str, Case] = {
    "title_above.xlsx": Case(
        lambda: book(("订单", table([["一月订单"], [], HEAD, order("0001"), order("0002")]))), 2,
        mapping=with_map("format: {header_row: 3}"),
    ),
    "starts_at_c3.xlsx": Case(
        lambda: book(("订单", table([HEAD, order("0001"), order("0002")], top=2, left=2))), 2,
        mapping=with_map("format: {header_row: 3}"),
    ),
    "merged.xlsx": Case(lambda: book(("订单", _merged)), 3),
    "formulas.xlsx": Case(
        lambda: book(("订单", _formulas)), 1, 3, 0,
        [(2, "paid_amount", "formula error or has no value"), (3, "unit_price", "formula error"),
         (4, "product_id", "formula error")],
    ),
    "dates.xlsx": Case(lambda: book(("订单", _dates)), 4),
    "totals.xlsx": Case(
        lambda: book(("订单", table([HEAD, order("0001"), ["小计"], order("0002"), ["一店 汇总", None, None, 2],
                                     ["本页合计"], ["总计：", None, None, 4]]))), 2, 0, 4,
    ),
    "hidden_beside.xlsx": Case(
        lambda: book(("旧", _hidden_named), ("订单", lambda b, s: (table([HEAD, order("0001")])(b, s), s.activate()))), 1,
    ),
    "hidden_by_name.xlsx": Case(
        lambda: book(("订单", table([HEAD, order("0001"), order("0002")])), ("旧", _hidden_named)), 1,
        mapping=with_map("format: {sheet: 旧}"),
    ),
    "text_numbers.xlsx": Case(
        lambda: book(("订单", table([HEAD, order("0001", 数量="２", 单价="￥1,299.50", 实付="2,599.00元")]))), 1,
    ),
    "every_sheet.xlsx": Case(
        lambda: book(("一月", table([HEAD, order("0001"), ["合计"]])), ("二月", table([HEAD, order("0002"), order("bad", 数量=-1)]))),
        2, 1, 1, [(4, "quantity", "above zero")], with_map('format: {sheet: "*"}'),
    ),
    "columns_in_another_order.xlsx": Case(
        lambda: book(("一月", table([HEAD, order("0001")])), ("二月", table([HEAD[::-1], order("0002")[::-1]]))), 2,
        mapping=with_map('format: {sheet: "*"}'),
    ),
    "blank_rows_between.xlsx": Case(
        lambda: book(("订单", table([HEAD, order("0001"), [], [], order("0002"), [], order("0003")]))), 3, 0, 3,
    ),
    "printed_header_again.xlsx": Case(
        lambda: book(("订单", table([HEAD, order("0001"), HEAD, order("0002"), HEAD, order("0003")]))), 3, 0, 2,
    ),
    "signed_below.xlsx": Case(
        lambda: book(("订单", table([HEAD, order("0001"), [], ["制表人：小王", "审核：李四"], ["备注", "已核对"]]))), 1, 0, 3,
        mapping=with_map("format: {footer: 制表人}"),
    ),
    "rounded_id.xlsx": Case(
        lambda: book(("订单", table([HEAD, order(123456789012345678), order(987654321), order("1234567890123456789012")]))),
        2, 1, 0, [(1, "order_id", "scientific notation")],
    ),
    "phone_as_number.xlsx": Case(lambda: book(("订单", table([HEAD, order("0001", 手机=13800001111)]))), 1),
    "a_column_without_name.xlsx": Case(lambda: book(("订单", table([[*HEAD, None], [*order("0001"), "备注一"]]))), 1),
    "words_in_a_number.xlsx": Case(
        lambda: book(("订单", table([HEAD, order("0001"), order("0002", 数量="两件", 单价="十元")]))), 1, 1, 0,
        [(2, "quantity", "is not a number"), (2, "unit_price", "is not a number")],
    ),
}  # fmt: skip

#: name → (content, words of the refusal, lines added to the map). A refusal names the file, the place and the remedy.
REFUSED_WORKBOOKS: dict[str, tuple[Callable[[], bytes], tuple[str, ...], str]] = {
    "two_below.xlsx": (lambda: book(("订单", table(_TWO_BELOW))), ("second table that begins in row 7", "sheet of its own"), ""),
    "two_beside.xlsx": (lambda: book(("订单", table(_TWO_BESIDE))), ("side by side", "empty column H"), ""),
    "from_1904.xlsx": (
        lambda: book(("订单", table([HEAD, order("0001", 下单时间=44565.5)])), date_1904=True), ("from 1904", "switch"), "",
    ),
    "other_columns.xlsx": (
        lambda: book(("一月", table([HEAD, order("0001")])), ("二月", table([["甲", "乙"], [1, 2]]))),
        ("sheet '二月' has other columns than sheet '一月'", "mapping of its own"), 'format: {sheet: "*"}',
    ),
    "no_such_sheet.xlsx": (
        lambda: book(("一月", table([HEAD, order("0001")]))), ("no sheet '二月'", "'一月'"), "format: {sheet: 二月}",
    ),
    "empty_sheet.xlsx": (lambda: book(("一月", table([]))), ("is empty",), ""),
    "as_wide_as_it_goes.xlsx": (
        lambda: book(("一月", table([[f"c{n}" for n in range(16_384)]]))), ("at most 512 columns",), "",
    ),
    "header_below_the_end.xlsx": (
        lambda: book(("一月", table([HEAD, order("0001")]))), ("header_row is 9",), "format: {header_row: 9}",
    ),
}  # fmt: skip
