"""The mapping document: what people may write, what is refused and with which words."""

from pathlib import Path

import pytest

from models.documents import mapping as documents
from models.documents.loading import DocumentError
from models.documents.mapping import Mapping
from models.settings import PROJECT_ROOT
from tests.factories_files import ORDERS_MAP

ROUTED = (
    ORDERS_MAP
    + """
format: {delimiter: tab, encoding: gbk, header_row: 2}
routes:
  - when: {column: 订单号, in: [1, 2], negative: true}
    dataset: refunds
    constants: {store_id: S9}
    columns:
      refund_id: 订单号
      refunded_at: {from: 下单时间, format: '%d/%m/%Y'}
      refund_amount: {from: 实付, unit: 分}
"""
)


def parse(text: str) -> Mapping:
    return Mapping.parse(text, name="map.yaml")


def test_dump_loads_to_an_equal_document_with_an_equal_version() -> None:
    for text in (ORDERS_MAP, ROUTED):
        again = parse(parse(text).dump())
        assert again == parse(text)
        assert again.version == parse(text).version


def test_the_version_is_of_the_content_not_of_its_spelling() -> None:
    longer = ORDERS_MAP.replace("quantity: 数量", "quantity: {from: 数量}") + "duplicates: keep\n"
    assert parse(longer).version == parse(ORDERS_MAP).version
    assert parse(ORDERS_MAP + "duplicates: drop\n").version != parse(ORDERS_MAP).version


def test_a_route_inherits_the_constants_and_its_own_win() -> None:
    orders, refunds = parse(ROUTED).destinations()
    assert (orders.constants["store_id"], refunds.constants["store_id"]) == ("S1", "S9")
    assert refunds.constants["currency"] == "CNY"
    assert refunds.columns["refund_amount"].unit == "minor"
    assert refunds.when is not None and refunds.when.one_of == ("1", "2")
    assert parse(ROUTED).sources() == {"订单号", "下单时间", "货号", "数量", "单价", "实付", "手机"}


def test_company_defaults_fill_what_the_map_does_not_state() -> None:
    plain = parse(ORDERS_MAP.replace("currency: CNY, timezone: Asia/Shanghai, ", ""))
    filled = plain.with_defaults(currency="GBP", timezone="Europe/London")
    assert filled.constants == {"currency": "GBP", "timezone": "Europe/London", "store_id": "S1"}
    assert parse(ORDERS_MAP).with_defaults(currency="GBP", timezone="UTC").constants["currency"] == "CNY"


WRONG = {
    "an unknown field": (ORDERS_MAP + "dupes: drop\n", "dupes"),
    "an unknown dataset": (ORDERS_MAP.replace("orders", "order"), "files hold orders, refunds, customers"),
    "an unknown target": (ORDERS_MAP.replace("quantity:", "qty:"), "orders has no column 'qty'; it has order_id"),
    "a required target without source": (ORDERS_MAP.replace("order_id: 订单号, ", ""), "order_id is required"),
    "a target given twice": (ORDERS_MAP.replace("S1}", "S1, quantity: 1}"), "both a column and a constant"),
    "a unit on a price": (ORDERS_MAP.replace("单价,", "{from: 单价, unit: fen},"), "unit is for amounts"),
    "an unknown unit": (ORDERS_MAP.replace("实付,", "{from: 实付, unit: jiao},"), "major (yuan) or minor (fen)"),
    "a format that is no pattern": (ORDERS_MAP.replace("下单时间,", "{from: 下单时间, format: dmy},"), "is no pattern"),
    "a sign that is none": (ORDERS_MAP.replace("数量,", "{from: 数量, format: flip},"), "negate or absolute"),
    "an unknown zone": (ORDERS_MAP.replace("Asia/Shanghai", "Beijing"), "IANA name"),
    "an unknown encoding": (ORDERS_MAP + "format: {encoding: base64}\n", "not a text encoding"),
    "a delimiter of two": (ORDERS_MAP + "format: {delimiter: '||'}\n", "one ASCII character"),
    "a route that tests nothing": (
        ORDERS_MAP + "routes: [{when: {column: 单价}, dataset: refunds}]\n",
        "needs one of equals",
    ),
    "a route without what its dataset requires": (
        ORDERS_MAP + "routes: [{when: {column: 单价, empty: true}, dataset: refunds}]\n",
        "refund_id, refunded_at is required",
    ),
    "no YAML": ("dataset: [", "not readable as YAML"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused_by_name(case: str) -> None:
    text, words = WRONG[case]
    with pytest.raises(DocumentError) as caught:
        parse(text)
    assert "map.yaml" in str(caught.value)
    assert words in str(caught.value)


def test_every_shipped_map_loads(tmp_path: Path) -> None:
    shipped = sorted((PROJECT_ROOT / "data" / "reference" / "maps").glob("*.yaml"))
    assert "online_retail" in [path.stem for path in shipped]
    for path in shipped:
        copy = tmp_path / path.name
        copy.write_text(documents.Mapping.load(path).dump(), encoding="utf-8")
        assert documents.Mapping.load(copy).version == documents.Mapping.load(path).version


def test_words_and_numbers_that_yaml_would_read_stay_what_they_are() -> None:
    read = Mapping.parse(
        "dataset: orders\n"
        "constants: {store_id: 0012, currency: CNY}\n"
        "format: {header_row: 3}\n"
        "columns: {order_id: no, ordered_at: 2026, product_id: off, quantity: y, unit_price: 1_000}\n",
        name="odd headers",
    )
    assert read.constants["store_id"] == "0012"
    assert read.format.header_row == 3
    assert [read.columns[name].source for name in ("order_id", "ordered_at", "product_id", "unit_price")] == [
        "no", "2026", "off", "1_000",
    ]  # fmt: skip
