"""Proposals: headers of real systems are recognised, doubts are shown, and what is written can be imported."""

from pathlib import Path

import pytest

from models.documents.mapping import Mapping
from models.settings import Settings
from pipelines.sources.files.dataset_pages import render
from pipelines.sources.files.importing import FileRefusedError
from pipelines.sources.files.proposing import Proposal, propose
from tests.conftest import PROJECT_ROOT
from tests.factories_files import Door

TAOBAO = (
    "订单编号,子订单编号,店铺名称,订单创建时间,订单付款时间,宝贝标题,商家编码,购买数量,商品价格,买家实际支付金额,联系手机,订单状态,买家留言\n"
    "T1,L1,一店,2026/1/5 9:30,2026/1/5 9:31,茶杯,SKU1,2,10.00,20.00,13800001111,交易成功,快\n"
    "T2,L2,一店,2026/1/6 9:30,,茶壶,SKU2,1,99.00,99.00,138****1111,等待买家付款,\n"
)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def proposal(door: Door, content: str | bytes, dataset: str = "orders", name: str = "a.csv") -> Proposal:
    return propose(door.file(name, content), dataset, Settings(home=door.folder))


def test_an_export_of_a_chinese_shop_is_recognised_written_and_imported(door: Door) -> None:
    found = proposal(door, TAOBAO.replace("店铺名称", "店铺"))
    sources = {match.target: match.source for match in found.matches}
    assert sources == {
        "order_id": "订单编号", "line_no": "子订单编号", "store_id": "店铺", "ordered_at": "订单创建时间",
        "paid_at": "订单付款时间", "buyer_phone": "联系手机", "product_id": "商家编码", "product_name": "宝贝标题",
        "quantity": "购买数量", "unit_price": "商品价格", "paid_amount": "买家实际支付金额", "status": "订单状态",
    }  # fmt: skip
    assert found.unused == ("买家留言",)
    assert found.constants == {"currency": "CNY", "timezone": "Asia/Shanghai"}
    written = found.text()
    assert Mapping.parse(written, name="a.map.yaml") == found.mapping
    assert "buyer's phone, E.164 / 买家手机号" in written
    assert "13800001111" not in written
    report = door.send_file(door.folder / "a.csv", written)
    assert report.accepted == 2
    assert door.landed()["status"].to_list() == ["finished", "unpaid"]


def test_case_spaces_underscores_and_width_do_not_matter(door: Door) -> None:
    found = proposal(door, "ORDER－ID,Order_Date,Ｓｔｏｒｅ,Stock Code,QTY,Unit Price\n1,2026-01-05,S,A,1,1\n")
    assert [match.target for match in found.matches] == [
        "order_id", "store_id", "ordered_at", "product_id", "quantity", "unit_price",
    ]  # fmt: skip
    assert found.missing == ()


def test_what_is_missing_is_named_and_left_to_fill_in(door: Door) -> None:
    found = proposal(door, "订单号,数量\n1,2\n")
    assert found.mapping is None
    assert found.missing == ("store_id", "ordered_at", "product_id", "unit_price")
    with pytest.raises(FileRefusedError, match=r"store_id, ordered_at.*Its header is: 订单号, 数量"):
        found.confirmed()
    text = found.text()
    assert "# store_id:  # REQUIRED" in text
    assert "required and not found: store_id" in found.summary()


def test_the_header_is_found_below_a_title(door: Door) -> None:
    found = proposal(door, "一月订单导出\n导出人,小王\n" + TAOBAO)
    assert found.header_row == 3
    assert found.mapping is not None
    assert door.send_file(door.folder / "a.csv", found.mapping.dump()).accepted == 2


def test_cells_speak_against_a_header(door: Door) -> None:
    """Here 金额 stands over text: as an amount it cannot be read, so it is not proposed."""
    text = "订单号,店铺,日期,货号,数量,单价,金额\n1,S,2026-01-05,A,1,1,十元\n2,S,2026-01-05,A,1,1,九元\n"
    assert "paid_amount" not in {match.target for match in proposal(door, text).matches}


def test_quantities_below_zero_bring_a_hint_to_route_them(door: Door) -> None:
    text = "订单号,店铺,日期,货号,数量,单价\n1,S,2026-01-05,A,-1,1\n"
    found = proposal(door, text)
    assert "#   - when: {column: 数量, negative: true}" in found.text()


def test_a_member_number_is_the_number_of_the_record_too(door: Door) -> None:
    """Else the orders of a member, which name the number, would not find the record."""
    found = proposal(door, "会员编号,姓名,注册时间\n7,张三,2026-01-05\n", dataset="customers").confirmed()
    assert (found.columns["record_id"].source, found.columns["member_no"].source) == ("会员编号", "会员编号")


def test_an_unknown_dataset_is_refused(door: Door) -> None:
    with pytest.raises(FileRefusedError, match="files hold orders, refunds, customers, stores, consents"):
        proposal(door, TAOBAO, dataset="invoices")


def test_the_page_of_datasets_is_that_of_the_contracts() -> None:
    page = (PROJECT_ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    assert page == render(), "docs/datasets.md is stale: run `make docs`"
    assert page.index("### orders") < page.index("### wecom_contacts")
