"""Workbooks as store staff make them by hand: what a store manager sends on the first of the month.

A title over the table, the header in its third row, one date for all the receipts of a day (merged cells), phones as
numbers, a sum under each day and at the end, a remark below it, last month on a hidden sheet.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from pipelines.sandbox.world import World

_POS_HEADER = ("日期", "小票号", "商品编码", "商品名称", "件数", "实收金额", "会员手机", "导购工号")
_MEMBER_HEADER = ("会员卡号", "姓名", "手机", "办卡日期", "生日")
_STORE_HEADER = ("门店编号", "店名", "类型", "大区", "城市", "开业日期")
_TYPES = {"direct": "直营", "franchise": "加盟", "agent": "代理", "online": "线上"}
_DATE_FORMAT = {"num_format": "yyyy/m/d"}

_POS_MAP = """\
# {name}: a store's receipts of a month
dataset: orders
format: {{header_row: 3}}
constants: {{store_id: {store}, timezone: Asia/Shanghai, currency: {currency}, status: finished}}
columns:
  ordered_at: 日期
  order_id: 小票号
  product_id: 商品编码
  product_name: 商品名称
  quantity: 件数
  paid_amount: {{from: 实收金额, unit: major}}
  buyer_phone: 会员手机
  salesperson_id: 导购工号
"""
_MEMBER_MAP = """\
# members of all stores
dataset: members
format: {header_row: 3}
constants: {timezone: Asia/Shanghai}
columns: {member_no: 会员卡号, name: 姓名, phone: 手机, joined_at: 办卡日期, birth_date: 生日}
"""
_STORE_MAP = """\
# stores
dataset: stores
format: {header_row: 3}
columns:
  store_id: 门店编号
  name: 店名
  store_type: {from: 类型, values: {直营: direct, 加盟: franchise, 代理: agent, 线上: online}}
  region: 大区
  city: 城市
  opened_on: 开业日期
"""


def write_workbooks(world: World, folder: Path, stores: Sequence[str] = ("S001", "S017")) -> dict[str, str]:
    """``pos-<store>.xlsx`` of the world's last month, ``members.xlsx``, ``stores.xlsx``, each with its ``.map.yaml``.

    Returns file name → dataset.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = {}
    for store in world.stores.filter(pl.col("store_id").is_in(stores)).iter_rows(named=True):
        name = f"pos-{store['store_id']}"
        _pos(world, store, folder / f"{name}.xlsx")
        given = _POS_MAP.format(name=store["name"], store=store["store_id"], currency=store["currency"])
        (folder / f"{name}.map.yaml").write_text(given, encoding="utf-8")
        names[f"{name}.xlsx"] = "orders"
    _members(world, folder / "members.xlsx")
    (folder / "members.map.yaml").write_text(_MEMBER_MAP, encoding="utf-8")
    _stores(world, folder / "stores.xlsx")
    (folder / "stores.map.yaml").write_text(_STORE_MAP, encoding="utf-8")
    return names | {"members.xlsx": "members", "stores.xlsx": "stores"}


def receipts(world: World, store_id: str) -> pl.DataFrame:
    """What the register of a store sold in the world's last month: one row per line, with the store's civil day."""
    first = world.ends_on.replace(day=1)
    day = pl.col("ordered_at").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Shanghai").dt.date()
    return (
        world.order_lines.filter(pl.col("store_id") == store_id)
        .join(world.orders, on=["order_id", "store_id"], maintain_order="left")
        .with_columns(day.alias("day"))
        .filter((pl.col("day") >= first) & pl.col("status").is_in(["finished", "shipped"]))
        .sort("day", "order_id", "line_no")
    )


def _pos(world: World, store: Mapping[str, Any], path: Path) -> None:
    sold = receipts(world, store["store_id"])
    with xlsxwriter.Workbook(path) as book:
        sheet, date_format = book.add_worksheet("销售流水"), book.add_format(_DATE_FORMAT)
        _title(sheet, f"{store['name']} {world.ends_on:%Y年%-m月}销售流水", _POS_HEADER)
        row = 3
        for (day,), of_day in sold.group_by("day", maintain_order=True):
            start = row
            for line in of_day.iter_rows(named=True):
                sheet.write_row(row, 1, [line["order_id"], line["product_id"], line["product_name"], line["quantity"]])
                sheet.write_number(row, 5, line["paid_amount"] / 100)
                if line["buyer_phone"] is not None:
                    sheet.write_number(row, 6, int(re.sub(r"^\+86|\D", "", line["buyer_phone"])))
                sheet.write(row, 7, line["salesperson_id"])
                row += 1
            if row - start > 1:
                sheet.merge_range(start, 0, row - 1, 0, None)
            sheet.write_datetime(start, 0, day, date_format)
            sheet.write(row, 0, "小计")
            sheet.write_row(row, 4, [int(of_day["quantity"].sum()), int(of_day["paid_amount"].sum()) / 100])
            row += 1
        sheet.write(row, 0, "合计")
        sheet.write_row(row, 4, [int(sold["quantity"].sum()), int(sold["paid_amount"].sum()) / 100])
        sheet.write(row + 2, 0, "制表：店长")
        last_month = book.add_worksheet("上月")
        last_month.write_row(0, 0, _POS_HEADER)
        last_month.write_row(1, 0, ["2020/1/1", "OLD-1", "P0001", "旧", 1, 1])
        last_month.hide()


def _members(world: World, path: Path) -> None:
    known = world.members.drop_nulls("member_no").unique("member_no", keep="first", maintain_order=True)
    with xlsxwriter.Workbook(path) as book:
        sheet, date_format = book.add_worksheet("会员"), book.add_format(_DATE_FORMAT)
        _title(sheet, "会员名册", _MEMBER_HEADER)
        for row, one in enumerate(known.iter_rows(named=True), start=3):
            sheet.write_row(row, 0, [one["member_no"], one["name"], one["phone"]])
            sheet.write_datetime(row, 3, one["registered_at"], date_format)
            if one["birth_date"] is not None:
                sheet.write_datetime(row, 4, one["birth_date"], date_format)


def _stores(world: World, path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet, date_format = book.add_worksheet("门店"), book.add_format(_DATE_FORMAT)
        _title(sheet, "门店一览", _STORE_HEADER)
        row = 3
        for region, of_region in world.stores.group_by("region", maintain_order=True):
            start = row
            for one in of_region.iter_rows(named=True):
                sheet.write_row(row, 0, [one["store_id"], one["name"], _TYPES[one["store_type"]]])
                sheet.write(row, 4, one["city"])
                sheet.write_datetime(row, 5, one["opened_on"], date_format)
                row += 1
            if row - start > 1:
                sheet.merge_range(start, 3, row - 1, 3, region[0])
            else:
                sheet.write(start, 3, region[0])


def _title(sheet: Worksheet, title: str, header: Sequence[str]) -> None:
    sheet.merge_range(0, 0, 0, len(header) - 1, title)
    sheet.write(1, 0, "单位：元")
    sheet.write_row(2, 0, header)
