"""The referee of settlement: a second reading of its semantics, slow, in exact fractions, from the rulebook as written.

It shares no code with ``models.settlement``, only the plain facts that go in. Amounts are minor units; what comes out
is how much each party gets in all, by (number of the line or refund, component, party). Sources: the settlement
semantics 4.1 to 4.4 and 4.8 (largest remainder, bounds, tiers, refunds, packages) and docs/settlement.md.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

from models.settlement.facts import Place, Refund, Sale

Rulebook = Mapping[str, Any]
Posted = Counter[tuple[str, str, str]]
_MINOR = {"JPY": 1}
_FINENESS = {"city": 3, "region": 2, "country": 1}


@dataclass(frozen=True)
class Fact:
    """Something that a rule of its own day speaks about. ``units``: quantity, with the sign of ``base``."""

    number: str
    place: Place
    base: int
    units: Fraction
    currency: str
    day: date
    guide: str | None
    moment: datetime
    order: str
    line_no: str
    kind: str = ""

    @property
    def turn(self) -> tuple[datetime, str, str, str, str]:
        return self.moment, self.order, self.line_no, self.number, self.kind


@dataclass(frozen=True)
class Step:
    """A part of a refund that its line still held: after ``before`` had been given back, ``given`` more is."""

    refund: Refund
    before: int
    given: int


def settled(book: Rulebook, sales: Sequence[Sale], refunds: Sequence[tuple[Refund, str | None]]) -> Posted:
    """What each party gets of each line and refund by each component; zeros are left out."""
    posted: Posted = Counter()
    known = {sale.line_id: sale for sale in sales}
    steps: dict[str, list[Step]] = {}
    facts = [_sold(sale) for sale in sales]
    for number, sale in known.items():
        steps[number], beyond = _steps(sale, [refund for refund, of in refunds if of == number])
        facts += [_returned(refund, amount, sale.salesperson_id, "EXCESS") for refund, amount in beyond]
    facts += [_returned(refund, refund.amount, None, "UNLINKED") for refund, of in refunds if of is None]
    for fact in facts:
        rule = _rule(book, "split", fact)
        held = _shared(fact.base, [share for _, share in _parts(rule, fact)])
        parties = [party for party, _ in _parts(rule, fact)]
        for party, amount in zip(parties, held, strict=True):
            posted[fact.number, "split", party] += amount
        for step in steps.get(fact.number, ()) if fact.kind == "" else ():
            backs = _shared(step.given, [Fraction(max(amount, 0)) for amount in held])
            held = [amount - back for amount, back in zip(held, backs, strict=True)]
            for party, back in zip(parties, backs, strict=True):
                posted[step.refund.line_id, "split", party] -= back
    for component in {rule["component"] for rule in book["rules"] if rule.get("component", "split") != "split"}:
        _Transfers(book, component, facts, steps, known, posted).post()
    return Counter({key: amount for key, amount in posted.items() if amount})


# ---- facts


def _sold(sale: Sale) -> Fact:
    assert sale.happened_at is not None
    units = Fraction(sale.quantity_milli, 1000)
    named = (sale.salesperson_id, sale.happened_at, sale.order_key, sale.line_no)
    return Fact(sale.line_id, sale.place, sale.amount, units, sale.currency, sale.economic_date, *named)


def _returned(refund: Refund, amount: int, guide: str | None, kind: str) -> Fact:
    named = (guide, refund.refunded_at, refund.order_key or "", "", kind)
    return Fact(refund.line_id, refund.place, -amount, Fraction(0), refund.currency, refund.economic_date, *named)


def _steps(sale: Sale, refunds: Sequence[Refund]) -> tuple[list[Step], list[tuple[Refund, int]]]:
    """What a line still held of each of its refunds, and what lay beyond."""
    left, steps, beyond = max(sale.amount, 0), [], []
    for refund in sorted(refunds, key=lambda one: (one.refunded_at, one.line_id)):
        given = min(refund.amount, left) if refund.currency == sale.currency else 0
        if given:
            steps.append(Step(refund, max(sale.amount, 0) - left, given))
        if given < refund.amount:
            beyond.append((refund, refund.amount - given))
        left -= given
    return steps, beyond


# ---- rules


def _rule(book: Rulebook, component: str, fact: Fact) -> Mapping[str, Any] | None:
    """The most specific rule of a component on a fact; equally specific ones do not occur in what is compared."""
    at = {
        key: getattr(fact.place, key) for key in ("country", "region", "city", "store_type", "business_type", "agent")
    }
    at["channel"] = "online" if fact.place.store_type == "online" else "offline"

    def holds(rule: Mapping[str, Any]) -> bool:
        since, until = rule.get("valid_from"), rule.get("valid_to")
        in_time = (since is None or since <= fact.day) and (until is None or fact.day < until)
        return in_time and all(at[key] == value for key, value in rule.get("when", {}).items())

    def rank(rule: Mapping[str, Any]) -> tuple[int, int]:
        when = rule.get("when", {})
        fineness = max((_FINENESS.get(key, 0) for key in when), default=0)
        return len(when.keys() - _FINENESS.keys()) + (fineness > 0), fineness

    found: list[Mapping[str, Any]] = [
        rule for rule in book["rules"] if rule.get("component", "split") == component and holds(rule)
    ]
    if not found:
        default: Mapping[str, Any] = book["default"]
        return default if component == "split" else None
    best = max(map(rank, found))
    (winner,) = [rule for rule in found if rank(rule) == best]
    return winner


def _party(name: str, fact: Fact) -> str | None:
    return {
        "region": fact.place.region,
        "store": fact.place.store_id,
        "agent": f"agent:{fact.place.agent or fact.place.region}",
        "sales": fact.guide,
        "platform": "platform:online" if fact.place.store_type == "online" else "platform:offline",
    }.get(name, name)


def _percent(text: str) -> Fraction:
    return Fraction(text.removesuffix("%")) / 100


def _parts(rule: Mapping[str, Any] | None, fact: Fact) -> list[tuple[str, Fraction]]:
    """(party, share) in the order of the rule. Whoever is not there leaves the share to the residual owner."""
    assert rule is not None
    stated = [
        (_party(part.get("party", part["role"]), fact), _percent(part.get("share", "0%")), part.get("residual", False))
        for part in rule["components"]
    ]
    rest = 1 - sum((share for party, share, residual in stated if party and not residual), Fraction(0))
    return [(party, rest if residual else share) for party, share, residual in stated if party is not None]


# ---- exact numbers


def _half_up(value: Fraction) -> int:
    size = int(abs(value) + Fraction(1, 2))
    return -size if value < 0 else size


def _shared(amount: int, weights: Sequence[Fraction]) -> list[int]:
    """Largest remainder; of equal fractions the first gets the unit."""
    whole = sum(weights)
    exact = [abs(amount) * weight / whole if whole else Fraction(0) for weight in weights]
    cut = [int(value) for value in exact]
    first = sorted(range(len(exact)), key=lambda at: (cut[at] - exact[at], at))
    for at in first[: abs(amount) - sum(cut)]:
        cut[at] += 1
    return [-value for value in cut] if amount < 0 else cut


# ---- transfers


@dataclass(frozen=True)
class _Item:
    fact: Fact
    rule: Mapping[str, Any]
    payee: str
    payer: str


@dataclass(frozen=True)
class _Transfers:
    """One component: what its payees get of their payers, by form and level."""

    book: Rulebook
    component: str
    facts: Sequence[Fact]
    steps: Mapping[str, Sequence[Step]]
    sales: Mapping[str, Sale]
    posted: Posted

    def post(self) -> None:
        orders: dict[object, list[_Item]] = defaultdict(list)
        periods: dict[object, list[tuple[Fact, _Item]]] = defaultdict(list)
        for fact in self.facts:
            item = self._item(fact)
            if item is None:
                continue
            level = _level(item.rule)
            group = (item.rule["id"], item.payee, item.payer, fact.currency)
            if level == "line":
                self._give(item, _bounded(_amount(item), fact.base, item.rule))
            elif level == "order":
                alone = fact.number if fact.kind or fact.base < 0 else ""
                orders[*group, fact.order, fact.kind, alone].append(item)
            else:
                periods[*group, _period(fact.day, level)] += [(fact, item), *self._lowered(item)]
        for items in orders.values():
            self._by_order(sorted(items, key=lambda item: item.fact.turn))
        for members in periods.values():
            self._by_period(sorted(members, key=lambda member: member[0].turn))

    def _item(self, fact: Fact) -> _Item | None:
        rule = _rule(self.book, self.component, fact)
        if rule is None:
            return None
        owner = next(part for part in (_rule(self.book, "split", fact) or {})["components"] if part.get("residual"))
        payer = _party(rule.get("payer") or owner.get("party", owner["role"]), fact)
        payee = _party(rule["party"], fact)
        foreign = {"fixed", "tiers", "package", "cap", "floor"} & rule.keys() and rule.get("currency", "CNY")
        if not payee or not payer or payee == payer or (foreign and foreign != fact.currency):
            return None
        return _Item(fact, rule, payee, payer)

    def _lowered(self, item: _Item) -> list[tuple[Fact, _Item]]:
        """Refunds that lower what their sale added, in the sale's period."""
        fact = item.fact
        if fact.kind or not _retiers(item.rule):
            return []
        found = []
        for step in self.steps[fact.number]:
            spent = [
                _half_up(fact.units * 1000 * Fraction(part, fact.base))
                for part in (step.before, step.before + step.given)
            ]
            refund = step.refund
            units = Fraction(spent[0] - spent[1], 1000)
            named = (fact.guide, refund.refunded_at, refund.order_key or "", "", "LINKED")
            day = refund.economic_date
            lowered = Fact(refund.line_id, fact.place, -step.given, units, fact.currency, day, *named)
            found.append((lowered, item))
        return found

    def _by_order(self, items: Sequence[_Item]) -> None:
        rule, bases = items[0].rule, [item.fact.base for item in items]
        if rule.get("fixed", {}).get("per") == "order":
            amounts, total = bases, _amount(items[0])
        else:
            amounts = [_amount(item) for item in items]
            total = _bounded(sum(amounts), sum(bases), rule)
        weights = next((each for each in (amounts, bases) if any(each)), [1] * len(items))
        shares = _shared(total, [Fraction(abs(weight)) for weight in weights])
        for item, share in zip(items, shares, strict=True):
            self._give(item, share)

    def _by_period(self, members: Sequence[tuple[Fact, _Item]]) -> None:
        reached = Fraction(0)
        for fact, item in members:
            before = reached
            reached += _added(fact, item)
            amount = _earned(item.rule, reached) - _earned(item.rule, before)
            if fact is item.fact:
                self._give(item, amount)
            else:
                self._move(fact.number, item, amount)

    def _give(self, item: _Item, amount: int) -> None:
        """To the payee; and back again with each refund in proportion, unless refunds lower what was reached."""
        self._move(item.fact.number, item, amount)
        if item.fact.kind or _retiers(item.rule):
            return
        for step in self.steps[item.fact.number]:
            parts = (step.before, step.before + step.given)
            first, second = (_half_up(Fraction(amount * part, item.fact.base)) for part in parts)
            self._move(step.refund.line_id, item, first - second)

    def _move(self, number: str, item: _Item, amount: int) -> None:
        self.posted[number, self.component, item.payee] += amount
        self.posted[number, self.component, item.payer] -= amount


