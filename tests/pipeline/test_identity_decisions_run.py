"""A decision of a person, all the way: from the command to the published customer, and back.

Accidents it prevents: a merge that opens a closed door (one of the two had withdrawn), an undo that leaves people with
other ids than before, and a history that forgets why.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from models.serving.pointer import read_pointer
from pipelines.warehouse import digests
from tests.conftest import Company

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Of those who are known by a member number alone: who withdrew from marketing, and who granted it.
_WITH = """
    select customer_id from customer_consents
    where purpose = 'marketing' and channel = 'any' and state = '{}'
    and customer_id in (
        select customer_id from customer_identifiers group by customer_id
        having count(*) filter (identifier_type = 'unionid') = 0
        and count(*) filter (identifier_type = 'member_no') = 1
    )
    order by decided_at {} limit 1
"""


def ask(company: Company, sql: str) -> pl.DataFrame:
    pointer = read_pointer(company.settings.published_dir)
    assert pointer is not None
    with duckdb.connect(str(company.settings.published_dir / pointer.file), read_only=True) as connection:
        found: pl.DataFrame = connection.sql(sql).pl()
    return found


def people(company: Company) -> dict[str, str]:
    """Customers by the digests of what they are: identifiers with their customers."""
    pointer = read_pointer(company.settings.published_dir)
    assert pointer is not None
    found = digests(company.settings.published_dir / pointer.file)
    return {name: found[name] for name in ("customers", "customer_identifiers", "customer_consents", "orders")}


def test_a_decision_acts_in_the_next_run_and_an_undo_leaves_no_trace(copied_sample: Callable[[], Company]) -> None:
    company = copied_sample()
    before = people(company)
    withdrew = ask(company, _WITH.format("withdrawn", "asc")).item()
    granted = ask(company, _WITH.format("granted", "desc")).item()
    said = company.scrm_json("identity", "decide", "same", withdrew, granted, "--reason", "one person, two cards")
    assert "next run" in said["next"]
    assert people(company) == before
    company.scrm("run")

    events = ask(company, "select kind, customer_id, previous_id, cause from identity_events")
    ((kind, active, previous, cause),) = events.rows()
    assert (kind, {active, previous}, cause) == ("merge", {withdrew, granted}, "people")
    left = ask(company, f"select customer_id from customers where customer_id in ('{withdrew}', '{granted}')")
    assert left["customer_id"].to_list() == [active]
    of_active = f"customer_id = '{active}' and purpose = 'marketing' and channel = 'any'"
    state = ask(company, f"select state from customer_consents where {of_active}")
    assert state["state"].to_list() == ["withdrawn"], "a merge keeps the most restrictive consent"
    consent = f"select has_marketing_consent from customers where customer_id = '{active}'"
    assert not ask(company, consent).item()

    company.scrm("identity", "undo", str(said["decision"]), "--reason", "they are cousins")
    company.scrm("run")
    assert people(company) == before, "ids and everything else as they were"
    kinds = ask(company, "select kind, customer_id, previous_id, cause from identity_events order by kind")
    assert kinds.rows()[1] == ("split", previous, active, "people")


def test_the_registry_of_today_as_a_draft_changes_nothing_and_one_with_a_rule_less_does(
    published_sample: Company, tmp_path: Path
) -> None:
    current = published_sample.settings.rulebooks / "identity.yaml"
    same = published_sample.scrm_json("identity", "simulate", str(current))
    assert same["customers_before"] == same["customers_after"] > 0
    assert (same["merges"], same["splits"], same["customers_affected"], same["moved"]) == (0, 0, 0, [])
    rules = current.read_text(encoding="utf-8").splitlines()
    draft = tmp_path / "draft.yaml"
    draft.write_text("\n".join(line for line in rules if "name: same_member," not in line), encoding="utf-8")
    less = published_sample.scrm_json("identity", "simulate", str(draft))
    assert less["splits"] > 0
    assert less["customers_after"] > same["customers_after"] == less["customers_before"]
    assert all("same_member: no such link any more" in one["because"] for one in less["split_examples"])
    assert any(one["currency"] == "CNY" and one["orders"] > 0 for one in less["moved"])
