"""Bills of payment channels: found by their header, read to the fen, landed once, whatever they are wrapped in.

The accidents they prevent: a comma in a product's name that moves every amount one column on, a refund counted as a
payment because its number is 0, times of Beijing taken for UTC, and a bill that is counted twice when it comes zipped.
"""

import gzip
import io
import shutil
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from models.settings import PROJECT_ROOT, Settings
from pipelines import inbox
from pipelines.lake import Lake
from pipelines.sources.bills.importing import import_bills
from pipelines.sources.bills.layouts import layout_of
from pipelines.sources.bills.lines import Told
from pipelines.sources.bills.reading import NoBillError
from pipelines.sources.files.table import FileRefusedError
from pipelines.workspace import Workspace

GOLDEN = PROJECT_ROOT / "tests" / "golden" / "bills"
ZIP = GOLDEN / "20880000000001560156_20260630.csv.zip"
MERCHANT, ALIPAY = "1900022001", "2088000000000156"
T1, T2 = "4200000420260630000000000001", "4200000420260630000000000002"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def landed(lake: Lake, dataset: str, *columns: str) -> list[tuple[Any, ...]]:
    return list(lake.read("landed", dataset).select(columns or pl.all()).iter_rows())


def from_golden(lake: Lake, name: str, **told: Any) -> None:
    import_bills(GOLDEN / name, lake=lake, told=Told(**told))


def test_payments_and_refunds_of_a_wechat_pay_bill_are_read_to_the_fen(lake: Lake) -> None:
    from_golden(lake, "wechat_pay_all.csv")
    columns = (
        "kind",
        "entry_id",
        "occurrence",
        "order_id",
        "amount",
        "order_amount",
        "coupon_amount",
        "fee_e5",
        "fee_amount",
    )
    assert landed(lake, "payment_bill_lines", *columns) == [
        ("payment", T1, 1, "A001", 10000, 10000, 0, -60000, -60),
        ("payment", T1, 2, "A001", 10000, 10000, 0, -60000, -60),  # one number twice: both lines stay
        ("payment", T2, 1, "A002", 5000, 5500, 500, -38000, -38),
        ("payment", "4200000420260630000000000003", 1, "A003", 200, 200, 0, -1200, -1),
        ("refund", "50300000000000000000000000002", 1, "A002", -2000, -2000, 0, 15000, 15),
        ("revoked", "50300000000000000000000000004", 1, "A004", -1000, -1000, 0, 0, 0),
    ]
    (row,) = lake.read("landed", "bills").to_dicts()
    assert (row["lines"], row["declared_lines"], row["quarantined_lines"]) == (6, 6, 0)
    assert (row["income_amount"], row["expense_amount"], row["fee_e5"]) == (25200, -3000, -144200)
    assert (row["starts_on"], row["ends_on"], row["bill_type"]) == (date(2026, 6, 30), date(2026, 6, 30), "trade_all")


def test_a_comma_in_a_cell_moves_nothing_and_the_source_row_stays_as_it_was(lake: Lake) -> None:
    from_golden(lake, "wechat_pay_all.csv")
    frame = lake.read("landed", "payment_bill_lines").filter(pl.col("order_id") == "A002", pl.col("kind") == "payment")
    assert frame["product"].to_list() == ["茶壶, 大号"]
    assert '"商品名称":"茶壶, 大号"' in frame["_raw"][0] and '"手续费":"0.38000"' in frame["_raw"][0]


def test_times_are_beijing_and_the_last_second_of_the_day_belongs_to_it(lake: Lake) -> None:
    from_golden(lake, "wechat_pay_all.csv")
    assert ("A003", datetime(2026, 6, 30, 15, 59, 59), date(2026, 6, 30)) in landed(
        lake, "payment_bill_lines", "order_id", "occurred_at", "bill_date"
    )


def test_a_zero_where_a_refund_number_would_stand_is_none(lake: Lake) -> None:
    from_golden(lake, "wechat_pay_all.csv")
    frame = lake.read("landed", "payment_bill_lines").filter(pl.col("kind") == "payment")
    assert frame.select("platform_refund_id", "refund_id", "sub_account_id").null_count().row(0) == (4, 4, 4)


def test_a_success_bill_has_no_columns_of_refunds(lake: Lake) -> None:
    from_golden(lake, "wechat_pay_success.csv")
    assert landed(lake, "payment_bill_lines", "kind", "amount", "fee_e5") == [
        ("payment", 10000, -60000),
        ("payment", 200, -1200),
    ]


