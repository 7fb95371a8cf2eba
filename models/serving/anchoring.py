"""From what a person types to what a decision names: a customer or a value becomes an anchor."""

import re
from collections.abc import Callable

import polars as pl

from models.errors import ExpectedError
from models.identifiers import phone_e164
from models.serving.explaining import named as whom
from models.store.identity_decisions import Anchor

Read = Callable[..., pl.DataFrame]  # ``read(query_id, **parameters)``: one snapshot, one viewer

CUSTOMER, ORDER, RECORD = "customer", "order", "record"
_ORDERS = "orders:"  # before the key of an order in the name of its record
_TYPED = re.compile(r"([a-z][a-z_]*):(.+)", re.DOTALL)


class AnchorError(ExpectedError):
    """A text that names nobody, or several; the message says what to give instead."""


def anchor_of(read: Read, text: str) -> Anchor:
    """What a decision about ``text`` names: a customer id, ``TYPE:VALUE``, or an order as ``SHOP:NUMBER``.

    A customer is named by the strongest value that is its own, else by an order of its; a value must be of one customer
    (a phone may be written without its country code). Raises AnchorError.
    """
    named = text.strip()
    typed = _TYPED.fullmatch(named)
    kind, value = (typed[1], typed[2].strip()) if typed is not None else (None, named)
    found = whom(read, value, kind)
    if found.is_empty() and kind is not None:
        kind, value = None, named  # a shop may be called like a type: its orders are SHOP:NUMBER
        found = whom(read, value, kind)
    if found.is_empty():
        raise AnchorError(f"nobody is known by {named}; give a customer id, TYPE:VALUE or an order as SHOP:NUMBER")
    kinds = sorted(set(found["identifier_type"]))
    if len(kinds) > 1:
        choices = ", ".join(f"{one}:{value}" for one in kinds)
        raise AnchorError(f"{named} is of several types; say which: {choices}")
    if kinds == [ORDER]:
        return _of_order(read, value)
    holders = sorted(set(found["customer_id"].drop_nulls()))
    if len(holders) > 1:
        raise AnchorError(f"{named} is stated by several customers, {', '.join(holders)}; name one of them")
    return _of_customer(read, holders[0]) if kinds == [CUSTOMER] else Anchor(kinds[0], _spelled(kinds[0], value))


def _spelled(kind: str, value: str) -> str:
    return phone_e164(value) or value if kind == "phone" else value


def _of_order(read: Read, value: str) -> Anchor:
    record = _ORDERS + value.removeprefix(_ORDERS)
    if read("identity_holders", identifiers=(record,)).is_empty():
        raise AnchorError(f"several shops may have an order {value}; give it as SHOP:NUMBER")
    return Anchor(RECORD, record)


def _of_customer(read: Read, customer_id: str) -> Anchor:
    rows = read("identity_anchor", customer_id=customer_id)
    if rows.is_empty():
        raise AnchorError(f"{customer_id} is known by nothing that is its own; give TYPE:VALUE or one of its orders")
    return Anchor(*rows.row(0))
