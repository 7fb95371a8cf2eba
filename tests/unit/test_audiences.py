"""Audiences: documents, members, and who of them may be contacted."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from models.audiences.fields import CHANNEL_IDENTIFIERS, DTYPES, FIELDS, OPERATORS
from models.audiences.members import members, memberships
from models.audiences.suppression import REASONS, Contactable, Ledgers, contactable
from models.contracts.decided import AUDIENCE_MEMBERS
from models.documents.audience import AudienceDocument, load_audiences
from models.documents.loading import DocumentError
from models.serving.queries.audiences import CANDIDATES
from models.settings import PROJECT_ROOT
from models.store.consents import CURRENT_DTYPES
from models.store.suppressions import DTYPES as SUPPRESSION_DTYPES

TODAY = date(2026, 7, 1)
AS_OF = datetime(2026, 6, 30, 16)
THEN = datetime(2026, 1, 1)
EVERYBODY = {"not": {"field": "customer_id", "op": "is_null"}}


def document(**given: Any) -> AudienceDocument:
    defaults = {
        "name": "somebody",
        "title": {"zh": "某些人", "en": "Somebody"},
        "purpose": "marketing",
        "channel": "sms",
        "identifier": "phone",
        "conditions": EVERYBODY,
    }
    return AudienceDocument.model_validate({**defaults, **given})


def people(*rows: dict[str, Any]) -> pl.DataFrame:
    """Candidates: what a row does not name is empty; ids and phones are counted up."""
    filled = [{"customer_id": f"C{n}", "phone": f"+86138{n:08d}"} | row for n, row in enumerate(rows, 1)]
    return pl.DataFrame(filled, schema={name: DTYPES[field.kind] for name, field in FIELDS.items()})


def phone(number: int) -> str:
    return f"+86138{number:08d}"


def consents(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    """Rows of (identifier_type, identifier, channel, state)."""
    return pl.DataFrame([(*row, THEN) for row in rows], schema=CURRENT_DTYPES, orient="row")


def suppressions(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame([(*row, "complaint", THEN) for row in rows], schema=SUPPRESSION_DTYPES, orient="row")


def granted(*numbers: int, channel: str = "sms") -> list[tuple[str, str, str, str]]:
    return [("phone", phone(number), channel, "granted") for number in numbers]


def judge(
    found: pl.DataFrame,
    *decided: tuple[str, str, str, str],
    doc: AudienceDocument | None = None,
    graph: tuple[tuple[str, str, str], ...] = (),
    blocked: tuple[tuple[str, str, str], ...] = (),
    profiling: tuple[tuple[str, str, str, str], ...] = (),
) -> Contactable:
    identifiers = pl.DataFrame(
        graph, schema=dict.fromkeys(("customer_id", "identifier_type", "identifier"), pl.String()), orient="row"
    )
    ledgers = Ledgers(consents(*decided), consents(*profiling), suppressions(*blocked))
    return contactable(doc or document(), found, identifiers, ledgers, TODAY)


def kept(judged: Contactable) -> list[str]:
    return judged.kept["customer_id"].to_list()


def reasons(judged: Contactable) -> dict[str, int]:
    return {reason: count for reason, count in judged.left_out.items() if count}


# ------------------------------------------------------------------ documents


def test_shipped_audiences_hold_and_the_query_answers_what_they_may_ask() -> None:
    shipped = load_audiences(PROJECT_ROOT / "data" / "rulebooks")
    assert shipped["at_risk_with_consent"].uses_profiling
    assert dict(CANDIDATES.columns) == {name: DTYPES[field.kind] for name, field in FIELDS.items()}
    assert set(CANDIDATES.personal) == {name for name, field in FIELDS.items() if field.personal}


def test_the_guide_names_every_field_operator_and_reason() -> None:
    guide = (PROJECT_ROOT / "docs" / "audiences.md").read_text(encoding="utf-8")
    known = {*FIELDS, *REASONS, *CHANNEL_IDENTIFIERS, *(op for ops in OPERATORS.values() for op in ops)}
    assert sorted(name for name in known if f"`{name}`" not in guide) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "../../etc/passwd"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "a\n"}, "name"),
        ({"name": "上海"}, "name"),
        ({"channel": "pigeon"}, "unknown channel"),
        ({"identifier": "email"}, "reached by phone on sms"),
        ({"columns": ["phone'; --"]}, "unknown field"),
        ({"columns": ["name", "name"]}, "twice"),
        ({"order_by": ["-nothing"]}, "unknown field"),
        ({"limit": 0}, "limit"),
        ({"sql": "select 1"}, "sql"),
        ({"conditions": "1=1"}, "conditions"),
    ],
)
def test_a_wrong_document_is_refused_by_field(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        document(**given)


def test_a_document_is_named_like_its_file(tmp_path: Path) -> None:
    (tmp_path / "audiences").mkdir()
    source = PROJECT_ROOT / "data" / "rulebooks" / "audiences" / "at_risk_with_consent.yaml"
    (tmp_path / "audiences" / "other.yaml").write_bytes(source.read_bytes())
    with pytest.raises(DocumentError, match=r"other\.yaml.*named like its file"):
        load_audiences(tmp_path)


def test_equal_content_has_an_equal_version_however_it_is_spelled() -> None:
    by_text = document(conditions={"field": "birth_date", "op": "lt", "value": "2000-01-01"})
    by_date = document(conditions={"op": "lt", "value": date(2000, 1, 1), "field": "birth_date"})
    assert by_text.version == by_date.version != document().version


# ------------------------------------------------------------------ members


def test_members_come_in_the_documents_order_with_empty_values_last() -> None:
    found = people({"rank": 2}, {"rank": None}, {"rank": 1}, {"rank": 2, "customer_id": "C0"})
    assert members(document(order_by=["rank"]), found, AS_OF)["customer_id"].to_list() == ["C3", "C0", "C1", "C2"]
    assert members(document(order_by=["-rank"]), found, AS_OF)["customer_id"].to_list() == ["C0", "C1", "C3", "C2"]


def test_candidates_without_a_needed_column_are_refused() -> None:
    with pytest.raises(KeyError, match="birth_date"):
        members(document(), people({}).drop("birth_date"), AS_OF)


def test_memberships_satisfy_the_contract() -> None:
    doc = document(conditions={"field": "band", "op": "in", "value": ["high", "medium"]})
    decided = memberships(doc, people({"band": "high"}, {"band": "low"}, {"band": None}), TODAY, AS_OF)
    AUDIENCE_MEMBERS.schema.validate(decided)
    assert decided.rows() == [("somebody", doc.version, "C1", TODAY)]


# ------------------------------------------------------------------ who may be contacted


def test_without_a_current_grant_nobody_is_contacted() -> None:
    judged = judge(people({}, {}, {}), *granted(1), *granted(2, channel="any"))
    assert (kept(judged), reasons(judged)) == (["C1", "C2"], {"no_consent": 1})


def test_consent_for_another_channel_is_none() -> None:
    doc = document(channel="wecom", identifier="external_userid")
    judged = judge(people({"external_userid": "w1"}, {"external_userid": "w2"}), *granted(1), doc=doc)
    assert (kept(judged), reasons(judged)) == ([], {"no_consent": 2})


def test_a_withdrawal_on_any_identifier_wins() -> None:
    graph = (("C1", "phone", "+8613999999999"), ("C2", "unionid", "u2"))
    withdrawals = [("phone", "+8613999999999", "any", "withdrawn"), ("unionid", "u2", "wecom", "withdrawn")]
    judged = judge(people({}, {}), *granted(1, 2), *withdrawals, graph=graph)
    assert (kept(judged), reasons(judged)) == (["C2"], {"withdrawn": 1})


def test_an_identifier_type_is_part_of_the_identifier() -> None:
    judged = judge(people({}), *granted(1), ("member_no", phone(1), "any", "withdrawn"))
    assert kept(judged) == ["C1"]


def test_somebody_who_refused_profiling_is_in_no_audience_made_from_scores() -> None:
    refused = (("phone", phone(1), "any", "withdrawn"),)
    asks = document(conditions={"field": "band", "op": "eq", "value": "high"})
    hands_out = document(columns=["score_ppm"])
    for doc in (asks, hands_out):
        judged = judge(people({}, {}), *granted(1, 2), doc=doc, profiling=refused)
        assert (kept(judged), reasons(judged)) == (["C2"], {"no_profiling": 1})
    assert kept(judge(people({}, {}), *granted(1, 2), profiling=refused)) == ["C1", "C2"]


def test_children_under_fourteen_are_left_out_whatever_was_agreed() -> None:
    births = [date(2012, 7, 1), date(2012, 7, 2), date(2026, 1, 1), date(1980, 2, 29), None]
    judged = judge(people(*({"birth_date": birth} for birth in births)), *granted(1, 2, 3, 4, 5))
    assert (kept(judged), reasons(judged)) == (["C1", "C4", "C5"], {"under_14": 2})


def test_the_do_not_contact_list_is_obeyed_by_channel() -> None:
    blocked = (("phone", phone(1), "any"), ("phone", phone(2), "sms"), ("phone", phone(3), "email"))
    judged = judge(people({}, {}, {}), *granted(1, 2, 3), blocked=blocked)
    assert (kept(judged), reasons(judged)) == (["C3"], {"suppressed": 2})


def test_nobody_is_reached_without_address_or_twice() -> None:
    doc = document(channel="email", identifier="email", order_by=["-orders_count"])
    found = people(
        {"email": "a@x", "orders_count": 1}, {"email": "a@x", "orders_count": 9}, {"email": " "}, {"email": None}
    )
    judged = judge(members(doc, found, AS_OF), *granted(1, 2, 3, 4, channel="email"), doc=doc)
    assert (kept(judged), reasons(judged)) == (["C2"], {"no_identifier": 2, "duplicate": 1})


def test_the_limit_counts_those_who_may_be_contacted() -> None:
    judged = judge(people({}, {}, {}, {}), *granted(2, 3, 4), doc=document(limit=2))
    assert (kept(judged), reasons(judged)) == (["C2", "C3"], {"no_consent": 1, "over_limit": 1})


def test_every_member_is_kept_or_counted_under_one_reason() -> None:
    found = people(*({"birth_date": date(2020, 1, 1) if n % 5 == 0 else None} for n in range(40)))
    judged = judge(found, *granted(*range(1, 30)), *(("phone", phone(n), "any", "withdrawn") for n in range(1, 9)))
    assert judged.kept.height + sum(judged.left_out.values()) == 40
    assert tuple(judged.left_out) == REASONS


def test_a_tag_or_a_reachable_channel_lets_nobody_past_the_live_ledgers() -> None:
    """The snapshot may be a day old: what it calls reachable is asked of the ledgers once more."""
    doc = document(
        conditions={
            "all": [
                {"field": "has_tag", "op": "eq", "value": "loyal"},
                {"field": "reachable_by", "op": "eq", "value": "sms"},
            ]
        }
    )
    row = {"has_tag": ["loyal", "other"], "reachable_by": ["sms", "wecom"]}
    found = members(doc, people(*[row] * 5, {**row, "has_tag": ["other"]}, {"reachable_by": ["sms"]}), AS_OF)
    assert found["customer_id"].to_list() == ["C1", "C2", "C3", "C4", "C5"]
    judged = judge(
        found,
        *granted(1, 2, 4, 5),
        ("phone", phone(2), "any", "withdrawn"),
        doc=doc,
        blocked=(("phone", phone(4), "sms"),),
        profiling=(("phone", phone(5), "any", "withdrawn"),),
    )
    assert judged.kept["customer_id"].to_list() == ["C1"]
    assert reasons(judged) == {"withdrawn": 1, "no_consent": 1, "suppressed": 1, "no_profiling": 1}
