"""Every shipped mapping imports a file of the layout that it is made for, to the last row and the last fen.

The accident it prevents: a mapping that looks right and lands an order's money on each of its lines, loses the refunds
of a bill, or takes its summary for a sale.
"""

import io
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from models.settings import PROJECT_ROOT
from tests.factories_files import Door

MAPS = PROJECT_ROOT / "data" / "reference" / "maps"
LAYOUTS = Path(__file__).parent / "layouts"
#: Maps of whole public datasets have tests of their own.
PUBLIC = {"online_retail", "complete_journey"}


def sent(door: Door, name: str, content: bytes, ending: str = "csv") -> dict[str, object]:
    mapping = (MAPS / f"{name}.yaml").read_text(encoding="utf-8")
    report = door.send(f"{name}.{ending}", content, mapping)
    assert report.rows == report.accepted + report.quarantined + report.skipped
    return report.as_dict()


def layout(name: str, encoding: str = "utf-8") -> bytes:
    return (LAYOUTS / f"{name}.csv").read_text(encoding="utf-8").encode(encoding)


def rows(frame: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return frame.sort("_row").select(columns).rows()


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_every_shipped_map_of_a_layout_has_a_file_here() -> None:
    shipped = {path.stem for path in MAPS.glob("*.yaml") if not path.stem.startswith(tuple(PUBLIC))}
    assert shipped == {path.stem for path in LAYOUTS.glob("*.csv")} | {"pos_daily_sales"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_taobao_sub_orders_are_lines_with_their_own_money(door: Door, encoding: str) -> None:
    report = sent(door, "taobao_order_lines", layout("taobao_order_lines", encoding))
    assert (report["accepted"], report["quarantined"], report["skipped"]) == (3, 0, 0)
    assert rows(door.landed(), "order_id", "line_no", "paid_amount", "status") == [
        ("5113837045333047044", "5113837045333047045", 11_800, "shipped"),
        ("5113837045333047044", "5113837045333047046", 2_000, "shipped"),
        ("5113837045333047100", "5113837045333047100", 0, "unpaid"),
    ]


def test_a_jd_line_never_carries_the_money_of_its_order(door: Door) -> None:
    report = sent(door, "jd_orders", layout("jd_orders", "gb18030"))
    assert report["accepted"] == 2
    landed = door.landed()
    assert landed["paid_amount"].null_count() == 2
    assert sum(q * p for q, p in landed.select("quantity", "unit_price").iter_rows()) == 500
    assert landed["buyer_phone"].null_count() == 2
    assert landed["receiver_phone"].to_list() == ["1******6198"] * 2, "kept as the platform masks it"


def test_douyin_numbers_lose_their_tab_and_keep_every_digit(door: Door) -> None:
    assert sent(door, "douyin_orders", layout("douyin_orders", "utf-8-sig"))["accepted"] == 2
    assert rows(door.landed(), "order_id", "product_id", "paid_amount", "status") == [
        ("6917926768823643751", "3508234234234234234", 4_980, "shipped"),
        ("6917926768823643752", "3508234234234234234", 2_990, "cancelled"),
    ]


def test_youzan_products_of_paid_orders_land_and_unpaid_ones_are_named(door: Door) -> None:
    report = sent(door, "youzan_order_items", layout("youzan_order_items"))
    assert (report["accepted"], report["quarantined"]) == (2, 1)
    assert door.landed()["paid_amount"].to_list() == [7_000, 2_000]
    assert rows(door.rejected().rename({"row": "_row"}), "_row", "column") == [(3, "ordered_at")]


def test_a_wechat_pay_bill_gives_payments_refunds_and_fees_and_ends_at_its_summary(door: Door) -> None:
    report = sent(door, "wechat_pay_trade_bill", layout("wechat_pay_trade_bill", "utf-8-sig"))
    assert (report["rows"], report["accepted"], report["skipped_for"]["footer"]) == (5, 3, 2)  # type: ignore[index]
    landed = door.landed("shop_statements")
    assert sorted(landed.select("kind", "entry_id", "amount", "fee_amount").rows()) == [
        ("payment", "4200001433202203214123456781", 9_500, -57),
        ("payment", "4200001433202203214123456782", 3_250, -20),
        ("refund", "50301800000000000000000000001", -2_000, 12),
    ]
    assert landed["fee_amount"].sum() == -65, "the summary's own total"


def test_an_alipay_bill_gives_payments_and_refunds_between_its_lines_of_text(door: Door) -> None:
    report = sent(door, "alipay_trade_bill", layout("alipay_trade_bill", "gb18030"))
    assert (report["rows"], report["accepted"], report["skipped_for"]["footer"]) == (7, 3, 4)  # type: ignore[index]
    landed = door.landed("shop_statements")
    assert sorted(landed.select("kind", "entry_id", "amount", "fee_amount").rows()) == [
        ("payment", "2026010522001400000000000001", 2_000, -12),
        ("payment", "2026010522001400000000000002", 9_900, -59),
        ("refund", "RF0001", -500, 3),
    ]
    assert landed.filter(pl.col("kind") == "payment")["amount"].sum() == 11_900, "the bill's own total"


def test_meituan_vouchers_are_visits_and_keep_their_leading_zero(door: Door) -> None:
    assert sent(door, "meituan_vouchers", layout("meituan_vouchers"))["accepted"] == 2
    assert rows(door.landed("visits"), "coupon_code", "store_id", "phone", "paid_amount", "visited_at") == [
        ("017097773783", "一店", None, 3_496, datetime(2026, 6, 20, 5, 3, 16)),
        ("017097773784", "一店", "+8613800002222", 18_308, datetime(2026, 6, 20, 7, 30)),
    ]


def test_a_member_sheet_lands_with_its_total_left_out(door: Door) -> None:
    report = sent(door, "member_sheet", layout("member_sheet"))
    assert (report["accepted"], report["skipped_for"]["total"]) == (2, 1)  # type: ignore[index]
    landed = rows(door.landed("members"), "member_no", "name", "phone", "points_balance", "birth_date", "joined_at")
    assert landed == [
        ("00017", "张三", "+8613800001111", 1250, date(1990, 2, 3), datetime(2025, 2, 28, 16)),
        ("00018", "李四😀", "+8613800002222", 0, None, datetime(2025, 4, 1, 16)),
    ]


def test_a_till_workbook_of_one_sheet_a_store_lands_as_one_file(door: Door) -> None:
    """Sheets named by store, title, header in row 3, receipts merged over their lines, subtotals, a signature line."""
    header = ["小票号", "行号", "日期", "会员卡号", "货号", "品名", "数量", "单价", "实收", "导购"]
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    day = book.add_format({"num_format": "yyyy/m/d"})
    for store in ("S001", "S002"):
        sheet = book.add_worksheet(store)
        sheet.write(0, 0, f"{store} 日销售")
        sheet.write_row(2, 0, header)
        for number in range(2):
            sheet.write_row(3 + number, 0, ["", number + 1, "", "00017", "A-1", "茶", 1, 12.5, 12.5, "E07"])
            sheet.write_number(3 + number, 2, 46027, day)
        sheet.merge_range(3, 0, 4, 0, "0001")
        sheet.write_row(5, 0, ["小计", "", "", "", "", "", 2, "", 25])
        sheet.write(7, 0, "制表人：小王")
    book.add_worksheet("旧").hide()
    book.close()
    report = sent(door, "pos_daily_sales", buffer.getvalue(), "xlsx")
    assert (report["accepted"], report["quarantined"], report["skipped"]) == (4, 0, 6)
    assert rows(door.landed(), "store_id", "order_id", "line_no", "paid_amount") == [
        (store, "0001", line, 1_250) for store in ("S001", "S002") for line in ("1", "2")
    ]
    assert any("'旧' (hidden)" in str(warning["message"]) for warning in report["warnings"])  # type: ignore[attr-defined]
