"""A run that goes on from the one before gives the tables of a whole one, from staging to what is served.

Between the two lie a day, a month that was closed, a payment to a party, and a few corrections of every dataset.
Accidents it prevents: a table that keeps what a correction took away, a row of a closed day that moves when the
watermark does, a late fact that lands in the closed month, a payment that the statement never learns of.
"""

from datetime import date, timedelta

import duckdb

from pipelines.increments import Basis
from pipelines.lake import Lake
from pipelines.plan import RunPlan
from pipelines.sandbox.generating import Order, generate_into
from pipelines.warehouse import DATABASE, digests
from tests.conftest import Company
from tests.increments_company import correct

DAY = date(2026, 6, 10)
CLOSED = "select * exclude (is_closed) from settlement_ledger where posted_on < '2026-06-01' order by all"
FIRST_OPEN_DAY = """
    select distinct kind from settlement_ledger
    where posted_on = '2026-06-01' and component not in ('cash', 'clearing')
"""


def test_a_run_that_goes_on_gives_the_tables_of_a_whole_run(company: Company) -> None:
    lake = Lake(company.settings.lake_dir)
    generate_into(lake, Order(customers=300, seed=11, ends_on=date(2026, 6, 30), days=90, part_people=150))
    promoted = company.settings.promoted_dir
    company.scrm("run", "--business-date", DAY.isoformat())
    before, closed = RunPlan.read(promoted), _rows(company, CLOSED)
    company.scrm("settlement", "close", "2026-05")
    company.scrm("settlement", "close", "2026-W22", expect=1)  # begins in May
    for step in ("issued", "sent", "confirmed"):
        company.scrm("settlement", "mark", "2026-05", "hq", step, "--on", "2026-06-02")
    company.scrm("settlement", "mark", "2026-05", "hq", "paid", "--amount", "100.00", "--on", "2026-05-31")
    correct(lake, seed=2, rows=3)

    day = ("--business-date", (DAY + timedelta(days=1)).isoformat())
    company.scrm("run", *day)  # what people decided lands with it
    assert (basis := Basis.read(promoted)) and basis.before == before.key
    gone_on = digests(promoted / DATABASE)
    assert _rows(company, CLOSED) == closed, "closed days are as they were"
    assert {"PAID", "LATE_FACT", "ADJUSTMENT"} <= {kind for (kind,) in _rows(company, FIRST_OPEN_DAY)}
    company.scrm("run", *day, "--to-seq", str(RunPlan.read(promoted).to_seq), "--full")
    assert (basis := Basis.read(promoted)) and not basis.before
    whole = digests(promoted / DATABASE)
    assert gone_on.keys() == whole.keys()
    assert not {name: (gone_on[name], whole[name]) for name in whole if gone_on[name] != whole[name]}
    assert company.scrm_json("settlement", "verify")["problems"] == []


def _rows(company: Company, sql: str) -> list[tuple]:
    with duckdb.connect(str(company.settings.promoted_dir / DATABASE), read_only=True) as connection:
        return connection.sql(sql).fetchall()
