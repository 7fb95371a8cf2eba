"""The files that a company hands over: exports as its systems make them, each with its mapping, and WeCom's state.

The bytes depend on the world alone. A few rows are bad on purpose, as in every real export, so that quarantine has
something to show: see ``DIRTY``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.sandbox.people import HEADQUARTERS
from pipelines.sandbox.world import World

_BOM = b"\xef\xbb\xbf"
_LOCAL = "Asia/Shanghai"  # all stores are at +08:00, so their civil time is written as Chinese time
WECOM_STATE = "wecom.json"
COMPANY = "四季茶铺"

_STATUS = {"finished": "已完成", "shipped": "已发货", "unpaid": "待付款", "cancelled": "已取消"}
_STORE_TYPE = {"direct": "直营", "franchise": "加盟", "agent": "代理", "online": "线上"}


@dataclass(frozen=True)
class Dirty:
    """A bad row: the file's first row with these cells changed. ``why`` is what a person would say of it."""

    why: str
    cells: Mapping[str, str | None]


_NOBODY: dict[str, str | None] = {"买家手机号": None, "会员号": None, "unionid": None, "外部联系人ID": None}
#: Bad rows by file; orders.csv also has an empty line. The masked phone is no fault of the row, only unusable.
DIRTY: dict[str, tuple[Dirty, ...]] = {
    "orders": (
        Dirty("a day that no calendar has", {"订单号": "DIRTY-1", "下单时间": "2026-02-30 10:15:00"}),
        Dirty("a negative price", {"订单号": "DIRTY-2", "单价": "-89.00"}),
        Dirty("no quantity", {"订单号": "DIRTY-3", "数量": "若干"}),
        Dirty("a masked phone", {"订单号": "DIRTY-4", **_NOBODY, "买家手机号": "138****1234"}),
    ),
    "refunds": (Dirty("nothing was given back", {"退款编号": "DIRTY-1", "退款金额": "0.00"}),),
    "customers": (Dirty("no time of registration", {"record_id": "DIRTY-1", "registered_at": None}),),
    "consents": (Dirty("neither granted nor withdrawn", {"state": "maybe"}),),
    "stores": (),
}


