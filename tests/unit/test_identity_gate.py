"""What a run finds out about who is who is judged before anybody sees it."""

import polars as pl
import pytest

from models.documents.identity import IdentityGate, IdentityRegistry
from models.documents.loading import DocumentError
from models.identity.gate import FIGURES, IdentityGateError, conflicts_of, figures, stop_when_broken

GATE = IdentityGate(largest_customer=3, judged_from=2)


def people(rows: dict[int, str]) -> pl.DataFrame:
    return pl.DataFrame({"persona_id": list(rows), "customer_id": list(rows.values())})


def seen(rows: dict[str, str]) -> pl.DataFrame:
    return owned(rows).with_columns(seq=pl.lit(1, pl.Int64))


def owned(rows: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [("phone", phone, customer) for phone, customer in rows.items()],
        schema=dict.fromkeys(["identifier_type", "identifier", "customer_id"], pl.String),
        orient="row",
    )


def told(customers: pl.DataFrame, now: pl.DataFrame, before: pl.DataFrame, gate: IdentityGate = GATE) -> dict[str, str]:
    seq = before.with_columns(seq=pl.lit(1))
    return {
        figure.name: "passed" if figure.passed else "failed" for figure in figures(customers, now, 0, 0.0, seq, gate)
    }


def test_every_figure_is_a_check() -> None:
    assert tuple(told(people({1: "A"}), owned({"1": "A"}), owned({}))) == FIGURES


def test_a_mega_person_stops_the_run() -> None:
    customers = people(dict.fromkeys(range(4), "A"))
    found = figures(customers, owned({"1": "A"}), 0, 0.0, seen({}), GATE)
    with pytest.raises(IdentityGateError, match="largest_customer is 4, the gate allows 3"):
        stop_when_broken(found)


def test_two_values_of_a_unique_identifier_are_a_conflict_unless_a_person_said_so() -> None:
    stated = pl.DataFrame(
        [(1, "unionid", "U1"), (2, "unionid", "U2"), (3, "phone", "1"), (4, "phone", "2")],
        schema=["persona_id", "identifier_type", "identifier"],
        orient="row",
    )
    customers = people({1: "A", 2: "A", 3: "B", 4: "B"})
    nobody = pl.DataFrame({"left_persona": []}, schema={"left_persona": pl.Int64})
    assert conflicts_of(stated, customers, nobody, ["unionid"]).rows() == [("A", "unionid")]
    assert conflicts_of(stated, customers, pl.DataFrame({"left_persona": [1]}), ["unionid"]).is_empty()
    found = figures(customers, owned({}), 1, 0.0, seen({}), IdentityGate())
    assert [figure.name for figure in found if not figure.passed] == ["unique_conflicts"]


def test_ids_that_move_are_measured_against_the_runs_before() -> None:
    before = owned({"1": "A", "2": "B", "3": "C", "4": "D"})
    same = told(people({1: "A", 2: "B", 3: "C", 4: "D"}), before, before)
    assert same["moved_identifiers"] == same["gone_customers"] == "passed"
    merged = owned({"1": "A", "2": "A", "3": "C", "4": "D"})
    moved = told(people({1: "A", 2: "A", 3: "C", 4: "D"}), merged, before)
    assert moved["moved_identifiers"] == moved["gone_customers"] == "failed"
    small = told(people({1: "A", 2: "A"}), merged, before, IdentityGate(judged_from=500))
    assert small["moved_identifiers"] == small["gone_customers"] == "passed"


def test_a_registry_that_brings_everybody_together_changes_the_consolidation() -> None:
    before = pl.DataFrame(
        [("persona", str(n), f"C{n}") for n in range(4)],
        schema=["identifier_type", "identifier", "customer_id"],
        orient="row",
    )
    assert told(people({n: f"C{n}" for n in range(4)}), before, before)["consolidation_change"] == "passed"
    assert told(people(dict.fromkeys(range(4), "C0")), before, before)["consolidation_change"] == "failed"


def test_what_is_wrong_in_the_document_is_said_in_both_languages() -> None:
    text = "identifiers: [{name: phone, blocked_patterns: ['(']}, {name: phone}]\ngate: {cut_links: 2, spelt: 1}"
    with pytest.raises(DocumentError) as refused:
        IdentityRegistry.parse(text, name="identity.yaml")
    words = str(refused.value)
    assert "gate.cut_links: Input should be less than or equal to 1（不应大于 1" in words
    assert "gate.spelt: Extra inputs are not permitted（没有这个字段" in words
    assert '"(" is no regular expression' in words and "不是正确的正则表达式" in words
    with pytest.raises(DocumentError, match=r"phone is listed twice; keep one（phone 重复"):
        IdentityRegistry.parse("identifiers: [{name: phone}, {name: phone}]", name="identity.yaml")
