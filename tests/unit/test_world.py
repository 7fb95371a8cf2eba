"""The sandbox's world: reproducible, honest about its truth, its behaviour learnable but not to be read off."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import phonenumbers
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.documents.mapping import Mapping
from models.settings import PROJECT_ROOT
from pipelines.sandbox.files import DIRTY, WECOM_STATE, write_files
from pipelines.sandbox.wecom import WecomState
from pipelines.sandbox.world import DEMO_SEED, IDENTIFIERS, World, demo, sample

BUYER = [f"buyer_{name}" for name in IDENTIFIERS]
ENDS_ON = date(2026, 6, 30)


@pytest.fixture(scope="module")
def world() -> World:
    return World.generate(3_000, 5, ENDS_ON)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("sample")
    write_files(sample(), target)
    return target


def test_the_committed_sample_is_the_worlds_output_byte_for_byte(folder: Path) -> None:
    committed = PROJECT_ROOT / "data" / "sample"
    made = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    kept = {path.name: path.read_bytes() for path in sorted(committed.iterdir())}
    assert made.keys() == kept.keys()
    changed = [name for name in made if made[name] != kept[name]]
    assert changed == [], "regenerate with pipelines.sandbox.files.write_files(world.sample(), data/sample)"
    assert sum(len(content) for content in kept.values()) < 1_500_000


def test_a_seed_fixes_the_world_and_another_seed_gives_another(world: World) -> None:
    again, other = World.generate(3_000, 5, ENDS_ON), World.generate(3_000, 6, ENDS_ON)
    for name, frame in vars(world).items():
        if isinstance(frame, pl.DataFrame):
            assert frame.equals(vars(again)[name]), name
    assert not world.orders.equals(other.orders)
    assert not world.people["phone"].equals(other.people["phone"])


def test_the_demo_company_has_the_promised_size() -> None:
    company = demo()
    assert company.people.height == 20_000
    assert 100_000 <= company.orders.height <= 150_000
    assert company.follows.height > company.contacts.height > 10_000
    assert company.ends_on == ENDS_ON
    assert company.people["external_userid"].drop_nulls().is_unique().all()


def test_a_world_needs_people_and_time() -> None:
    with pytest.raises(ValueError, match="at least 60 days"):
        World.generate(10, 1, ENDS_ON, days=30)


@pytest.mark.parametrize(
    ("frame", "key"),
    [
        ("stores", ["store_id"]),
        ("staff", ["userid"]),
        ("people", ["person_id"]),
        ("members", ["record_id"]),
        ("contacts", ["external_userid"]),
        ("follows", ["userid", "external_userid"]),
        ("orders", ["store_id", "order_id"]),
        ("order_lines", ["store_id", "order_id", "line_no"]),
        ("refunds", ["refund_id", "line_no"]),
        ("consents", ["identifier", "purpose", "channel", "state"]),
        ("truth", ["identifier_type", "identifier"]),
    ],
)
def test_the_grain_of_every_frame(world: World, frame: str, key: list[str]) -> None:
    rows: pl.DataFrame = getattr(world, frame)
    assert rows.height > 0
    assert rows.select(key).null_count().sum_horizontal().item() == 0
    assert rows.select(key).is_unique().all()


def test_phones_are_valid_numbers_of_their_country(world: World) -> None:
    owned = world.people.drop_nulls("phone")
    for phone, country in owned.select("phone", "country").iter_rows():
        parsed = phonenumbers.parse(phone)
        assert phonenumbers.is_valid_number(parsed), phone
        assert phonenumbers.region_code_for_number(parsed) == country
    assert set(owned["country"]) == {"CN", "HK", "MO"}


def test_identifiers_on_facts_belong_to_the_person_of_the_truth(world: World) -> None:
    truth = world.truth
    for frame, prefix in ((world.orders, "buyer_"), (world.members, ""), (world.contacts, "")):
        for name in (n for n in IDENTIFIERS if prefix + n in frame.columns):
            stated = frame.select("person_id", pl.col(prefix + name).alias("identifier")).drop_nulls("identifier")
            owners = stated.join(truth.filter(pl.col("identifier_type") == name), on="identifier", how="left")
            assert (owners["person_id"] == owners["person_id_right"]).all()


def test_resolving_is_needed_and_possible(world: World) -> None:
    """Many people show different identifiers on different orders; through records and contacts most of them link."""
    alone = world.orders.filter(pl.sum_horizontal(pl.col(c).is_not_null() for c in BUYER) == 1)
    shown = alone.with_columns(
        pl.coalesce(pl.when(pl.col(c).is_not_null()).then(pl.lit(c)) for c in BUYER).alias("kind")
    )
    kinds = shown.group_by("person_id").agg(pl.col("kind").n_unique())
    assert (kinds["kind"] >= 2).mean() > 0.4
    anonymous = world.orders.filter(pl.all_horizontal(pl.col(c).is_null() for c in BUYER)).height
    assert 0.04 < anonymous / world.orders.height < 0.15
    assert _linked_share(world) > 0.9


def _linked_share(world: World) -> float:
    """Share of named orders in the largest cluster of their person, with exact identifiers only."""
    records = pl.concat(
        [
            world.orders.select("person_id", *(pl.col(c).alias(n) for c, n in zip(BUYER, IDENTIFIERS, strict=True))),
            world.members.select("person_id", *(n for n in IDENTIFIERS if n != "external_userid")),
            world.contacts.select("person_id", "unionid", "external_userid"),
            world.follows.select(
                "person_id", "external_userid", pl.col("remark_phone").str.replace(" ", "").alias("phone")
            ),
        ],
        how="diagonal",
    )
    label = {}

    def root(node: str) -> str:
        while label.setdefault(node, node) != node:
            node = label[node]
        return node

    for row in records.select(IDENTIFIERS).unique().iter_rows():
        found = [root(f"{kind}:{value}") for kind, value in zip(IDENTIFIERS, row, strict=True) if value is not None]
        for node in found[1:]:
            label[root(node)] = root(found[0])
    named = world.orders.filter(pl.any_horizontal(pl.col(c).is_not_null() for c in BUYER))
    clusters = [
        next(root(f"{kind}:{value}") for kind, value in zip(IDENTIFIERS, row, strict=True) if value is not None)
        for row in named.select(BUYER).iter_rows()
    ]
    sizes = named.select("person_id", pl.Series("cluster", clusters)).group_by("person_id", "cluster").len()
    owners = sizes.group_by("cluster").agg(pl.col("person_id").n_unique())
    assert (owners["person_id"] == 1).all()  # exact identifiers never join two people
    return float(sizes.group_by("person_id").agg(pl.col("len").max())["len"].sum() / named.height)


def test_money_of_lines_and_refunds_adds_up(world: World) -> None:
    lines = world.order_lines
    assert (lines["unit_price"] * lines["quantity"] == lines["discount"] + lines["paid_amount"]).all()
    assert (lines["paid_amount"] > 0).all()
    refunded = world.refunds.join(
        lines.select("store_id", "order_id", pl.col("line_no").alias("order_line_no"), "paid_amount"),
        on=["store_id", "order_id", "order_line_no"],
        how="left",
    ).join(world.orders.select("store_id", "order_id", "status", "paid_at"), on=["store_id", "order_id"], how="left")
    linked = refunded.filter(pl.col("order_line_no").is_not_null())
    assert linked["paid_amount"].null_count() == 0
    assert (linked["refund_amount"] <= linked["paid_amount"]).all()
    assert (linked["refund_amount"] < linked["paid_amount"]).any()
    assert (linked["refunded_at"] > linked["paid_at"]).all()
    assert set(linked["status_right"]) == {"finished", "shipped"}
    assert (linked["refunded_at"].dt.month() != linked["paid_at"].dt.month()).mean() > 0.2
    unlinked = refunded.filter(pl.col("order_line_no").is_null())
    assert unlinked.height > 0
    assert unlinked["status_right"].null_count() == unlinked.height


def test_facts_lie_in_the_window_and_money_in_the_stores_currency(world: World) -> None:
    start, end = datetime(2025, 6, 30, 16), datetime(2026, 6, 30, 16)  # the year in Chinese time, as UTC
    assert world.starts_on == date(2025, 7, 1)
    assert world.orders["ordered_at"].is_between(start, end, closed="left").all()
    assert world.refunds["refunded_at"].is_between(start, end, closed="left").all()
    assert (world.consents["decided_at"] < end).all()
    assert (world.follows["followed_at"] < end).all()
    assert (world.members["registered_at"] < end).all()
    placed = world.orders.join(world.stores.select("store_id", pl.col("currency").alias("of_store")), on="store_id")
    assert (placed["currency"] == placed["of_store"]).all()
    assert set(placed["currency"]) == {"CNY", "HKD", "MOP"}
    sellers = world.orders.drop_nulls("salesperson_id").join(
        world.staff.select("userid", pl.col("store_id").alias("home")), left_on="salesperson_id", right_on="userid"
    )
    assert (sellers["store_id"] == sellers["home"]).all()


def test_seasons_show_in_the_orders(world: World) -> None:
    days = world.orders.group_by((pl.col("ordered_at") + timedelta(hours=8)).dt.date().alias("day")).len()
    wave = days.filter(pl.col("day").is_between(date(2025, 11, 2), date(2025, 11, 11)))["len"].mean()
    assert wave > 1.25 * days["len"].mean()  # type: ignore[operator]


def test_churn_is_learnable_but_recency_alone_does_not_do(world: World) -> None:
    """No purchase in the next 60 days among buyers of the last 180: what a model has to find from named orders."""
    named = world.orders.filter(
        pl.any_horizontal(pl.col(c).is_not_null() for c in BUYER) & ~pl.col("status").is_in(["unpaid", "cancelled"])
    )
    first = datetime(2025, 7, 1)
    bought = named.select("person_id", (pl.col("ordered_at") - first).dt.total_days().alias("day"))
    train = pl.concat([_examples(bought, day) for day in (185, 215, 245)])
    test = _examples(bought, 305)
    churned = test["churned"].to_numpy()
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(_features(train), train["churned"].to_numpy())
    best = roc_auc_score(churned, model.predict_proba(_features(test))[:, 1])
    recency = roc_auc_score(churned, test["recency"].to_numpy())
    assert 0.20 <= churned.mean() <= 0.45
    assert 0.60 <= recency <= 0.80
    assert 0.78 <= best <= 0.90
    assert best >= recency + 0.05


def _examples(bought: pl.DataFrame, cut: int) -> pl.DataFrame:
    later = bought.filter(pl.col("day").is_between(cut, cut + 59))["person_id"].unique()
    return (
        bought.filter(pl.col("day") < cut)
        .sort("person_id", "day")
        .group_by("person_id", maintain_order=True)
        .agg(
            (cut - pl.col("day").max()).alias("recency"),
            (pl.col("day") >= cut - 180).sum().alias("frequency"),
            pl.col("day").diff().mean().fill_null(60).alias("gap"),
        )
        .filter(pl.col("recency") <= 180)
        .with_columns((~pl.col("person_id").is_in(later.implode())).alias("churned"))
    )


def _features(examples: pl.DataFrame) -> np.ndarray:
    recency, frequency, gap = (examples[name].to_numpy().astype(float) for name in ("recency", "frequency", "gap"))
    return np.column_stack([recency, np.log1p(recency), np.log1p(frequency), gap, recency / np.maximum(gap, 1)])


@pytest.mark.parametrize("name", sorted(DIRTY))
def test_every_mapping_loads_and_names_headers_of_its_file(folder: Path, name: str) -> None:
    found = Mapping.load(folder / f"{name}.map.yaml")
    header = (folder / f"{name}.csv").read_text("utf-8-sig").splitlines()[0].split(",")
    assert found.dataset == name
    assert found.sources() == set(header)


def test_files_carry_the_worlds_rows_and_the_dirt_on_purpose(folder: Path) -> None:
    world = World.generate(300, DEMO_SEED, ENDS_ON)
    text = (folder / "orders.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    assert b"\r\n\r\n" in text
    orders = pl.read_csv(text, infer_schema=False)
    clean = orders.filter(~pl.col("订单号").str.starts_with("DIRTY") & pl.col("订单号").is_not_null())
    assert clean.height == world.order_lines.height
    assert clean["实付金额"].cast(pl.Decimal(18, 2)).sum() * 100 == world.order_lines["paid_amount"].sum()
    assert orders.filter(pl.col("订单号").str.starts_with("DIRTY")).height == len(DIRTY["orders"])
    refunds = pl.read_csv(folder / "refunds.csv", infer_schema=False)
    assert refunds.height == world.refunds.height + len(DIRTY["refunds"])


def test_wecom_state_holds_every_follow_up(folder: Path) -> None:
    world = World.generate(300, DEMO_SEED, ENDS_ON)
    state = WecomState.read(folder / WECOM_STATE)
    assert sum(len(entries) for entries in state.contacts.values()) == world.follows.height
    assert set(state.contacts) <= set(state.follow_users)
    names = {one["id"]: one["name"] for one in state.departments}
    of_staff = {one["userid"]: names[one["main_department"]] for one in state.staff}
    in_stores = world.staff.drop_nulls("store_id")
    assert {u: of_staff[u] for u in in_stores["userid"]} == dict(in_stores.select("userid", "store_id").iter_rows())
