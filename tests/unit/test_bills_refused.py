"""A bill that does not add up is refused whole; a bad line of one that does is set apart, and nothing is dropped."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.settings import PROJECT_ROOT
from pipelines.lake import Lake
from pipelines.sources.bills.amounts import in_e5, rounded_minor
from pipelines.sources.bills.importing import BillReport, import_bills
from pipelines.sources.bills.judging import BillRefusedError
from pipelines.sources.bills.lines import Told
from pipelines.sources.files.handing_back import listing
from pipelines.sources.files.remedies import GENERAL, remedy
from pipelines.sources.files.table import FileRefusedError

GOLDEN = PROJECT_ROOT / "tests" / "golden" / "bills"
Importing = Callable[..., list[BillReport]]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def changed(lake: Lake, tmp_path: Path) -> Importing:
    """Import a golden bill in which texts were replaced, each once."""

    def run(name: str, *replacements: tuple[str, str], encoding: str = "utf-8-sig") -> list[BillReport]:
        text = (GOLDEN / name).read_bytes().decode(encoding)
        for old, new in replacements:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return import_bills(path, lake=lake, told=Told(unnamed="1900022001"))

    return run


def quarantined(lake: Lake, dataset: str) -> list[tuple[int | None, str | None, str]]:
    return list(lake.read("quarantine", dataset).select("row", "column", "rule").iter_rows())


@pytest.mark.parametrize(
    ("name", "old", "new", "column"),
    [
        ("wechat_pay_all.csv", "`252.00,`30.00", "`252.01,`30.00", "应结订单总金额"),
        ("wechat_pay_all.csv", "`6,`252.00", "`7,`252.00", "总交易单数"),
        ("wechat_pay_all.csv", "`1.44200", "`1.44201", "手续费总金额"),
        ("wechat_pay_all.csv", "`50.00,`5.00", "`50.01,`5.00", "应结订单总金额"),  # a line was changed
        ("wechat_pay_success.csv", "`2,`102.00", "`2,`103.00", "应结订单总金额"),
        ("wechat_pay_refund.csv", "`0.15000,`0.00,`20.00", "`0.16000,`0.00,`20.00", "手续费总金额"),
        ("wechat_pay_fund.csv", "`5.0,`2.0,`100.15", "`5.0,`2.0,`100.16", "收入金额"),
        ("wechat_pay_fund.csv", "`收入,`100.00,`1100.00", "`收入,`100.00,`1100.01", "账户结余(元)"),
        ("wechat_pay_split.csv", "`1,`10.00,`1,`2.00", "`1,`11.00,`1,`2.00", "分账总金额"),
    ],
)
def test_a_bill_that_does_not_add_up_is_refused_whole(
    lake: Lake, changed: Importing, name: str, old: str, new: str, column: str
) -> None:
    with pytest.raises(BillRefusedError, match="nothing of it was landed"):
        changed(name, (old, new))
    assert lake.datasets("landed") == []
    found = lake.read("quarantine", "bills")
    assert column in found["column"].to_list()
    assert found["file"].unique().to_list() == [name]
    assert {remedy(rule) for rule in found["rule"]} != {GENERAL}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("#交易合计：2笔，商家实收共117.00元", "#交易合计：2笔，商家实收共117.01元"),
        ("#交易合计：2笔", "#交易合计：3笔"),
        ("商家优惠共2.00元", "商家优惠共0.00元"),
        ("商家实收退款共-8.00元", "商家实收退款共-8.10元"),
        ("#退款合计", "#合计"),  # a closing line is missing
    ],
)
def test_an_alipay_bill_is_proven_against_its_last_lines(changed: Importing, old: str, new: str) -> None:
    with pytest.raises(BillRefusedError):
        changed("alipay_trade_27.csv", (old, new), encoding="gb18030")


@pytest.mark.parametrize("name", ["alipay_account.csv", "alipay_account_new.csv"])
def test_an_alipay_account_bill_is_proven_and_its_balance_only_warned_of(changed: Importing, name: str) -> None:
    """Alipay says itself that this balance need not go on from line to line."""
    (report,) = changed(name, ("118.00", "118.01"), encoding="gb18030")
    assert any("does not go on" in words for words in report.warnings)
    with pytest.raises(BillRefusedError):
        changed(name, ("共-5.71元", "共-5.72元"), encoding="gb18030")


def test_a_bill_cut_off_anywhere_never_lands(lake: Lake, tmp_path: Path) -> None:
    """At any length, until only the decimals of its last figure are missing: these are zeros."""
    whole = (GOLDEN / "wechat_pay_success.csv").read_bytes().rstrip()
    assert whole.endswith(b"`102.00")
    for length in range(0, len(whole) - len(b".00"), 13):
        path = tmp_path / "cut.csv"
        path.write_bytes(whole[:length])
        with pytest.raises(FileRefusedError):
            import_bills(path, lake=lake)
    assert lake.datasets("landed") == []


def test_a_refused_bill_is_refused_again_and_its_correction_lands(lake: Lake, changed: Importing) -> None:
    for _ in range(2):
        with pytest.raises(FileRefusedError, match="does not add up"):
            changed("wechat_pay_all.csv", ("`6,`252.00", "`7,`252.00"))
    assert len(lake.entries()) == 1
    assert listing(lake)["dataset"].to_list() == ["bills"]
    (report,) = changed("wechat_pay_all.csv")
    assert report.accepted == 6
    assert listing(lake).is_empty(), "what was corrected is still open"


def test_a_line_set_apart_is_open_until_its_bill_comes_again(lake: Lake, changed: Importing) -> None:
    changed("wechat_pay_all.csv", ("`MICROPAY,`REVOKED", "`MICROPAY,`CLOSED"))
    assert listing(lake).select("dataset", "rows").rows() == [("payment_bill_lines", 1)]
    changed("wechat_pay_all.csv")
    assert listing(lake).is_empty()


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("`MICROPAY,`REVOKED", "`MICROPAY,`CLOSED", "kind"),
        ("`2026-06-30 10:00:05", "`2026-06-31 10:00:05", "occurred_at"),
        ("`4200000420260630000000000003", "`4.20000E+27", "transaction_id"),
        ("`4200000420260630000000000003", "`", "transaction_id"),
    ],
)
def test_a_bad_line_of_a_bill_that_adds_up_is_set_apart(
    lake: Lake, changed: Importing, old: str, new: str, column: str
) -> None:
    (report,) = changed("wechat_pay_all.csv", (old, new))
    assert (report.rows, report.accepted, report.quarantined) == (6, 5, 1)
    assert column in {name for _, name, _ in quarantined(lake, "payment_bill_lines")}
    assert lake.read("landed", "bills")["quarantined_lines"].to_list() == [1]


def test_what_must_be_whole_fen_and_is_not_is_set_apart_also_when_the_bill_adds_up(
    lake: Lake, changed: Importing
) -> None:
    (report,) = changed("wechat_pay_success.csv", ("`2.00,`0.00", "`2.001,`0.00"), ("`2,`102.00", "`2,`102.001"))
    assert report.quarantined == 1
    assert quarantined(lake, "payment_bill_lines") == [
        (2, "amount", "amount has more decimals than its currency"),
    ]


def test_a_line_whose_amount_nobody_can_read_leaves_nothing_proven(lake: Lake, changed: Importing) -> None:
    with pytest.raises(BillRefusedError, match="line 2, 应结订单金额"):
        changed("wechat_pay_success.csv", ("`2.00,`0.00", "`2,00,`0.00"), ("`2.00,`", "`二元,`"))
    assert quarantined(lake, "bills")[0][:2] == (2, "应结订单金额")


def test_a_line_of_another_width_is_refused_with_its_number(lake: Lake, changed: Importing) -> None:
    with pytest.raises(BillRefusedError, match="line 1"):
        changed("wechat_pay_success.csv", ("`JSAPI,`SUCCESS", "`JSAPI"))
    assert quarantined(lake, "bills") == [(1, None, "the line has 19 cells, the header 20: the whole bill is refused")]


def test_a_bill_of_another_merchant_is_refused(lake: Lake) -> None:
    with pytest.raises(FileRefusedError, match="1900022001, not of 1900099999"):
        import_bills(GOLDEN / "wechat_pay_all.csv", lake=lake, told=Told(account_id="1900099999"))


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(lake: Lake, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        for number in range(300):
            package.writestr(f"{number}.csv", b"x")
    (tmp_path / "bomb.zip").write_bytes(packed.getvalue())
    with pytest.raises(FileRefusedError, match="unpacks to more"):
        import_bills(tmp_path / "bomb.zip", lake=lake)


@settings(max_examples=200, deadline=None)
@given(st.integers(-(10**16), 10**16))
def test_amounts_are_exact_to_the_fifth_decimal(e5: int) -> None:
    sign, size = ("-", -e5) if e5 < 0 else ("", e5)
    text = f"{sign}{size // 100_000}.{size % 100_000:05d}"
    assert pl.select(in_e5(pl.lit(text))).item() == e5


@pytest.mark.parametrize(("e5", "fen"), [(499, 0), (500, 1), (-500, -1), (1499, 1), (-1499, -1), (-1500, -2)])
def test_fees_are_rounded_half_up_away_from_zero(e5: int, fen: int) -> None:
    assert pl.select(rounded_minor(pl.lit(e5), pl.lit("CNY"))).item() == fen


@pytest.mark.parametrize("text", ["1.123456", "1,000.00", "１.00", "1e5", "", "--1", "1.", ".5", "0x1"])
def test_what_is_no_amount_is_not_read_as_one(text: str) -> None:
    assert pl.select(in_e5(pl.lit(text))).item() is None
