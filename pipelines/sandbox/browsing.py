"""The shop's own event log: sessions in the mini-programs and on the H5 pages, event by event.

People look around before they buy and hardly after they left, so a falling log says something of who is leaving.
A mini-program always knows the openid; an H5 page knows a visitor id, until the visitor signs in.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.sandbox import needs, premises
from pipelines.sandbox.chance import Chance, Ints
from pipelines.sandbox.company import Company
from pipelines.sandbox.numbering import serial
from pipelines.sandbox.shopping import Shopping
from pipelines.sandbox.switches import Traits

KINDS = ("launch", "view", "search", "add_to_cart", "favourite", "share", "page", "login", "checkout", "pay")
_MIDDLE = (0, 60, 13, 11, 5, 3, 8, 0, 0, 0)  # weights of what happens between the first and the last events
_LAUNCH, _CART, _LOGIN, _CHECKOUT, _PAY = 0, 3, 7, 8, 9
_ABOUT_PRODUCTS = (1, _CART, 4, 5)
_PAGES = ("index", "product", "search", "cart", "product", "product", "category", "login", "checkout", "order")
_SOURCES = ("direct", "wecom_card", "official_account", "search", "share", "poster_qr", "live", "sms")
_SOURCE_WEIGHTS = (34, 18, 14, 12, 9, 7, 4, 2)
_LOOKS_BEFORE = 24  # days before a purchase in which people look around
_APPS = (premises.MINI_PROGRAM, premises.MEMBER_CENTRE, premises.H5_MALL)
BEIJING_SECONDS = 8 * 3_600


@dataclass(frozen=True)
class Sessions:
    """Arrays, one entry per session, in no order: app (number in _APPS), person (row number), day, length (events),
    order (row number of the order paid in it, -1: none), signed_in."""

    app: Ints
    person: Ints
    day: Ints
    length: Ints
    order: Ints
    signed_in: np.ndarray
    signs_in: np.ndarray

    def __len__(self) -> int:
        return len(self.app)


def known_from(wants: pl.DataFrame, traits: Traits, seed: int, days: int) -> Ints:
    """Day on which each visitor of the H5 pages signs in for the first time (may be after the window: never)."""
    chance = Chance(seed, "sign-in")
    later = chance.below(wants.height, round(days * 1.3))
    return np.where(chance.happens(wants.height, traits.anonymous_visit * 2), later, -1).astype(np.int64)


def browse(
    company: Company,
    people: pl.DataFrame,
    accounts: pl.DataFrame,
    wants: pl.DataFrame,
    shopping: Shopping,
    traits: Traits,
    seed: int,
    part: int,
) -> pl.DataFrame:
    """One row per event, in the order in which the log received them: event_id, app_id, visitor_id, openid, unionid,
    person_id, kind, session_id, object_type, object_id, page, source, campaign_id, keyword, quantity, amount,
    currency, occurred_at, received_at (naive UTC)."""
    signs = known_from(wants, traits, seed, company.days)
    sessions = _sessions(wants, shopping, signs, traits, seed)
    return _events(company, people, accounts, wants, shopping, sessions, traits, seed, part)


def _sessions(wants: pl.DataFrame, shopping: Shopping, signs: Ints, traits: Traits, seed: int) -> Sessions:
    chance = Chance(seed, "sessions")
    orders = shopping.orders
    person, day = orders["person"].to_numpy(), orders["day"].to_numpy()
    uses = {name: wants[name].to_numpy() for name in ("uses_app", "uses_club", "visits_h5")}
    browsing = wants["browsing"].to_numpy()
    looks = np.floor(browsing[person] + chance.uniform(len(person))).astype(np.int64)
    apps, people, days, orders_of = [], [], [], []
    for place, name in enumerate(uses):
        share = (1.0, 0.5, 0.8)[place]
        count = np.where(uses[name][person], np.floor(looks * share + chance.uniform(len(person))), 0).astype(np.int64)
        at = np.repeat(np.arange(len(person)), count)
        apps.append(np.full(len(at), place))
        people.append(person[at])
        days.append(day[at] - chance.below(len(at), _LOOKS_BEFORE))
        orders_of.append(np.full(len(at), -1))
    # An order of the shop's own mini-program or pages is paid in a session of its own.
    for place, platform, visits in ((0, "mini_program", "uses_app"), (2, "youzan", "visits_h5")):
        bought = np.flatnonzero((orders["platform"] == platform).to_numpy() & uses[visits][person])
        apps.append(np.full(len(bought), place))
        people.append(person[bought])
        days.append(day[bought])
        orders_of.append(bought)
    app, who, when, order = (np.concatenate(parts).astype(np.int64) for parts in (apps, people, days, orders_of))
    kept = when >= 0
    app, who, when, order = app[kept], who[kept], when[kept], order[kept]
    size = len(app)
    length = 3 + chance.below(size, 8) + np.where(order >= 0, 3, 0)
    shy = chance.happens(size, traits.anonymous_visit)
    signed_in = np.where(app == 2, (when >= signs[who]) & ((signs[who] < 0) | ~shy | (when == signs[who])), ~shy)
    first = np.lexsort((when, who, app))
    turns = np.zeros(size, dtype=bool)
    known = (app == 2) & signed_in & (signs[who] >= 0)
    ordered = first[known[first]]
    turns[ordered[np.unique(who[ordered], return_index=True)[1]]] = True
    return Sessions(app, who, when, length.astype(np.int64), order, signed_in, turns)


def _events(
    company: Company,
    people: pl.DataFrame,
    accounts: pl.DataFrame,
    wants: pl.DataFrame,
    shopping: Shopping,
    sessions: Sessions,
    traits: Traits,
    seed: int,
    part: int,
) -> pl.DataFrame:
    chance = Chance(seed, "events")
    size = len(sessions)
    hour = (wants["active_hour"].to_numpy()[sessions.person] + chance.below(size, 5) - 2) % 24
    start = sessions.day * 86_400 + hour * 3_600 + chance.below(size, 3_000)
    paid = shopping.orders["local_at"].to_numpy().astype("datetime64[s]").astype(np.int64)
    first_second = int(np.datetime64(company.starts_on, "s").astype(np.int64))
    of_order = sessions.order >= 0
    # The session ends with the payment of its order.
    start[of_order] = paid[sessions.order[of_order]] - first_second - sessions.length[of_order] * 45
    of = np.repeat(np.arange(size), sessions.length)
    place = np.arange(len(of)) - np.repeat(np.cumsum(sessions.length) - sessions.length, sessions.length)
    kind = _kinds(chance, sessions, of, place)
    second = start[of] + place * 45 + chance.below(len(of), 40)
    delay = 1 + chance.below(len(of), 25)
    late = chance.happens(len(of), traits.late_event)
    delay = np.where(late, delay + 3_600 + chance.below(len(of), 260_000), delay)
    person = sessions.person[of]
    item = needs.wanted(
        chance, wants["need"].to_numpy()[person], needs.month_of(company.starts_on, sessions.day[of]), company.products
    )
    # Nothing of the log that arrives after the window: it is not known yet.
    within = np.flatnonzero((second + delay < company.days * 86_400) & (second >= 0))
    order = within[np.argsort((second + delay)[within], kind="stable")]
    source = chance.pick(size, _SOURCE_WEIGHTS)
    arrays = _Rows(sessions, of[order], kind[order], item[order], second[order], delay[order], source)
    return _frame(company, people, accounts, shopping, arrays, part)


@dataclass(frozen=True)
class _Rows:
    """Arrays, one entry per event in the order of arrival; ``source`` one per session."""

    sessions: Sessions
    of: Ints
    kind: Ints
    item: Ints
    second: Ints
    delay: Ints
    source: Ints


def _kinds(chance: Chance, sessions: Sessions, of: Ints, place: Ints) -> Ints:
    kind = chance.pick(len(of), _MIDDLE)
    kind[place == 0] = _LAUNCH
    from_end = sessions.length[of] - 1 - place
    buys = sessions.order[of] >= 0
    kind[buys & (from_end == 2)] = _CART
    kind[buys & (from_end == 1)] = _CHECKOUT
    kind[buys & (from_end == 0)] = _PAY
    kind[sessions.signs_in[of] & (place == 1)] = _LOGIN
    return kind


def _frame(
    company: Company, people: pl.DataFrame, accounts: pl.DataFrame, shopping: Shopping, rows: _Rows, part: int
) -> pl.DataFrame:
    sessions, of, kind = rows.sessions, rows.of, rows.kind
    names = _session_names(company, people, accounts, rows, part)
    pays = kind == _PAY
    order = np.where(pays, sessions.order[of], 0)
    amounts = shopping.lines.group_by("order", maintain_order=True).agg(pl.col("paid_amount").sum())["paid_amount"]
    price = company.products["price_cny"].to_numpy()[rows.item]
    second = np.datetime64(company.starts_on, "us") + (rows.second - BEIJING_SECONDS).astype("timedelta64[s]")
    frame = pl.DataFrame(
        {
            "product": np.isin(kind, _ABOUT_PRODUCTS),
            "pays": pays,
            "signed": sessions.signed_in[of],
            "occurred_at": second,
            "received_at": second + rows.delay.astype("timedelta64[s]"),
            "amount": np.where(pays, amounts.to_numpy()[order], price),
        }
    ).with_columns(
        *names[of].get_columns(),
        pl.Series("kind", pl.Series(KINDS).gather(kind)),
        pl.Series("page", pl.Series(_PAGES).gather(kind)),
        company.products["product_id"].gather(rows.item).alias("item"),
        company.products["category"].gather(rows.item).alias("category"),
        shopping.orders["order_id"].gather(order).alias("order_id"),
        people["person_id"].gather(sessions.person[of]).alias("person_id"),
    )
    priced = pl.col("pays") | (pl.col("kind") == "add_to_cart")
    return frame.select(
        serial("e", part, 8).alias("event_id"),
        *("app_id", "visitor_id", "openid"),
        pl.when("signed").then("unionid").alias("unionid"),
        "person_id",
        "kind",
        "session_id",
        pl.when("pays").then(pl.lit("order")).when("product").then(pl.lit("product")).alias("object_type"),
        pl.when("pays").then("order_id").when("product").then("item").alias("object_id"),
        "page",
        "source",
        "campaign_id",
        pl.when(pl.col("kind") == "search").then("category").alias("keyword"),
        pl.when(pl.col("kind") == "add_to_cart").then(1).cast(pl.Int64).alias("quantity"),
        pl.when(priced).then("amount").alias("amount"),
        pl.when(priced).then(pl.lit("CNY")).alias("currency"),
        "occurred_at",
        "received_at",
    )


def _session_names(
    company: Company, people: pl.DataFrame, accounts: pl.DataFrame, rows: _Rows, part: int
) -> pl.DataFrame:
    """What all events of a session share."""
    sessions, person = rows.sessions, rows.sessions.person
    sent = company.campaigns["day"].to_numpy()
    campaign = np.maximum(np.searchsorted(sent, sessions.day, side="right") - 1, 0)
    of_person = pl.concat(
        [accounts.select("mall_openid", "club_openid", "visitor_id"), people.select("unionid")], how="horizontal"
    )
    source = pl.Series("source", pl.Series(_SOURCES).gather(rows.source))
    return of_person[person].select(
        pl.Series("app_id", pl.Series(_APPS).gather(sessions.app)),
        pl.when(pl.Series(sessions.app == 2)).then("visitor_id").alias("visitor_id"),
        pl.when(pl.Series(sessions.app == 0))
        .then("mall_openid")
        .when(pl.Series(sessions.app == 1))
        .then("club_openid")
        .alias("openid"),
        "unionid",
        serial("s", part, 8).alias("session_id"),
        source,
        pl.when(source.is_in(["sms", "wecom_card"]))
        .then(company.campaigns["campaign_id"].gather(campaign))
        .alias("campaign_id"),
    )