def _level(rule: Mapping[str, Any]) -> str:
    for gathered in ("tiers", "package"):
        if gathered in rule:
            return str(rule[gathered].get("period", "month"))
    for bound in ("cap", "floor"):
        if bound in rule:
            return str(rule[bound].get("per", "line"))
    return "order" if rule.get("fixed", {}).get("per") == "order" else "line"


def _retiers(rule: Mapping[str, Any]) -> bool:
    stated = rule.get("on_refund") or ("retier" if rule["component"] == "rebate" else "original")
    return stated == "retier" and ("tiers" in rule or "package" in rule)


def _period(day: date, length: str) -> object:
    return {
        "day": day,
        "week": day.isocalendar()[:2],
        "month": (day.year, day.month),
        "quarter": (day.year, (day.month - 1) // 3),
        "year": day.year,
    }.get(length)


def _minor(rule: Mapping[str, Any], amount: object) -> Fraction:
    return Fraction(str(amount)) * _MINOR.get(rule.get("currency", "CNY"), 100)


def _amount(item: _Item) -> int:
    """What a rate or a fixed amount gives on one fact, before bounds."""
    rule, fact = item.rule, item.fact
    if "rate" in rule:
        return _half_up(fact.base * _percent(rule["rate"]))
    amount = _minor(rule, rule["fixed"]["amount"])
    if rule["fixed"].get("per") == "unit":
        return _half_up(amount * fact.units)
    return -int(amount) if fact.base < 0 else int(amount)


def _bounded(amount: int, base: int, rule: Mapping[str, Any]) -> int:
    size = Fraction(abs(amount))
    if "cap" in rule:
        size = min(size, _minor(rule, rule["cap"]["amount"]))
    if "floor" in rule:
        size = max(size, min(_minor(rule, rule["floor"]["amount"]), Fraction(abs(base))))
    return -int(size) if (amount or base) < 0 else int(size)


def _added(fact: Fact, item: _Item) -> Fraction:
    if "tiers" in item.rule:
        return Fraction(fact.base)
    return fact.units if "package" in item.rule else Fraction(_amount(item))


def _earned(rule: Mapping[str, Any], reached: Fraction) -> int:
    """All that is earned when so much was reached: the whole slices below it, or the reached slice for everything."""
    if reached < 0:
        return -_earned(rule, -reached)
    if "tiers" in rule:
        earned = _half_up(_tiered(rule, rule["tiers"], reached))
    elif "package" in rule:
        terms = rule["package"]
        packages = reached / Fraction(str(terms["size"]))
        whole = int(packages) if terms.get("rounding") == "floor" or packages == int(packages) else int(packages) + 1
        earned = int(whole * _minor(rule, terms["price"]))
    else:
        earned = int(reached)
    return min(earned, int(_minor(rule, rule["cap"]["amount"]))) if "cap" in rule else earned


def _tiered(rule: Mapping[str, Any], tiers: Mapping[str, Any], reached: Fraction) -> Fraction:
    slices = [(_minor(rule, each["from"]), _percent(each["rate"])) for each in tiers["slices"]]
    if tiers["mode"] == "all_units":
        strict = tiers.get("boundary") == "gt"
        rates = [rate for start, rate in slices if start < reached or (start == reached and not strict)]
        return reached * (rates[-1] if rates else slices[0][1])
    ends = [upper for _, (upper, _) in pairwise(slices)] + [max(reached, slices[-1][0])]
    return sum(
        (rate * max(min(reached, end) - start, Fraction(0)) for (start, rate), end in zip(slices, ends, strict=True)),
        Fraction(0),
    )
