"""The main job on the sample company: what goes in comes out, once, whatever the order and however often."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from models.contracts.published import PUBLISHED
from models.serving.pointer import read_pointer
from pipelines.lake import Lake
from pipelines.warehouse import digests
from tests.conftest import SAMPLE, Company, environment, scrm_command

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MARTS = {name for name, table in PUBLISHED.items() if table.in_digest}


def snapshot(company: Company) -> Path:
    pointer = read_pointer(company.settings.published_dir)
    assert pointer is not None
    return company.settings.published_dir / pointer.file


def marts(company: Company) -> dict[str, str]:
    return {name: digest for name, digest in digests(snapshot(company)).items() if name in MARTS}


def ask(company: Company, sql: str) -> pl.DataFrame:
    with duckdb.connect(str(snapshot(company)), read_only=True) as connection:
        return connection.sql(sql).pl()


def test_every_row_of_every_file_is_accounted_for(published_sample: Company) -> None:
    batches = ask(published_sample, "select * from batches where source like 'file:%'")
    assert batches.height == 5
    for row in batches.iter_rows(named=True):
        assert row["accepted"] + row["quarantined"] + row["skipped"] == row["rows"], row["source"]
    assert batches["quarantined"].sum() > 0, "the sample holds bad rows on purpose"


def test_published_orders_are_those_of_the_file(published_sample: Company) -> None:
    """Counted by a second, simpler reading of the file: text in, distinct order numbers out."""
    header = (SAMPLE / "orders.csv").read_text(encoding="utf-8-sig").splitlines()[0].split(",")
    text = pl.read_csv(SAMPLE / "orders.csv", infer_schema=False)
    rejected = published_sample.scrm_json("quarantine", "list")["rules"]
    bad_rows = {row["row"] for row in _rejected_rows(published_sample, "orders")}
    order, store = header.index("订单号"), header.index("门店编号")
    filled = text.with_row_index("row", offset=1).filter(
        pl.any_horizontal(pl.col(text.columns).fill_null("").str.strip_chars() != "")
        & ~pl.col("row").is_in(list(bad_rows))
    )
    expected = filled.select(text.columns[order], text.columns[store]).unique().height
    assert rejected
    assert ask(published_sample, "select count(*) from orders").item() == expected


def _rejected_rows(company: Company, dataset: str) -> list[dict]:
    lake = company.settings.lake_dir
    paths = sorted((lake / "quarantine" / dataset).glob("*.parquet"))
    return pl.concat([pl.read_parquet(path) for path in paths]).to_dicts() if paths else []


def test_settlement_gives_away_exactly_what_was_paid(published_sample: Company) -> None:
    settled = ask(
        published_sample, "select currency, sum(amount)::bigint as amount from settlement_entries group by 1 order by 1"
    )
    paid = ask(
        published_sample,
        """
        with sales as (
            select l.currency, sum(l.paid_amount) as amount from order_lines l join orders o using (order_key)
            where o.is_sale group by 1
        ),
        given_back as (select currency, sum(refund_amount) as amount from refunds group by 1)
        select s.currency, (s.amount - coalesce(g.amount, 0))::bigint as amount
        from sales s left join given_back g using (currency) order by 1
        """,
    )
    assert settled.rows() == paid.rows()


def test_running_again_changes_nothing_and_of_two_runs_at_once_one_wins(copied_sample: Callable[[], Company]) -> None:
    company = copied_sample()
    before, head = marts(company), company.scrm_json("lake", "verify")["batches"]
    repeated = company.scrm_json(
        "import", str(SAMPLE / "orders.csv"), "--as", "orders", "--map", str(SAMPLE / "orders.map.yaml")
    )
    assert repeated["repeated"] is True
    published = two_runs_at_once(company)
    assert marts(company) == before
    assert company.scrm_json("lake", "verify")["batches"] == head, "nothing new was decided"
    listed = company.scrm_json("snapshots", "list")["snapshots"]
    assert [one["current"] for one in listed] == [True, *(False for _ in range(published))]
    first = listed[-1]["version"]
    assert company.scrm_json("snapshots", "rollback", first)["publication"] == published + 2
    assert snapshot(company).name == f"serve-{first}.duckdb"
    assert "no snapshot" in company.scrm("snapshots", "rollback", "nothing", expect=1).stderr


def two_runs_at_once(company: Company) -> int:
    """How many of them published; the other said why not."""
    both = [
        subprocess.Popen(
            scrm_command("run"),
            env=environment(company.home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=600)[1] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) in ([0, 1], [0, 0]), said  # the second may start after the first has ended
    for code, words in zip(codes, said, strict=True):
        if code:
            assert "another run is building" in words
            assert "Traceback" not in words
    return codes.count(0)


def test_a_failed_model_leaves_readers_on_the_last_snapshot(copied_sample: Callable[[], Company]) -> None:
    company = copied_sample()
    before = read_pointer(company.settings.published_dir)
    broken = company.home / "rulebooks"
    shutil.copytree(company.settings.rulebooks, broken)
    text = (broken / "settlement.yaml").read_text(encoding="utf-8")
    (broken / "settlement.yaml").write_text(text.replace("rules:", "rulez:", 1), encoding="utf-8")
    said = company.scrm("run", expect=1, SCRM_RULEBOOKS=str(broken)).stderr
    assert "settlement.yaml" in said
    assert "rulez" in said
    assert read_pointer(company.settings.published_dir) == before


def test_a_gate_that_fails_leaves_readers_on_the_last_snapshot(copied_sample: Callable[[], Company]) -> None:
    company = copied_sample()
    lake = Lake(company.settings.lake_dir)
    before, decided = read_pointer(company.settings.published_dir), len(lake.files("decided", "customer_ids"))
    strict = company.home / "rulebooks"
    shutil.copytree(company.settings.rulebooks, strict)
    text = (strict / "identity.yaml").read_text(encoding="utf-8")
    (strict / "identity.yaml").write_text(
        re.sub("largest_customer: [0-9]+", "largest_customer: 1", text), encoding="utf-8"
    )
    said = company.scrm("run", expect=1, SCRM_RULEBOOKS=str(strict)).stderr
    assert "the gate allows 1. Nothing was published" in said
    assert read_pointer(company.settings.published_dir) == before
    assert len(lake.files("decided", "customer_ids")) == decided


def test_the_audience_is_exported_without_those_who_withdrew(copied_sample: Callable[[], Company]) -> None:
    company = copied_sample()
    before = company.scrm_json("audience", "export", "at_risk_with_consent")
    assert before["rows"] > 0
    exported = pl.read_csv(before["files"][0]["path"], infer_schema=False)
    phone = next(value for value in exported["phone"].to_list() if value)
    company.scrm("consents", "withdraw", "--phone", phone, "--purpose", "marketing")
    after = company.scrm_json("audience", "export", "at_risk_with_consent")
    assert after["rows"] == before["rows"] - 1
    assert phone not in pl.read_csv(after["files"][0]["path"], infer_schema=False)["phone"].to_list()
