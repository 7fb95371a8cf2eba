"""Columns that many datasets of the file door share: money's currency, the store, staff, product, order, a state."""

import polars as pl

from models.contracts.contract import CellRule, Column, RowRule, not_blank
from models.contracts.landed.parties import STORE_NAMES, person_columns

PERSON = person_columns("", "the person's", "")
_ISO_4217 = r"^[A-Z]{3}$"
_PRODUCT_NAMES = ("product", "sku", "sku_id", "item", "item_id", "商品ID", "货号", "商品编码", "商家编码")
_ORDER_NAMES = ("order", "order no", "order number", "订单编号", "单号", "tid", "商户订单号", "关联订单")
_STAFF_NAMES = ("staff", "employee", "employee no", "员工", "导购", "销售", "负责人", "跟进人", "顾问", "salesperson")


def key_column(name: str, en: str, zh: str, *synonyms: str) -> Column:
    """A number by which the source itself names the record; never blank."""
    return Column(name, "id", en, zh, required=True, synonyms=synonyms, checks=(not_blank(name),))


def currency_column(name: str = "currency", en: str = "ISO 4217 currency", zh: str = "币种", *synonyms: str) -> Column:
    """Required, because no amount can be read without it; a mapping states it once for a file, else the company's."""
    rule = CellRule("str_matches", {"pattern": _ISO_4217}, f"{name} must be three capital letters (ISO 4217)")
    names = synonyms or ("币别", "货币", "货币种类", "ccy")
    return Column(name, "currency", en, zh, required=True, synonyms=names, checks=(rule,))


def name_column(en: str = "the person's name", zh: str = "姓名", *synonyms: str) -> Column:
    names = synonyms or ("customer name", "客户姓名", "客户名称", "会员姓名", "顾客姓名", "昵称", "联系人", "full name")
    return Column("name", "text", en, zh, personal=True, synonyms=names)


def store_column(name: str = "store_id", en: str = "store", zh: str = "门店编号", *, required: bool = False) -> Column:
    names = STORE_NAMES if name == "store_id" else ()
    checks = (not_blank(name),) if required else ()
    return Column(name, "id", en, zh, required=required, synonyms=names, checks=checks)


def staff_column(name: str, en: str, zh: str, *synonyms: str, required: bool = False) -> Column:
    checks = (not_blank(name),) if required else ()
    return Column(name, "id", en, zh, required=required, synonyms=synonyms or _STAFF_NAMES, checks=checks)


def product_column(name: str = "product_id", en: str = "product number", zh: str = "商品编号") -> Column:
    return Column(name, "id", en, zh, synonyms=_PRODUCT_NAMES)


def order_column(en: str = "order it belongs to", zh: str = "订单号") -> Column:
    return Column("order_id", "id", en, zh, synonyms=_ORDER_NAMES)


def status_column(*known: str, zh: str = "状态", synonyms: tuple[str, ...] = ("state",)) -> Column:
    return Column("status", "text", "state", zh, synonyms=synonyms, known=known)


def updated_column() -> Column:
    names = ("modified", "修改时间", "update time", "最后修改时间")
    return Column("updated_at", "timestamp", "last change in the source", "更新时间", synonyms=names)


def happened(name: str, en: str, zh: str, *synonyms: str) -> Column:
    """The time that dates the record; required, because a fact without a date belongs to no run."""
    return Column(name, "timestamp", en, zh, required=True, synonyms=synonyms)


def not_before(later: str, earlier: str) -> RowRule:
    """A time that follows another cannot lie before it."""
    return RowRule(
        later,
        f"{later} must not lie before {earlier}",
        when=pl.col(later).is_not_null() & pl.col(earlier).is_not_null(),
        holds=pl.col(later) >= pl.col(earlier),
    )


def somebody(column: str, what: str, *, unless: str | None = None) -> RowRule:
    """A record of a person names the person; else it could never be told to anybody. ``unless`` says it otherwise."""
    names = [person.name for person in PERSON]
    return RowRule(
        column,
        f"{what} needs one of {', '.join(names)}" + (f", or {unless}" if unless else ""),
        when=pl.lit(True) if unless is None else pl.col(unless).is_null(),
        holds=pl.any_horizontal(pl.col(names).is_not_null()),
    )