def write_files(world: World, folder: Path) -> list[Path]:
    """Write orders, refunds, customers, stores and consents as CSV with ``<name>.map.yaml``, and ``wecom.json``.

    Returns the data files in the order in which they should be imported. Existing files are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frames = {
        "stores": _stores(world),
        "customers": _customers(world),
        "consents": _consents(world),
        "orders": _orders(world),
        "refunds": _refunds(world),
    }
    for name, frame in frames.items():
        (folder / f"{name}.csv").write_bytes(_csv(_with_dirty_rows(frame, name), bom=name in ("orders", "refunds")))
        (folder / f"{name}.map.yaml").write_text(_MAPS[name], "utf-8", newline="\n")
    _insert_blank_line(folder / "orders.csv")
    (folder / WECOM_STATE).write_bytes(wecom_state(world))
    return [folder / f"{name}.csv" for name in frames]


def _csv(frame: pl.DataFrame, *, bom: bool) -> bytes:
    """Windows line ends, as exports have; every cell is text already."""
    return (_BOM if bom else b"") + frame.write_csv(line_terminator="\r\n").encode()


def _insert_blank_line(path: Path) -> None:
    lines = path.read_bytes().split(b"\r\n")
    path.write_bytes(b"\r\n".join([*lines[:5], b"", *lines[5:]]))


def _with_dirty_rows(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    first = frame.head(1)
    changed = [
        first.with_columns(pl.lit(value, dtype=pl.String).alias(column) for column, value in dirty.cells.items())
        for dirty in DIRTY[name]
    ]
    return pl.concat([frame, *changed])


# ------------------------------------------------------------------ cells


def _local(column: str, pattern: str = "%Y-%m-%d %H:%M:%S") -> pl.Expr:
    there = pl.col(column).dt.replace_time_zone("UTC").dt.convert_time_zone(_LOCAL)
    return there.dt.strftime(pattern)


def _major(column: str) -> pl.Expr:
    """Minor units as text with two decimals, none for yen; by whole numbers only. No amount is negative."""
    cents = (pl.col(column) // 100).cast(pl.String) + "." + (pl.col(column) % 100).cast(pl.String).str.zfill(2)
    return pl.when(pl.col("currency") == "JPY").then(pl.col(column).cast(pl.String)).otherwise(cents)


def _phone(column: str) -> pl.Expr:
    """Mainland numbers as people write them, others with their country."""
    return pl.col(column).str.strip_prefix("+86")


# ------------------------------------------------------------------ files


def _orders(world: World) -> pl.DataFrame:
    lines = world.order_lines.join(world.orders, on=["order_id", "store_id"], maintain_order="left")
    return lines.select(
        pl.col("order_id").alias("订单号"),
        pl.col("line_no").cast(pl.String).alias("行号"),
        pl.col("store_id").alias("门店编号"),
        _local("ordered_at").alias("下单时间"),
        _local("paid_at").alias("付款时间"),
        _phone("buyer_phone").alias("买家手机号"),
        pl.col("buyer_member_no").alias("会员号"),
        pl.col("buyer_unionid").alias("unionid"),
        pl.col("buyer_external_userid").alias("外部联系人ID"),
        pl.col("product_id").alias("商品编号"),
        pl.col("product_name").alias("商品名称"),
        pl.col("quantity").cast(pl.String).alias("数量"),
        _major("unit_price").alias("单价"),
        _major("discount").alias("优惠金额"),
        _major("paid_amount").alias("实付金额"),
        pl.col("currency").alias("币种"),
        pl.col("status").replace_strict(_STATUS, return_dtype=pl.String).alias("订单状态"),
        pl.col("salesperson_id").alias("导购工号"),
    )


def _refunds(world: World) -> pl.DataFrame:
    return world.refunds.select(
        pl.col("refund_id").alias("退款编号"),
        pl.col("line_no").cast(pl.String).alias("退款行号"),
        pl.col("order_id").alias("原订单号"),
        pl.col("order_line_no").cast(pl.String).alias("原订单行号"),
        pl.col("store_id").alias("店铺编号"),
        _local("refunded_at").alias("退款时间"),
        _phone("buyer_phone").alias("买家手机号"),
        pl.col("product_id").alias("商品编号"),
        pl.col("quantity").cast(pl.String).alias("退货数量"),
        _major("refund_amount").alias("退款金额"),
        pl.col("currency").alias("币种"),
        pl.lit("退款成功").alias("退款状态"),
        pl.col("reason").alias("退款原因"),
    )


def _customers(world: World) -> pl.DataFrame:
    return world.members.select(
        "record_id",
        "member_no",
        pl.col("phone").alias("mobile"),
        "unionid",
        "name",
        "email",
        "gender",
        pl.col("birth_date").dt.strftime("%Y/%m/%d").alias("birthday"),
        "city",
        "country",
        pl.col("store_id").alias("home_store"),
        _local("registered_at").alias("registered_at"),
    )


def _stores(world: World) -> pl.DataFrame:
    return world.stores.select(
        pl.col("store_id").alias("门店编号"),
        pl.col("name").alias("门店名称"),
        pl.col("store_type").replace_strict(_STORE_TYPE, return_dtype=pl.String).alias("门店类型"),
        pl.col("business_type").alias("业态"),
        pl.col("country").alias("国家地区"),
        pl.col("region").alias("大区"),
        pl.col("city").alias("城市"),
        pl.col("timezone").alias("时区"),
        pl.col("currency").alias("币种"),
        pl.col("opened_on").dt.strftime("%Y-%m-%d").alias("开业日期"),
    )


def _consents(world: World) -> pl.DataFrame:
    return world.consents.select(
        "identifier_type",
        "identifier",
        "purpose",
        "channel",
        "state",
        _local("decided_at").alias("decided_at"),
        "evidence",
        "notice_version",
    )


def _values(names: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{shown}: {code}" for code, shown in names.items()) + "}"


_MAPS: dict[str, str] = {
    "orders": f"""\
# 订单明细 / order lines, amounts in yuan (dollars, patacas)
dataset: orders
constants:
  timezone: {_LOCAL}
columns:
  order_id: 订单号
  line_no: 行号
  store_id: 门店编号
  ordered_at: 下单时间
  paid_at: 付款时间
  buyer_phone: 买家手机号
  buyer_member_no: 会员号
  buyer_unionid: unionid
  buyer_external_userid: 外部联系人ID
  product_id: 商品编号
  product_name: 商品名称
  quantity: 数量
  unit_price: 单价
  discount: {{from: 优惠金额, unit: major}}
  paid_amount: {{from: 实付金额, unit: major}}
  currency: 币种
  status: {{from: 订单状态, values: {_values(_STATUS)}}}
  salesperson_id: 导购工号
