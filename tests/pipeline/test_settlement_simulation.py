"""A draft of the rulebook on past months, and then the same draft published: the one must have foretold the other.

Accidents it prevents: a simulation that answers by other rules than a run does, a draft that changes amounts although
it says the same, a proposal that its own author approves.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from models.documents.settlement import SettlementDocument
from models.serving.pointer import read_pointer
from models.settlement.months import months_between
from models.store import Store
from pipelines.jobs.simulations import ROWS
from pipelines.settlement_simulation import simulate
from pipelines.worker import Worker
from tests.conftest import Company

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MONTHS = "2026-05..2026-06"
_BY_PARTY = """
    select party_id, party_role, currency, sum(amount)::bigint as amount
    from (
        select party_id, party_role, currency, amount, economic_date from settlement_entries
        union all
        select party_id, party_role, currency, amount, economic_date from settlement_transfers
    )
    where economic_date >= date '2026-05-01' and economic_date < date '2026-07-01'
    group by all
    order by all
"""


def by_party(company: Company) -> list[tuple[str, str, str, int]]:
    pointer = read_pointer(company.settings.published_dir)
    assert pointer is not None
    with duckdb.connect(str(company.settings.published_dir / pointer.file), read_only=True) as connection:
        return connection.sql(_BY_PARTY).fetchall()


def drafted(company: Company, folder: Path) -> Path:
    """The rulebook of the folder with another brand fee."""
    text = (company.settings.rulebooks / "settlement.yaml").read_text(encoding="utf-8")
    assert "share: 12.5%" in text
    draft = folder / "draft.yaml"
    draft.write_text(text.replace("share: 12.5%", "share: 15%"), encoding="utf-8")
    return draft


def test_a_draft_that_says_the_same_changes_nothing(published_sample: Company) -> None:
    same = str(published_sample.settings.rulebooks / "settlement.yaml")
    found = published_sample.scrm_json("settlement", "simulate", same, "--periods", MONTHS)
    assert len(found["parties"]) > 10
    assert {row["difference"] for row in found["parties"] + found["rules"]} == {0}
    assert (found["orders"], found["orders_count"]) == ([], 0)


def test_what_a_draft_foretells_comes_true_when_it_is_published(
    copied_sample: Callable[[], Company], tmp_path: Path
) -> None:
    company = copied_sample()
    draft = str(drafted(company, tmp_path))
    before = by_party(company)
    told = company.scrm_json("settlement", "simulate", draft, "--periods", MONTHS)
    assert by_party(company) == before, "a simulation changes nothing"
    rows = [(row["party_id"], row["party_role"], row["currency"]) for row in told["parties"]]
    assert sorted((*key, row["amount_before"]) for key, row in zip(rows, told["parties"], strict=True)) == before
    for currency, parts in pl.DataFrame(told["parties"]).group_by("currency"):
        assert parts["difference"].sum() == 0, f"{currency}: what one gets more another gets less"
    assert max(row["difference"] for row in told["parties"]) > 1000
    assert told["orders_count"] >= len({row["order_key"] for row in told["orders"]}) > 0

    effective = ("--effective-from", "2026-05-01")
    proposed = company.scrm_json("settlement", "publish", draft, *effective, USER="ann")["proposed"]
    assert proposed == told["version"]
    assert "own" in company.scrm("settlement", "approve", proposed, expect=1, USER="ann").stderr
    company.scrm("settlement", "approve", proposed, USER="ben")
    company.scrm("run")
    after = sorted((*key, row["amount_after"]) for key, row in zip(rows, told["parties"], strict=True))
    assert by_party(company) == after


@pytest.mark.parametrize(
    ("periods", "said"), [("May", "2026-06"), ("2026-06..2026-05", "before the first"), ("2026-13", "2026-06")]
)
def test_months_are_read_or_refused_in_words(published_sample: Company, periods: str, said: str) -> None:
    draft = str(published_sample.settings.rulebooks / "settlement.yaml")
    assert said in published_sample.scrm("settlement", "simulate", draft, "--periods", periods, expect=1).stderr


def test_a_draft_with_a_gap_is_refused_by_name(published_sample: Company, tmp_path: Path) -> None:
    draft = tmp_path / "gap.yaml"
    rule = "{id: some, when: {store_type: direct}, components: [{role: hq, residual: true}]}"
    draft.write_text(f"name: gap\nrules:\n  - {rule}\n", encoding="utf-8")
    said = published_sample.scrm("settlement", "simulate", str(draft), "--periods", MONTHS, expect=1).stderr
    assert "GAP" in said


def test_the_job_of_the_page_tells_what_the_function_tells(
    copied_sample: Callable[[], Company], tmp_path: Path
) -> None:
    company = copied_sample()
    text = drafted(company, tmp_path).read_text(encoding="utf-8")
    with Store.open(company.settings.store_address) as store:
        owner = store.users.by_login("owner")
        assert owner is not None
        job = store.jobs.ask("simulate_settlement", {"draft": text, "periods": MONTHS}, owner.user_id)
        assert Worker(company.settings).work_once()
        ended = store.jobs.get(job.job_id)
    assert ended.status == "done" and ended.result is not None, ended.error
    found = simulate(company.settings, SettlementDocument.parse(text, name="draft"), *months_between(MONTHS))
    told = ended.result
    assert (told["version"], told["first"], told["until"]) == (found.version, "2026-05-01", "2026-07-01")
    assert told["parties"] == found.parties[:ROWS] and told["parties_count"] == len(found.parties)
    assert told["rules"] == found.rules[:ROWS] and told["rules_count"] == len(found.rules)
    assert (told["orders"], told["orders_count"]) == (found.orders, found.orders_count)
    assert told["unsettled"] == found.unsettled
    for row in told["moved"]:
        assert row["gained_amount"] == -row["lost_amount"], "nothing is held back, so nothing is lost on the way"
    assert max(row["gained_amount"] for row in told["moved"]) > 1000
