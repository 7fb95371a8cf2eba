"""Whether a rulebook gives each store exactly one rule on each day: gaps, overlaps, ambiguities.

Semantics (settlement 4.10), for each component by itself: the most specific rule wins, counting the keys that are not
any; between equal counts the finer place (city over region over country). Two equally specific rules on an existing
combination are AMBIGUOUS. The same key twice at one time is an OVERLAP. A combination without a rule is a GAP, unless
the rulebook has a default, or lists the component under ``none``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import polars as pl

from models.documents.settlement import RULE_KEYS, SettlementDocument
from models.settlement.rules import ANY, Rule, numbered, rules_of

Combination = tuple[str, ...]
_SPOT = ["component", *RULE_KEYS, "slice_from", "slice_to"]


@dataclass(frozen=True)
class Problem:
    """One reason not to load a rulebook, on the days from ``date_from`` up to, not including, ``date_to``.

    ``combination`` has a value for each of RULE_KEYS, empty where the store states none; of an OVERLAP it is the key
    that the rules share, and its dates may be open.
    """

    kind: Literal["GAP", "OVERLAP", "AMBIGUOUS"]
    component: str
    combination: Combination
    rule_ids: tuple[str, ...]
    date_from: date | None
    date_to: date | None

    @property
    def message(self) -> str:
        """In plain words, with the remedy."""
        stated = [f"{key} {value}" for key, value in zip(RULE_KEYS, self.combination, strict=True) if value]
        where = ", ".join([*([] if self.component == "split" else [f"component {self.component}"]), *stated])
        days = f"from {self.date_from or 'the beginning'} to {self.date_to or 'the end'}"
        rules = ", ".join(f'"{name}"' for name in self.rule_ids)
        if self.kind == "GAP":
            remedy = "a default" if self.component == "split" else f"list {self.component} under none"
            return f"GAP: no rule for {where}, {days}; add a rule for it, or {remedy}"
        if self.kind == "OVERLAP":
            return f"OVERLAP: rules {rules} have the same key ({where}) and both hold {days}; end one before the other"
        return (
            f"AMBIGUOUS: rules {rules} are equally specific for {where}, {days}; "
            "add a rule that names all the keys of both, or widen one"
        )


def check(document: SettlementDocument, combinations: pl.DataFrame, date_from: date, date_to: date) -> list[Problem]:
    """Problems of the rulebook over the stores that exist, on the days from ``date_from`` to before ``date_to``.

    ``combinations`` has columns of RULE_KEYS that stores state (region, store_type, ...); duplicates do not matter, a
    column left out and a null are matched by any only. Overlaps come first, then the rest by component, combination and
    date. Raises ValueError when the days are empty.
    """
    if date_from >= date_to:
        raise ValueError(f"no days to check: {date_from} is not before {date_to}")
    rules = rules_of(document)
    places = _places(combinations)
    problems = _overlaps(rules)
    transferred = {rule.component for rule in rules if not numbered(rule.component)} - {"split"}
    for component in ("split", *sorted(transferred)):
        of_it = [rule for rule in rules if rule.component == component]
        found = _winners(component, of_it, places, _slices(of_it, date_from, date_to))
        told = [_problem(row) for row in found.iter_rows(named=True)]
        problems += _merged([one for one in told if one.kind != "GAP" or component not in document.none], rules)
    return problems


def _places(combinations: pl.DataFrame) -> pl.DataFrame:
    """What stores state: one row per combination of all keys."""
    return combinations.select(
        pl.col(key).cast(pl.String).fill_null("") if key in combinations.columns else pl.lit("").alias(key)
        for key in RULE_KEYS
    ).unique()


def _overlaps(rules: Sequence[Rule]) -> list[Problem]:
    keyed: dict[tuple[str, Combination, int], list[Rule]] = {}
    for rule in rules:
        if numbered(rule.component):
            continue
        keyed.setdefault((rule.component, rule.key, rule.specificity), []).append(rule)
    problems = []
    for (component, key, _), group in sorted(keyed.items()):
        for index, first in enumerate(group):
            for second in group[index + 1 :]:
                start = max(first.valid_from or date.min, second.valid_from or date.min)
                end = min(first.valid_to or date.max, second.valid_to or date.max)
                if start < end:
                    days = (None if start == date.min else start, None if end == date.max else end)
                    problems.append(Problem("OVERLAP", component, key, (first.rule_id, second.rule_id), *days))
    return problems


def _slices(rules: Sequence[Rule], date_from: date, date_to: date) -> pl.DataFrame:
    """The days cut wherever a rule begins or ends: within a slice the same rules hold."""
    ends = {day for rule in rules for day in (rule.valid_from, rule.valid_to) if day is not None}
    cuts = [date_from, *sorted(day for day in ends if date_from < day < date_to), date_to]
    return pl.DataFrame({"slice_from": cuts[:-1], "slice_to": cuts[1:]})


def _winners(component: str, rules: Sequence[Rule], places: pl.DataFrame, slices: pl.DataFrame) -> pl.DataFrame:
    """Combinations and slices whose most specific rules are not exactly one: none, or several, as ``rule_ids``."""
    table = pl.DataFrame(
        [(r.rule_id, r.specificity, r.valid_from, r.valid_to, *r.key) for r in rules],
        schema={"rule_id": pl.String, "specificity": pl.Int32, "valid_from": pl.Date, "valid_to": pl.Date}
        | {f"rule_{key}": pl.String for key in RULE_KEYS},
        orient="row",
    )
    spots = places.join(slices, how="cross").with_columns(pl.lit(component).alias("component"))
    holding = spots.join(table, how="cross").filter(
        *((pl.col(f"rule_{key}") == ANY) | (pl.col(f"rule_{key}") == pl.col(key)) for key in RULE_KEYS),
        pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("slice_from")),
        pl.col("valid_to").is_null() | (pl.col("slice_from") < pl.col("valid_to")),
    )
    best = holding.filter(pl.col("specificity") == pl.col("specificity").max().over(_SPOT))
    won = best.group_by(_SPOT).agg(pl.col("rule_id").sort().alias("rule_ids"))
    return (
        spots.join(won, on=_SPOT, how="left")
        .filter(pl.col("rule_ids").is_null() | (pl.col("rule_ids").list.len() > 1))
        .sort(_SPOT)
    )


def _problem(row: dict[str, object]) -> Problem:
    combination = tuple(str(row[key]) for key in RULE_KEYS)
    rule_ids = row["rule_ids"]
    start, end = row["slice_from"], row["slice_to"]
    assert isinstance(start, date) and isinstance(end, date)
    return Problem(
        kind="GAP" if rule_ids is None else "AMBIGUOUS",
        component=str(row["component"]),
        combination=combination,
        rule_ids=tuple(rule_ids) if isinstance(rule_ids, list) else (),
        date_from=start,
        date_to=end,
    )


def _merged(problems: list[Problem], rules: Sequence[Rule]) -> list[Problem]:
    """Neighbouring slices with the same problem as one; rules of one key are an overlap and were told already."""
    keys = {rule.rule_id: rule.key for rule in rules}
    merged: list[Problem] = []
    for problem in problems:
        if problem.kind == "AMBIGUOUS" and len({keys[name] for name in problem.rule_ids}) == 1:
            continue
        last = merged[-1] if merged else None
        if last is not None and last.date_to == problem.date_from and _same_but_days(last, problem):
            merged[-1] = replace(last, date_to=problem.date_to)
            continue
        merged.append(problem)
    return merged


def _same_but_days(first: Problem, second: Problem) -> bool:
    return (first.kind, first.combination, first.rule_ids) == (second.kind, second.combination, second.rule_ids)