def test_a_refund_bill_tells_when_a_refund_was_accepted_and_arrived_and_its_fee_needs_no_sign(lake: Lake) -> None:
    from_golden(lake, "wechat_pay_refund.csv")
    assert landed(
        lake, "payment_bill_lines", "kind", "amount", "fee_e5", "occurred_at", "refunded_at", "bill_date"
    ) == [("refund", -2000, 15000, datetime(2026, 6, 30, 10), datetime(2026, 6, 30, 10, 3, 11), date(2026, 6, 30))]


def test_the_headers_of_2016_are_known(lake: Lake) -> None:
    from_golden(lake, "wechat_pay_all_old.csv")
    assert landed(lake, "payment_bill_lines", "account_id", "sub_account_id", "amount", "fee_e5") == [
        ("1263453701", "1308363301", 3250, -20000),
        ("1263453701", "1308363301", 9500, -57000),
    ]


def test_a_fund_bill_has_signs_kinds_and_balances(lake: Lake) -> None:
    from_golden(lake, "wechat_pay_fund.csv", account_id=MERCHANT)
    assert landed(lake, "fund_lines", "kind", "amount", "balance_after", "note", "account_type") == [
        ("payment", 10000, 110000, None, "BASIC"),
        ("fee", -60, 109940, None, "BASIC"),
        ("refund", -2000, 107940, "缺货 换货", "BASIC"),  # \n in letters, as the platform writes a line break
        ("fee_return", 15, 107955, None, "BASIC"),
        ("other", -7955, 100000, None, "BASIC"),
    ]
    assert landed(lake, "bills", "bill_id", "opening_balance", "closing_balance") == [
        (f"wechat_pay:{MERCHANT}:fund:BASIC:2026-06-30:2026-06-30", 100000, 100000)
    ]


def test_a_fund_bill_names_no_merchant_so_that_somebody_has_to(lake: Lake) -> None:
    with pytest.raises(FileRefusedError, match="--account"):
        from_golden(lake, "wechat_pay_fund.csv")
    assert lake.entries() == []


def test_split_bills_also_with_missing_backticks_and_in_english(lake: Lake) -> None:
    from_golden(lake, "wechat_pay_split.csv")
    from_golden(lake, "wechat_pay_split_cross_border.csv")
    assert landed(
        lake, "split_lines", "kind", "entry_id", "receiver_id", "currency", "amount", "settlement_amount", "occurred_at"
    ) == [
        ("split", "3600000000000000000000000001", "1900077001", "CNY", -1000, None, datetime(2026, 6, 30, 2, 2)),
        ("return", "3600000000000000000000000002", "1900077001", "CNY", 200, None, datetime(2026, 6, 30, 11)),
        ("split", "3600000000000000000000000011", "oReceiver1", "HKD", -1000, -922, datetime(2026, 6, 30, 2, 2)),
    ]


def test_an_alipay_archive_is_read_although_its_sums_stand_first_and_its_names_are_gbk(lake: Lake) -> None:
    (report,) = import_bills(ZIP, lake=lake)
    assert (report.file, report.rows) == ("20880000000001560156_20260630_业务明细.csv", 4)
    assert landed(lake, "payment_bill_lines", "kind", "entry_id", "amount", "order_amount", "fee_e5", "store_id") == [
        ("payment", "2026063022001400000000000001", 1800, 2000, -12000, "S001"),
        ("payment", "2026063022001400000000000002", 9900, 9900, -59000, "S001"),
        ("refund", "RF1", -500, -500, 3000, "S001"),
        ("refund", "RF2", -300, -300, 2000, "S001"),
    ]
    assert landed(lake, "bills", "account_id", "starts_on", "ends_on", "declared_lines") == [
        (ALIPAY, date(2026, 6, 30), date(2026, 6, 30), 4)
    ]


def test_half_width_brackets_and_columns_that_nobody_knows(lake: Lake) -> None:
    from_golden(lake, "alipay_trade_27.csv")
    assert landed(lake, "payment_bill_lines", "amount", "sub_account_id", "extra")[0] == (
        1800,
        "2088SUB01",
        '{"二级商户名称":"旗下茶店\\t"}',
    )
    assert lake.entries()[0].details["unknown_columns"] == ["二级商户名称"]


