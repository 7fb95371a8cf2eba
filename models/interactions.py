"""What can happen between a person and the company: one table of kinds, read by dbt, by queries and by pages.

A kind is a verb in the past with its subject. Its rows are written by ``interactions__<subject>`` in
``dbt_project/models/customers/timeline``; its words stand in the locales: ``kind.<kind>`` is its name, and
``happening.<text_key>`` the sentence of one row. A text key is a kind, or a kind and what is told beside it
(``message_received.image``); the arguments of its sentence are the keys of the row's JSON ``arguments``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Kind:
    """One kind of interaction.

    ``is_touch``: the person's own act. ``is_contact``: staff and the person could talk. ``names_person``: the object's
    number holds an identifier of the person (or a hash of one). ``names_place``: arguments are names that staff gave,
    so they may name a store. ``texts``: text key after the dot (empty: the kind alone) -> arguments of its sentence.
    """

    kind: str
    subject: str
    is_touch: bool
    is_contact: bool
    texts: Mapping[str, tuple[str, ...]]
    names_person: bool = False
    names_place: bool = False


_PLAIN: dict[str, tuple[str, ...]] = {"": ()}
_SENT: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("", "image", "voice", "video", "file", "link", "weapp", "recalled"), ()
)
_PRODUCT: dict[str, tuple[str, ...]] = {"": (), "product": ("product",)}
_ORDER: dict[str, tuple[str, ...]] = {"": (), "product": ("product",), "products": ("product", "more")}


def _kind(
    kind: str,
    subject: str,
    texts: Mapping[str, tuple[str, ...]] = _PLAIN,
    *,
    touch: bool = False,
    contact: bool = False,
    person: bool = False,
    place: bool = False,
) -> Kind:
    return Kind(kind, subject, touch, contact, texts, person, place)


#: In the order in which what happened at one moment is told: a cause before what follows from it.
KINDS: tuple[Kind, ...] = (
    _kind("ad_clicked", "acquisition", {"": (), "campaign": ("campaign",)}, touch=True),
    _kind("link_arrived", "acquisition", {"": (), "link": ("link",)}, touch=True, person=True, place=True),
    _kind("app_opened", "browsing", touch=True),
    _kind("signed_in", "browsing", touch=True),
    _kind("page_viewed", "browsing", {"": (), "page": ("page",)}, touch=True),
    _kind("searched", "browsing", {"": (), "keyword": ("keyword",)}, touch=True),
    _kind("product_viewed", "browsing", _PRODUCT, touch=True),
    _kind("shared", "browsing", _PRODUCT, touch=True),
    _kind("favourited", "browsing", _PRODUCT, touch=True),
    _kind("cart_added", "browsing", {**_PRODUCT, "products": ("product", "quantity")}, touch=True),
    _kind("checkout_started", "browsing", touch=True),
    _kind("app_event", "browsing", {"": (), "event": ("event",)}, touch=True),
    _kind("form_submitted", "acquisition", {"": (), "interest": ("interest",)}, touch=True),
    _kind("lead_created", "acquisition", {"": (), "interest": ("interest",)}),
    _kind(
        "contact_added",
        "acquisition",
        dict.fromkeys(("", "scan", "phone", "card", "group", "channels", "link", "colleague", "admin"), ()),
        touch=True,
        contact=True,
        person=True,
    ),
    _kind("group_joined", "community", {"": (), "group": ("group",)}, touch=True, person=True, place=True),
    _kind("message_received", "conversation", _SENT, touch=True, contact=True),
    _kind("message_sent", "conversation", _SENT, contact=True),
    _kind("call", "conversation", touch=True, contact=True),
    _kind("group_message", "community", {**_SENT, "group": ("group",)}, touch=True, place=True),
    _kind("follow_up", "service", {"": (), "outcome": ("outcome",)}, contact=True),
    _kind("visit_booked", "service", {"": (), "item": ("item",)}, touch=True, contact=True),
    _kind("visit_cancelled", "service", {"": (), "item": ("item",)}, touch=True),
    _kind("visit_missed", "service", {"": (), "item": ("item",)}),
    _kind("visit_done", "service", {"": (), "item": ("item",), "items": ("item", "more")}, touch=True, contact=True),
    _kind("order_placed", "order", _ORDER, touch=True),
    _kind("order_paid", "order", _ORDER, touch=True),
    _kind("payment_received", "order", touch=True, contact=True),
    _kind("enrolled", "service", {"": (), "hours": ("course", "hours")}, touch=True),
    _kind("order_shipped", "order"),
    _kind("order_received", "order", touch=True),
    _kind("refund", "order", {"": (), "reason": ("reason",), "payment": ()}, touch=True),
    _kind("lead_won", "acquisition"),
    _kind("lead_lost", "acquisition", {"": (), "reason": ("reason",)}),
    _kind("registered", "member", touch=True, person=True),
    _kind("member_joined", "member", {"": (), "level": ("level",)}, touch=True, person=True),
    _kind("coupon_received", "member", {"": (), "coupon": ("coupon",)}, place=True),
    _kind("coupon_redeemed", "member", {"": (), "coupon": ("coupon",)}, touch=True, place=True),
    _kind("card_bought", "member", {"": (), "times": ("times",), "topped_up": ()}, touch=True),
    _kind("card_used", "member", {"": (), "times": ("times",)}, touch=True),
    _kind("card_changed", "member", dict.fromkeys(("", "refunded", "expired", "moved"), ())),
    _kind("points_earned", "member", {"": ("points",), "adjusted": ("points",), "returned": ("points",)}),
    _kind("points_spent", "member", {"": ("points",), "adjusted": ("points",)}, touch=True),
    _kind("points_expired", "member", {"": ("points",)}),
    _kind("ticket_opened", "service", {"": (), "category": ("category",)}, touch=True, contact=True),
    _kind("ticket_solved", "service", {"": (), "category": ("category",)}),
    _kind("ticket_closed", "service"),
    _kind("reviewed", "service", {"": ("score",)}, touch=True),
    _kind("consent_granted", "consent", {"": ("purpose",)}, touch=True, person=True),
    _kind("consent_withdrawn", "consent", {"": ("purpose",)}, touch=True, person=True),
    _kind("campaign_sent", "campaign", person=True),
    _kind("contact_lost", "acquisition", {"": (), "staff": ()}),
)

BY_KIND: dict[str, Kind] = {kind.kind: kind for kind in KINDS}
SUBJECTS: tuple[str, ...] = tuple(dict.fromkeys(kind.subject for kind in KINDS))

#: Sentence -> the arguments it tells.
TEXTS: dict[str, tuple[str, ...]] = {
    f"{kind.kind}.{more}" if more else kind.kind: arguments for kind in KINDS for more, arguments in kind.texts.items()
}

KINDS_SCHEMA: dict[str, pl.DataType] = {
    "kind": pl.String(),
    "subject": pl.String(),
    "kind_seq": pl.Int32(),
    "is_touch": pl.Boolean(),
    "is_contact": pl.Boolean(),
}


def kinds_table() -> pl.DataFrame:
    """The input ``interaction_kinds`` of dbt. Grain: kind. ``kind_seq`` from 1 orders what happened at one moment."""
    rows = [(kind.kind, kind.subject, seq, kind.is_touch, kind.is_contact) for seq, kind in enumerate(KINDS, start=1)]
    return pl.DataFrame(rows, schema=KINDS_SCHEMA, orient="row")


def touches() -> tuple[str, ...]:
    """Kinds that are the person's own act: the last of them is when a person was last active."""
    return tuple(kind.kind for kind in KINDS if kind.is_touch)


def sql_list(kinds: tuple[str, ...]) -> str:
    """Kinds as an SQL list of texts. They are names of this module, never values of the data."""
    return ", ".join(f"'{kind}'" for kind in kinds)