duplicates: keep
""",
    "refunds": f"""\
# 退款明细 / refund lines
dataset: refunds
constants:
  timezone: {_LOCAL}
columns:
  refund_id: 退款编号
  line_no: 退款行号
  order_id: 原订单号
  order_line_no: 原订单行号
  store_id: 店铺编号
  refunded_at: 退款时间
  buyer_phone: 买家手机号
  product_id: 商品编号
  quantity: 退货数量
  refund_amount: {{from: 退款金额, unit: major}}
  currency: 币种
  status: {{from: 退款状态, values: {{退款成功: success}}}}
  reason: 退款原因
duplicates: keep
""",
    "customers": f"""\
# member records
dataset: customers
constants:
  timezone: {_LOCAL}
columns:
  record_id: record_id
  member_no: member_no
  phone: mobile
  unionid: unionid
  name: name
  email: email
  gender: gender
  birth_date: {{from: birthday, format: "%Y/%m/%d"}}
  city: city
  country: country
  store_id: home_store
  registered_at: registered_at
duplicates: keep
""",
    "stores": f"""\
# 门店 / stores
dataset: stores
columns:
  store_id: 门店编号
  name: 门店名称
  store_type: {{from: 门店类型, values: {_values(_STORE_TYPE)}}}
  business_type: 业态
  country: 国家地区
  region: 大区
  city: 城市
  timezone: 时区
  currency: 币种
  opened_on: 开业日期
duplicates: keep
""",
    "consents": f"""\
# decisions of people on purposes and channels
dataset: consents
constants:
  timezone: {_LOCAL}
columns:
  identifier_type: identifier_type
  identifier: identifier
  purpose: purpose
  channel: channel
  state: state
  decided_at: decided_at
  evidence: evidence
  notice_version: notice_version
duplicates: keep
""",
}


# ------------------------------------------------------------------ WeCom


def wecom_state(world: World) -> bytes:
    """One JSON object; one record a line, so that a change shows as a change of lines."""
    departments = [{"id": HEADQUARTERS, "name": COMPANY, "parentid": 0, "order": 100_000}] + [
        {"id": HEADQUARTERS + number, "name": store_id, "parentid": HEADQUARTERS, "order": 100_000 - number}
        for number, store_id in enumerate(world.stores["store_id"], start=1)
    ]
    staff = [
        {
            "userid": one["userid"],
            "name": one["name"],
            "department": [one["department_id"]],
            "order": [0],
            "position": one["position"],
            "is_leader_in_dept": [1 if one["position"] == "店长" else 0],
            "direct_leader": [],
            "main_department": one["department_id"],
            "status": one["status"],
        }
        for one in world.staff.iter_rows(named=True)
    ]
    contacts = [_contact(one) for one in world.contacts.iter_rows(named=True)]
    ordered = world.follows.sort("userid", "followed_at", "external_userid").with_columns(
        pl.col("followed_at").dt.epoch("s").alias("createtime")
    )
    lists: dict[str, list[Any]] = {
        "departments": departments,
        "staff": staff,
        "follow_users": world.staff.filter("may_follow")["userid"].to_list(),
        "contacts": contacts,
        "follows": [_follow(one) for one in ordered.iter_rows(named=True)],
    }
    blocks = [f'"{name}": [\n' + ",\n".join(_json(item) for item in items) + "\n]" for name, items in lists.items()]
    return ("{\n" + ",\n".join(blocks) + "\n}\n").encode()


def _contact(one: Mapping[str, Any]) -> dict[str, Any]:
    """As the vendor gives it: what is not known is left out."""
    profile = {
        "external_userid": one["external_userid"],
        "name": one["name"],
        "type": one["contact_type"],
        "gender": one["gender"],
    }
    optional = {"unionid": one["unionid"], "corp_name": one["corp_name"], "corp_full_name": one["corp_name"]}
    return profile | {name: value for name, value in optional.items() if value is not None}


def _follow(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "userid": one["userid"],
        "external_userid": one["external_userid"],
        "remark": one["remark"],
        "description": one["description"],
        "createtime": one["createtime"],
        "tag_id": [],
        "remark_corp_name": "",
        "remark_mobiles": [one["remark_phone"]] if one["remark_phone"] is not None else [],
        "oper_userid": one["oper_userid"],
        "add_way": one["add_way"],
        "state": one["state"] or "",
    }


def _json(item: Any) -> str:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":"))
