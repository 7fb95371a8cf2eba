"""Small random companies for settlement: a rulebook of every form, sales and refunds. Equal seeds, equal companies.

Rules of a component never tie: they differ in how finely they name a place, or in one other key.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from models.settlement.facts import Place, Refund, Sale

_KEYS: tuple[dict[str, str], ...] = (
    {},
    {"store_type": "franchise"},
    {"region": "华南"},
    {"city": "深圳"},
    {"region": "华南", "store_type": "franchise"},
    {"region": "华南", "store_type": "franchise", "agent": "A1"},
)
_PERIODS = ("day", "week", "month", "quarter", "year", "ever")
#: Limits of tiers, in units of the currency; amounts of sales reach some of them exactly.
_LIMITS = (5, 10, 15, 20, 100, 1000)
FIRST = datetime(2025, 12, 20)
_STORES = (
    ("华南", "franchise", "深圳", "A1"),
    ("华南", "online", "广州", "A2"),
    ("华东", "franchise", "", "A1"),
    ("华东", "direct", "上海", ""),
)
PLACES = tuple(
    Place(f"S{number}", region, store_type, "retail", country="CN", city=city, agent=agent)
    for number, (region, store_type, city, agent) in enumerate(_STORES)
)


@dataclass(frozen=True)
class World:
    """A rulebook as written, and what it settles; a refund with the line that it names, or None."""

    book: dict[str, Any]
    sales: list[Sale]
    refunds: list[tuple[Refund, str | None]]


def world(seed: int, lines: int, days: int = 40) -> World:
    """Sales of so many days from 20 December 2025 on."""
    rng = random.Random(seed)
    sales = [_sale(rng, number, days) for number in range(lines)]
    refunds = [
        (refund, sale.line_id if rng.random() < 0.9 else None) for sale in sales for refund in _refunds(rng, sale)
    ]
    return World(book(rng), sales, refunds)


# ---- rules


def book(rng: random.Random) -> dict[str, Any]:
    rules = [rule for component in ("split", "commission", "rebate", "service_fee") for rule in _rules(rng, component)]
    return {
        "name": "random",
        "rules": rules,
        "default": {"id": "default", "components": _components(rng)},
        "none": ["commission", "rebate", "service_fee"],
    }


def _rules(rng: random.Random, component: str) -> Iterator[dict[str, Any]]:
    for number, when in enumerate(rng.sample(_KEYS, rng.randrange(1, 4))):
        spans: list[dict[str, date]] = [{}]
        if rng.random() < 0.3:
            change = date(2026, 1, rng.randrange(1, 28))
            spans = [{"valid_to": change}, {"valid_from": change}]
        for part, span in enumerate(spans):
            rule = {"id": f"{component}-{number}-{part}", "when": when, **span}
            if component == "split":
                yield rule | {"components": _components(rng)}
            else:
                yield rule | {"component": component, **_who(rng), **_form(rng, component)}


def _percent(rng: random.Random, most: int) -> str:
    return f"{rng.choice((rng.randrange(most + 1), rng.randrange(most * 10_000) / 10_000)):.4f}%"


def _components(rng: random.Random) -> list[dict[str, Any]]:
    parties = rng.sample(("hq", "region", "agent", "sales", "store", "platform"), rng.randrange(1, 6))
    parts: list[dict[str, Any]] = [
        {"role": f"part{number}", "party": party, "share": _percent(rng, 100 // len(parties))}
        for number, party in enumerate(parties)
    ]
    parts.insert(
        rng.randrange(len(parts) + 1), {"role": "rest", "party": rng.choice(("hq", "store")), "residual": True}
    )
    return parts


def _who(rng: random.Random) -> dict[str, str]:
    party = rng.choice(("sales", "store", "agent", "platform", "account:7"))
    payer = rng.choice((None, "hq", "region", "account:9"))
    return {"party": party} | ({"payer": payer} if payer else {})


def _form(rng: random.Random, component: str) -> dict[str, Any]:
    period = rng.choice(_PERIODS)
    refunds = {"on_refund": rng.choice(("original", "retier"))} if rng.random() < 0.5 else {}
    match rng.randrange(6):
        case 0:
            return {"rate": _percent(rng, 12)} | _bounds(rng, rng.choice(("line", "order")))
        case 1:
            per = rng.choice(("line", "unit"))
            return {"fixed": {"amount": _yuan(rng, 900), "per": per}} | _bounds(rng, rng.choice(("line", "order")))
        case 2:
            return {"fixed": {"amount": _yuan(rng, 900), "per": "order"}}
        case 3:
            capped = rng.choice([each for each in _PERIODS if each != "ever"])
            return {"rate": _percent(rng, 12), "cap": {"amount": _yuan(rng, 9000), "per": capped}}
        case 4:
            size, rounding = rng.choice(("1", "3", "0.5", "2.345")), rng.choice(("ceil", "floor"))
            terms = {"size": size, "price": _yuan(rng, 900), "rounding": rounding, "period": period}
            return {"package": terms} | refunds
    starts = [0, *sorted(rng.sample(_LIMITS, rng.randrange(3)))]
    slices = [{"from": start, "rate": _percent(rng, 9)} for start in starts]
    mode, boundary = rng.choice(("graduated", "all_units")), rng.choice(("gte", "gt"))
    cap = {"cap": {"amount": _yuan(rng, 9000), "per": period}} if period != "ever" and rng.random() < 0.3 else {}
    return {"tiers": {"mode": mode, "boundary": boundary, "period": period, "slices": slices}} | cap | refunds


def _bounds(rng: random.Random, per: str) -> dict[str, Any]:
    bounds = {"cap": _yuan(rng, 3000), "floor": _yuan(rng, 200)}
    return {name: {"amount": amount, "per": per} for name, amount in bounds.items() if rng.random() < 0.5}


def _yuan(rng: random.Random, most: int) -> str:
    return f"{rng.randrange(most) / 100:.2f}"


# ---- facts


def _sale(rng: random.Random, number: int, days: int) -> Sale:
    moment = FIRST + timedelta(hours=rng.randrange(days * 24))
    return Sale(
        line_id=f"L{number}",
        order_key=f"O{number // 2}",
        place=rng.choice(PLACES),
        amount=rng.choice(
            (0, 1, -15, 500, 500, 1000, 1000, rng.randrange(1000), rng.randrange(100_000), rng.randrange(10**9))
        ),
        currency=rng.choice(("CNY", "CNY", "CNY", "HKD")),
        economic_date=moment.date(),
        salesperson_id=rng.choice((None, "P1", "P2")),
        line_no=str(number % 2),
        quantity_milli=rng.choice((1000, 1000, 2000, 500, 12_345)),
        happened_at=moment,
    )


def _refunds(rng: random.Random, sale: Sale) -> Iterator[Refund]:
    for number in range(rng.choice((0, 0, 0, 1, 2, 5))):
        at = sale.happened_at or FIRST
        at += timedelta(hours=rng.choice((1, 1, 5, 240 * number)))
        size = max(sale.amount, 7)
        yield Refund(
            line_id=f"R{rng.randrange(10)}-{sale.line_id}-{number}",
            order_key=sale.order_key,
            place=sale.place if rng.random() < 0.8 else rng.choice(PLACES),
            amount=rng.choice((1, size, rng.randrange(size) + 1, size // 3 + 1)),
            currency=sale.currency if rng.random() < 0.95 else "USD",
            economic_date=at.date(),
            refunded_at=at,
        )
