"""What a draft would change, counted by hand on a company of six.

Accidents it prevents: a draft that looks harmless because ids that moved are not told from people that did,
and money that is counted for orders which stay where they are.
"""

import polars as pl

from models.identity.simulation import ORDERS_SCHEMA, Difference, Moved, compare

TODAY = {1: "A", 2: "A", 3: "B", 4: "C", 5: "C", 6: "D"}


def people(of: dict[int, str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"persona_id": list(of), "customer_id": list(of.values())}, schema_overrides={"persona_id": pl.Int64}
    )


def links(*rows: tuple[int, int, str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"left_persona": pl.Int64, "right_persona": pl.Int64, "rule": pl.String, "refusal": pl.String},
        orient="row",
    )


def orders(*rows: tuple[str, str | None, str | None, str | None, int | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=ORDERS_SCHEMA, orient="row")


def difference(then: dict[int, str]) -> Difference:
    """A and B become one, C falls apart, D stays."""
    return compare(
        people(TODAY),
        people(then),
        orders(
            ("S:1", "CNY", "A", "A", 100),
            ("S:2", "CNY", "B", "A", 250),
            ("S:3", "HKD", "C", "E", 70),
            ("S:4", "CNY", "C", None, 30),
            ("S:5", None, "C", "E", None),
        ),
        links((1, 2, "same_member", None), (4, 5, "same_phone", None), (4, 5, "same_record", "guard:unionid")),
        links((1, 2, "same_member", None), (2, 3, "same_email", None), (4, 5, "same_phone", "guard:birth_date")),
    )


def test_customers_that_become_one_or_fall_apart_are_counted_with_their_money_and_reasons() -> None:
    found = difference({1: "A", 2: "A", 3: "A", 4: "C", 5: "E", 6: "D"})
    assert (found.customers_before, found.customers_after) == (4, 4)
    assert (found.merges, found.splits, found.customers_affected) == (1, 1, 3)
    assert found.moved == (Moved("CNY", 2, 280), Moved("HKD", 1, 70)), "one figure a currency; what stays is not moved"
    (merge,) = found.merge_examples
    assert (merge.before, merge.after, merge.personas, merge.orders_moved) == (("A", "B"), ("A",), 3, 1)
    assert merge.because == ("same_email",), "not the link that held A together before"
    (split,) = found.split_examples
    assert (split.before, split.after, split.because) == (("C",), ("C", "E"), ("same_phone: guard:birth_date",))


def test_a_rule_that_went_is_a_reason_too_and_nobody_is_affected_by_a_new_id() -> None:
    found = compare(
        people({1: "A", 2: "A", 3: "B"}),
        people({1: "A", 2: "X", 3: "Y"}),
        orders(),
        links((1, 2, "same_visitor", None)),
        links(),
    )
    assert (found.merges, found.splits, found.customers_affected) == (0, 1, 1)
    assert found.split_examples[0].because == ("same_visitor: no such link any more",)


def test_whoever_becomes_nobodys_is_affected() -> None:
    found = difference({1: "A", 2: "A", 3: "B", 4: "C", 6: "D"})
    assert (found.customers_affected, found.merges, found.splits) == (1, 0, 0)
