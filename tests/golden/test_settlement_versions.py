"""Which version of the rulebook a day takes, by hand: the newest that is known and effective on it (I14)."""

from datetime import date

import pytest

from models.documents.settlement import SettlementDocument
from models.settlement.evaluate import Place, Sale, settle
from models.settlement.versions import Version, compile_versions, in_force, rules_in_force, spans

JUNE, JULY, AUGUST = date(2026, 6, 1), date(2026, 7, 1), date(2026, 8, 1)


def _book(share: str, *, until: str | None = None) -> SettlementDocument:
    rest = {"role": "store", "residual": True}
    rule = {"id": "brand", "components": [{"role": "hq", "share": share}, rest], "valid_to": until}
    return SettlementDocument.model_validate(
        {"name": share, "rules": [rule], "default": {"id": "none", "components": [rest]}}
    )


FIRST, SECOND, THIRD = _book("10%"), _book("12%"), _book("15%")


def _hq(versions: list[Version], day: date) -> int:
    sale = Sale("L", "O", Place("S1", "华南", "franchise", "retail"), 40000, "CNY", day)
    return sum(entry.amount for entry in settle([sale], [], rules_in_force(versions))[0] if entry.party_id == "hq")


def test_a_version_holds_from_its_day_until_a_newer_one_does() -> None:
    known = [Version(FIRST, 1), Version(SECOND, 7, JULY)]
    assert [(span.version.document.name, span.holds_from, span.holds_to) for span in spans(known)] == [
        ("10%", None, JULY),
        ("12%", JULY, None),
    ]
    assert [_hq(known, day) for day in (JUNE, date(2026, 6, 30), JULY)] == [4000, 4000, 4800]
    assert in_force(known, JUNE) == known[0]
    assert in_force(known[1:], JUNE) is None


def test_one_that_reaches_back_takes_the_days_of_those_before_it() -> None:
    """Version 2 held from July; version 3, known later, from June: nothing is left of 2, whatever its day says."""
    known = [Version(FIRST, 1), Version(SECOND, 7, JULY), Version(THIRD, 9, JUNE)]
    assert [(span.version.document.name, span.holds_from) for span in spans(known)] == [("10%", None), ("15%", JUNE)]
    assert [_hq(known, day) for day in (date(2026, 5, 31), JUNE, AUGUST)] == [4000, 6000, 6000]
    assert [_hq(known[:2], day) for day in (date(2026, 5, 31), JUNE, AUGUST)] == [4000, 4000, 4800], "as known before 9"


def test_going_back_gives_one_content_two_spans_and_its_rules_one_row() -> None:
    known = [Version(FIRST, 1), Version(SECOND, 7, JULY), Version(FIRST, 9, AUGUST)]
    assert [_hq(known, day) for day in (JUNE, JULY, AUGUST)] == [4000, 4800, 4000]
    tables = compile_versions(known)
    assert tables["settlement_versions"].rows() == [
        (FIRST.version, 1, None, None, JULY),
        (SECOND.version, 7, JULY, JULY, AUGUST),
        (FIRST.version, 9, AUGUST, AUGUST, None),
    ]
    assert tables["settlement_rules"].select("rule_version", "rule_id", "component_seq").is_duplicated().any() is False


def test_a_rule_holds_where_its_own_days_and_its_versions_meet() -> None:
    known = [Version(_book("10%", until="2026-07-15"), 1), Version(SECOND, 7, AUGUST)]
    assert [_hq(known, day) for day in (JULY, date(2026, 7, 15), AUGUST)] == [4000, 0, 4800]
    with pytest.raises(ValueError, match="no version"):
        compile_versions([])
