"""A run that goes on from the one before gives the tables of a whole one, from staging to what is served."""

from datetime import date, timedelta

from pipelines.increments import Basis
from pipelines.lake import Lake
from pipelines.plan import RunPlan
from pipelines.sandbox.generating import Order, generate_into
from pipelines.warehouse import DATABASE, digests
from tests.conftest import Company
from tests.increments_company import correct

DAY = date(2026, 6, 10)


def test_a_run_that_goes_on_gives_the_tables_of_a_whole_run(company: Company) -> None:
    """Between the two lie a day and a few corrections of every dataset: most customers are as they were."""
    lake = Lake(company.settings.lake_dir)
    generate_into(lake, Order(customers=300, seed=11, ends_on=date(2026, 6, 30), days=90, part_people=150))
    promoted = company.settings.promoted_dir
    company.scrm("run", "--business-date", DAY.isoformat())
    before = RunPlan.read(promoted)
    correct(lake, seed=2, rows=3)

    day = ("--business-date", (DAY + timedelta(days=1)).isoformat(), "--to-seq", str(lake.head()))
    company.scrm("run", *day)
    assert (basis := Basis.read(promoted)) and basis.before == before.key
    gone_on = digests(promoted / DATABASE)
    company.scrm("run", *day, "--full")
    assert (basis := Basis.read(promoted)) and not basis.before
    whole = digests(promoted / DATABASE)
    assert gone_on.keys() == whole.keys()
    assert not {name: (gone_on[name], whole[name]) for name in whole if gone_on[name] != whole[name]}
