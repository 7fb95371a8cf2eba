"""The dbt trunk on a small lake written by hand: exact outcomes of worked cases.

Accidents it prevents: a line counted twice after a second delivery, ids that follow the order of rows, two shops'
orders under one number taken for one, money of the future, a withdrawn consent read as given, a customer owned by
staff who no longer follows, and a feature that has seen what it predicts.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from models.contracts import CONTRACTS
from models.contracts.published import PUBLISHED
from tests import dbt_runs
from tests.factories_lake import HandMadeLake, at
from tests.trunk_company import CUTOFF, hand_made

# test_settlement_sql.py; here no rule divides anything, so that the parties get nothing
OTHERS = [
    "path:tests/settlement",
    "assert_metrics_hold_together",
    "serve_settlement_entries",
    "serve_settlement_summary",
]
NOT_BUILT = {"settlement_summary", "settlement_entries"}
Tables = dict[str, pl.DataFrame]


class Warehouse:
    """Builds a lake with dbt in this process and reads every table."""

    def __init__(self, folder: Path) -> None:
        self.building = folder / "building"
        self.database = self.building / "warehouse.duckdb"
        self.target = folder / "target"
        self.results: dict[str, set[str]] = {}

    def build(self, command: str, *selection: str) -> set[str]:
        """Run dbt; returns the names of what it did. Fails with dbt's own messages."""
        return dbt_runs.passed(self.building, command, *selection, "--exclude", *OTHERS)

    def build_all(self, command: str, lake: HandMadeLake) -> None:
        """The invocations of a run; who is who is what the lake says."""
        for tag in ("identity", "links", "facts", "published"):
            found = self.build(command, "--select", f"tag:{tag}")
            if command == "build":
                self.results[tag] = found
            if tag == "identity":
                lake.decide(self.building, self.tables()["personas"])

    def tables(self) -> Tables:
        return dbt_runs.tables(self.building)

    def types(self) -> list[tuple[str, str, str]]:
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.sql(
                "select table_name, column_name, data_type from duckdb_columns() where not internal"
            ).fetchall()

    def clear(self) -> None:
        self.database.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    made = Warehouse(tmp_path_factory.mktemp("trunk"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCRM_BUILDING", str(made.building))
        patch.setenv("SCRM_WAREHOUSE", str(made.database))
        yield made


@pytest.fixture(scope="module")
def built(warehouse: Warehouse) -> Tables:
    """The lake built in the invocations of a run, with every test of the project."""
    hand_made().write(warehouse.building)
    warehouse.build_all("build", hand_made())
    return warehouse.tables()


@pytest.fixture(scope="module")
def types(warehouse: Warehouse, built: Tables) -> list[tuple[str, str, str]]:
    return warehouse.types()


@pytest.fixture(scope="module")
def shuffled(warehouse: Warehouse, built: Tables, types: object) -> Tables:
    """The same lake with the rows of every file turned round."""
    warehouse.clear()
    hand_made().write(warehouse.building, reverse_rows=True)
    warehouse.build_all("run", hand_made())
    return warehouse.tables()


@pytest.fixture(scope="module")
def truncated(warehouse: Warehouse, shuffled: Tables) -> Tables:
    """A run of the cut-off's own day, which knows nothing of what came after it."""
    warehouse.clear()
    hand_made(CUTOFF).write(warehouse.building)
    warehouse.build_all("run", hand_made(CUTOFF))
    return warehouse.tables()


def rows(table: pl.DataFrame, *columns: str, **where: object) -> list[tuple]:
    """Distinct columns of the rows that match, sorted."""
    found = table.filter(pl.col(name).eq_missing(pl.lit(value)) for name, value in where.items()) if where else table
    return found.select(columns).sort(columns, nulls_last=True).rows()


def test_each_tag_builds_its_own_tables_and_tests(warehouse: Warehouse, built: Tables) -> None:
    done = warehouse.results
    assert {"stg_files__order_lines", "personas"} <= done["identity"]
    assert {"identity_values", "identity_edges"} <= done["links"]
    assert {"customers", "orders", "churn_examples", "assert_every_line_landed_is_in_its_order"} <= done["facts"]
    assert {"serve_customers", "assert_daily_metrics_hold_all_money"} <= done["published"]
    assert "a_missing_paid_amount_is_filled_half_up_in_the_currency" in done["identity"]
    models = [name for names in done.values() for name in names if not name.startswith("assert_")]
    assert len(models) == len(set(models)), "something was built in two invocations"


def test_a_newer_batch_replaces_the_whole_order(built: Tables) -> None:
    assert rows(built["order_lines"], "order_line_id", "quantity", "paid_amount", order_key="S1:R") == [
        ("S1:R:1", Decimal("3.000"), 3000)
    ]


def test_lines_without_numbers_are_told_apart_by_content_and_occurrence(built: Tables) -> None:
    lines = built["order_lines"].filter(pl.col("order_key") == "S1:D").sort("order_line_id")
    assert lines["paid_amount"].sort().to_list() == [750, 1000, 1000]
    same = lines.filter(pl.col("product_id") == "P1")["order_line_id"].to_list()
    assert [line[-2:] for line in same] == ["-1", "-2"]
    assert same[0][:-2] == same[1][:-2]


def test_shuffled_rows_give_the_same_tables(built: Tables, shuffled: Tables) -> None:
    assert built.keys() == shuffled.keys()
    for name, table in built.items():
        columns = table.columns
        assert table.sort(columns).equals(shuffled[name].sort(columns)), name


def test_one_number_in_two_shops_is_two_orders(built: Tables) -> None:
    assert rows(built["orders"], "order_key", "customer_id", "paid_amount", order_id="77") == [
        ("S1:77", "C1", 1000),
        ("S2:77", "C2", 9900),
    ]


def test_a_refund_without_a_store_does_not_choose_between_shops(built: Tables) -> None:
    found = rows(built["refunds"], "refund_id", "order_line_id", "link_state", "store_id", "customer_id")
    assert found == [
        ("A1", "S2:77:1", "LINKED", "S2", "C2"),
        ("A2", None, "UNLINKED", "unknown", None),
        ("A4", "S1:F3:1", "LINKED", "S1", "C3"),
        ("A6", "S1:G1:1", "LINKED", "S1", "C4"),
    ], "A3 lies after as_of, A5 is of an order that was never a sale"
    assert rows(built["refunds"], "refunded_on", refund_id="A2") == [(date(2025, 6, 11),)]
    assert rows(built["orders"], "refunded_amount", order_key="S2:77") == [(300,)]


def test_an_undeclared_store_is_kept_and_marked(built: Tables) -> None:
    assert rows(built["stores"], "store_id", "region", "store_type", "timezone", is_declared=False) == [
        ("S8", "undeclared", "undeclared", "Asia/Shanghai"),
        ("unknown", "undeclared", "undeclared", "Asia/Shanghai"),
    ]
    assert rows(built["orders"], "customer_id", "paid_amount", store_id="S8") == [(None, 1000)]


def test_what_happens_at_as_of_is_left_out(built: Tables) -> None:
    ids = set(built["orders"]["order_id"])
    assert "K" in ids and "L" not in ids
    assert "customers:k9" not in set(built["identity_records"]["record_id"])
    assert built["interactions"]["occurred_at"].max() == at("2025-06-30 15:59:59")


def test_amounts_follow_the_currency_and_days_the_store(built: Tables) -> None:
    assert rows(built["orders"], "paid_amount", "ordered_on", order_id="J") == [(2, date(2025, 6, 6))]
    assert rows(built["orders"], "currency", "paid_amount", "refunded_amount", order_id="M") == [(None, None, None)]
    assert rows(
        built["serve_customer_totals"], "currency", "orders_count", "paid_amount", customer_id="C1", store_id="S2"
    ) == [
        ("CNY", 1, 1000),
        ("HKD", 1, 1000),
    ]
    assert rows(built["serve_daily_metrics"], "metric_date", "orders_count", "paid_amount", store_id="S3") == [
        (date(2025, 6, 6), 1, 2)
    ]


def test_an_unpaid_order_is_no_sale(built: Tables) -> None:
    assert rows(built["orders"], "is_sale", "sold_at", "paid_amount", order_id="N") == [(False, None, 1000)]
    assert rows(built["serve_daily_metrics"], "metric_date", metric_date=date(2025, 6, 7)) == []


def test_a_tie_of_consents_is_a_withdrawal(built: Tables) -> None:
    assert rows(built["customer_consents"], "customer_id", "channel", "state") == [
        ("C1", "sms", "withdrawn"),
        ("C2", "email", "granted"),
    ], "a consent of an identifier that nobody has stays in staging"
    assert rows(built["customers"], "customer_id", has_marketing_consent=True) == [("C2",)]
    assert built["stg_store__consents"].height == 5


def test_people_of_every_dataset_are_seen_and_dated(built: Tables) -> None:
    """A lead that came in after as_of says nothing yet; a visit of two items is one record."""
    seen = built["identity_records"].filter(pl.col("source").is_in(["leads", "visits"]))
    assert rows(seen, "record_id", "phone", "member_no", "observed_at") == [
        ("leads:L1", "+8613800000001", None, at("2025-03-01")),
        ("visits:S1:V1", None, "M3", at("2025-03-02")),
    ]
    freshness = built["serve_data_freshness"]
    assert rows(freshness, "rows_count", "last_event_at", dataset="visits") == [(2, at("2025-03-02"))]
    assert rows(freshness, "rows_count", "last_event_at", dataset="tax_rates") == [(0, None)]


def test_the_owner_is_the_earliest_follow_up_that_still_stands(built: Tables) -> None:
    assert rows(built["stg_wecom__follows"], "userid", "external_userid", is_current=False) == [("bob", "wm1")]
    owners = rows(built["customers"], "customer_id", "owner_userid", "owner_store_id", is_wecom_contact=True)
    assert owners == [("C1", "ann", "S1"), ("C2", "bob", "S2"), ("C4", "ann", "S1")]
    assert rows(built["serve_churn_scores"], "customer_id", "owner_userid", "rank") == [
        ("C1", "ann", 1),
        ("C2", "bob", 2),
    ]


def test_a_field_comes_from_the_newest_record_that_knows_it(built: Tables) -> None:
    fields = ("name", "city", "gender", "home_store_id", "unionid", "identifiers_count", "first_seen_at")
    assert rows(built["customers"], *fields, customer_id="C1") == [
        ("New", "Suzhou", "female", "S3", "un1", 3, at("2025-01-01"))
    ]


def test_records_carry_the_identifiers_that_were_seen_together(built: Tables) -> None:
    seen = built["identity_records"]
    assert rows(seen, "external_userid", "phone", "observed_at", record_id="wecom_follows:ann:wm1") == [
        ("wm1", "+8613800000001", at("2025-03-01")),
    ]
    assert rows(seen, "phone", "record", "name", record_id="customers:k1") == [
        ("+8613800000001", "customers:k1", "Old"),
    ]


def test_a_customer_is_visible_where_there_is_a_fact(built: Tables) -> None:
    assert rows(built["serve_customer_stores"], "store_id", customer_id="C1") == [("S1",), ("S2",), ("S3",)]
    assert rows(built["serve_customer_stores"], "store_id", customer_id="C5") == [("S1",)]


def test_the_timeline_has_every_source(built: Tables) -> None:
    """Of what this company landed; tests/pipeline/test_story.py has every kind."""
    assert set(built["interactions"]["kind"]) == {
        *(
            "order_placed",
            "order_paid",
            "refund",
            "contact_added",
            "registered",
            "consent_granted",
            "consent_withdrawn",
        ),
        *("lead_created", "visit_done"),
    }
    assert rows(
        built["interactions"], "object_id", "channel", "store_id", "amount", customer_id="C2", kind="order_paid"
    ) == [
        ("S1:D", "store", "S1", 2750),
        ("S1:K", "store", "S1", 1000),
        ("S2:77", "online", "S2", 9900),
    ]


def test_freshness_counts_days_before_the_business_date(built: Tables) -> None:
    freshness = built["serve_data_freshness"]
    assert rows(freshness, "rows_count", "days_behind", "last_event_at", dataset="orders") == [
        (19, 0, at("2025-06-30 15:59:59"))
    ]
    assert rows(freshness, "days_behind", dataset="consents") == [(59,)]
    assert rows(freshness, "rows_count", "days_behind", dataset="stores") == [(3, None)]
    landed = {name for name, contract in CONTRACTS.items() if contract.door != "run"}
    assert set(freshness["dataset"]) == landed, "a dataset that nobody looks after"


def test_features_and_labels_of_a_worked_customer(built: Tables) -> None:
    example = built["churn_examples"].filter(customer_id="C3", cutoff_date=CUTOFF).to_dicts()[0]
    expected = {
        "recency_days": 20.0,
        "tenure_days": 60.0,
        "orders_30": 1.0,
        "orders_90": 3.0,
        "orders_180": 3.0,
        "orders_total": 3.0,
        "active_months_365": 2.0,
        "mean_gap_days": 20.0,
        "gap_sd_days": 0.0,
        "recency_to_gap": 1.0,
        "lines_per_order_180": 1.0,
        "products_180": 1.0,
        "stores_180": 2.0,
        "online_share_180": 0.666667,
        "discount_share_180": 0.166667,
        "last_order_ratio": 2.181818,  # 40.00 of a mean of (10 + 5 + 40) / 3
        "refunds_180": 1.0,
        "refund_ratio_180": 0.333333,
        "is_contact": 0.0,
        "contact_age_days": None,
        "churned": True,
    }
    assert {name: example[name] for name in expected} == expected


def test_a_sale_at_the_cut_off_is_label_and_never_feature(built: Tables) -> None:
    examples = built["churn_examples"]
    assert rows(examples, "orders_total", "churned", customer_id="C4", cutoff_date=CUTOFF) == [(1.0, False)]
    assert rows(examples, "orders_total", "mean_gap_days", "churned", customer_id="C4", is_scoring=True) == [
        (2.0, 30.0, None)
    ]
    assert rows(examples, "as_of", customer_id="C5") == [], "C5 bought last more than 180 days before any cut-off"


def test_features_are_the_same_when_the_future_is_unknown(built: Tables, truncated: Tables) -> None:
    then, now = truncated["churn_examples"], built["churn_examples"].filter(cutoff_date=CUTOFF)
    features = [name for name in now.columns if name not in ("is_scoring", "churned")]
    assert then.height > 1
    assert then.select(features).sort("customer_id").equals(now.select(features).sort("customer_id"))
    assert then["churned"].null_count() == then.height


def test_features_change_when_the_future_leaks(built: Tables) -> None:
    """The comparison above can fail: a cut-off a week later sees another world."""
    later = built["churn_examples"].filter(is_scoring=True, customer_id="C3")
    now = built["churn_examples"].filter(cutoff_date=CUTOFF, customer_id="C3")
    assert later["orders_total"].item() == 4.0
    assert now["orders_total"].item() == 3.0
    assert later["as_of"].item() - now["as_of"].item() == timedelta(days=91)


def test_no_float_outside_the_features(types: list[tuple[str, str, str]]) -> None:
    floats = [
        (table, column) for table, column, kind in types if kind in ("DOUBLE", "FLOAT") and table != "churn_examples"
    ]
    assert floats == []


@pytest.mark.parametrize("table", sorted(set(PUBLISHED) - NOT_BUILT))
def test_published_tables_keep_their_contract(table: str, types: list[tuple[str, str, str]]) -> None:
    found = {column: kind for name, column, kind in types if name == f"serve_{table}"}
    if not found:
        assert table in {"batches", "quality_checks", "estimators", "publication", "metric_glossary"}, (
            "the publisher adds only these"
        )
        return
    assert found == PUBLISHED[table].columns
