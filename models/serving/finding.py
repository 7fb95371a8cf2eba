"""Whom a text names: what a page, a command and a decision all look up before they answer."""

import re
from dataclasses import dataclass

import polars as pl

from models.identifiers import phone_e164
from models.serving import Read

#: What a text can be beside a value of a type of the registry.
CUSTOMER, ORDER, RECORD = "customer", "order", "record"
ORDERS = "orders:"  # what stands before the key of an order in the name of its record

_TYPED = re.compile(r"([a-z][a-z_]*):(.+)", re.DOTALL)
_WHOM = {"customer_id": pl.String, "persona_id": pl.Int64, "identifier_type": pl.String}


@dataclass(frozen=True)
class Named:
    """``value``: what was looked up, without the type before it when that led to somebody.

    whom: customer_id (null: nobody's record), persona_id (null: all of the customer's), identifier_type (``customer``,
    ``order``, or a type of the registry); empty: nobody.
    """

    value: str
    whom: pl.DataFrame


def look_up(read: Read, text: str) -> Named:
    """Whom a customer id, ``TYPE:VALUE``, a value, an order number or an order key names.

    A phone may be written without its country code; ``order:`` and ``record:orders:`` may stand before an order. A shop
    may be called like a type: what names nobody as TYPE:VALUE is looked up as it stands (``phone:9`` is an order of the
    shop ``phone``). An id that was merged names the customer that it stands for now.
    """
    text = text.strip()
    if (typed := _TYPED.fullmatch(text)) is not None:
        found = Named(typed[2].strip(), _by_type(read, typed[2].strip(), typed[1]))
        if found.whom.height:
            return found
    return Named(text, _by_type(read, text, None))


def active(read: Read, customer_id: str) -> str | None:
    """The customer that an id stands for now: itself, or what it was merged into, however often; None: no customer."""
    seen: set[str] = set()
    while customer_id not in seen:
        seen.add(customer_id)
        if read("identity_find_customer", customer_id=customer_id).height:
            return customer_id
        merged = read("identity_events", customer_id=customer_id).filter(
            pl.col("kind").eq("merge") & pl.col("previous_id").eq(customer_id)
        )
        if merged.height:
            customer_id = merged["customer_id"][0]  # the newest stands first
    return None


def _by_type(read: Read, text: str, kind: str | None) -> pl.DataFrame:
    """``kind``: the only type meant; None: any."""
    if kind is None and read("identity_find_customer", customer_id=text).height:
        return _whole(text)
    if kind in (None, ORDER, "orders") or (kind == RECORD and text.startswith(ORDERS)):
        orders = read("identity_find_order", text=text.removeprefix(ORDERS))
        if orders.height or kind is not None:
            return orders.with_columns(identifier_type=pl.lit(ORDER))
    phone = phone_e164(text) if kind == "phone" or (kind is None and ":" not in text) else None
    if phone is not None:
        phones = read("identity_find", text=phone, identifier_type="phone")
        if phones.height:
            return phones
    found = read("identity_find", text=text, identifier_type=kind)
    now = active(read, text) if found.is_empty() and kind is None else None
    return found if now is None else _whole(now)


def _whole(customer_id: str) -> pl.DataFrame:
    return pl.DataFrame([(customer_id, None, CUSTOMER)], schema=_WHOM, orient="row")