@pytest.mark.parametrize("name", ["alipay_account.csv", "alipay_account_new.csv"])
def test_account_bills_of_both_kinds_one_of_them_newest_first(lake: Lake, name: str) -> None:
    from_golden(lake, name)
    found = sorted(landed(lake, "fund_lines", "entry_id", "kind", "amount", "balance_after"))
    assert found == [
        ("202606300001", "payment", 1800, 11800),
        ("202606300002", "payment", 9900, 21700),
        ("202606300003", "refund", -500, 21200),
        ("202606300004", "fee", -71, 21129),
    ]
    assert landed(lake, "bills", "opening_balance", "closing_balance") == [(10000, 21129)]


def test_the_same_bill_lands_once_under_any_name_archive_and_encoding(lake: Lake, tmp_path: Path) -> None:
    """Bills are fetched twice all the time: by hand, by the platform's page, by mail."""
    with zipfile.ZipFile(ZIP) as package:
        member = package.read(package.infolist()[1])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        package.writestr("other.csv", member)
    variants = {
        "first.zip": ZIP.read_bytes(),
        "zipped anew.zip": packed.getvalue(),
        "plain.csv": member,
        "utf8.csv": b"\xef\xbb\xbf" + member.decode("gb18030").encode(),
        "packed.csv.gz": gzip.compress(member),
        "unix.csv": member.replace(b"\r\n", b"\n"),
    }
    repeated = []
    for name, content in variants.items():
        (tmp_path / name).write_bytes(content)
        repeated += [report.repeated for report in import_bills(tmp_path / name, lake=lake)]
    assert repeated == [False, True, True, True, True, True]
    assert len(lake.entries()) == 1


def test_a_bill_is_known_by_its_header_and_not_by_its_name(lake: Lake, tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "wechat_pay_success.csv", tmp_path / "支付宝账务明细.xlsx.csv")
    (report,) = import_bills(tmp_path / "支付宝账务明细.xlsx.csv", lake=lake)
    assert report.bill.startswith(f"wechat_pay:{MERCHANT}:trade_success:")


def test_columns_in_another_order_are_found_by_their_names() -> None:
    header = (GOLDEN / "wechat_pay_all.csv").read_text(encoding="utf-8-sig").split("\n")[0].strip().split(",")
    layout = layout_of(list(reversed(header)))
    assert layout is not None and layout.bill_type == "trade_all"
    assert layout.located(list(reversed(header)))["refund"] == "退款金额"


def test_what_is_no_bill_is_said_with_its_header(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("订单号,商品,金额\n1,茶,2.00\n", encoding="utf-8")
    with pytest.raises(NoBillError, match="no header"):
        import_bills(tmp_path / "orders.csv", lake=lake)
    text = (GOLDEN / "wechat_pay_all.csv").read_text(encoding="utf-8-sig").replace("微信订单号", "微信单号", 1)
    (tmp_path / "renamed.csv").write_text(text, encoding="utf-8")
    with pytest.raises(NoBillError, match="微信单号"):
        import_bills(tmp_path / "renamed.csv", lake=lake)


def test_a_bill_dropped_into_the_inbox_is_imported_once(tmp_path: Path) -> None:
    """A fund bill names no merchant: the only one that is connected is meant."""
    pay = {"system": "wechat_pay", "merchant_id": MERCHANT}
    settings = Settings(home=tmp_path / "home", inbox={"settle_seconds": 0}, connections={"pay": pay})  # type: ignore[arg-type]
    inbox.prepare(settings)
    for name in (ZIP.name, "wechat_pay_fund.csv"):
        shutil.copy(GOLDEN / name, settings.inbox_dir / "bills" / name)
    (settings.inbox_dir / "bills" / "cut.csv").write_bytes((GOLDEN / "wechat_pay_all.csv").read_bytes()[:900])
    workspace = Workspace(settings)
    taken = {one.file: one for one in inbox.take_all(workspace, datetime.now(UTC))}
    assert {name: one.state for name, one in taken.items()} == {
        ZIP.name: "done",
        "wechat_pay_fund.csv": "done",
        "cut.csv": "failed",
    }
    assert taken[ZIP.name].accepted == 4
    note = (settings.inbox_dir / "failed" / "bills" / "cut.csv.note.txt").read_text(encoding="utf-8")
    assert "cut off" in note
    assert landed(workspace.lake, "fund_lines", "account_id")[0] == (MERCHANT,)
