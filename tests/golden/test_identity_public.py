"""Who is who on public data, by the shipped engine and the ready configurations, against the best known figures."""

from functools import cache

import polars as pl
import pytest

from models.documents.identity_matching import Matching
from models.identity.calibrating import labelled_cut
from models.identity.linkage import link
from models.identity.matching import Matched, NotTwoSourcesError, match
from models.identity.measuring import Quality, measure
from models.identity.model_card import model_card
from models.identity.profiles import profiles_of
from models.identity.scoring import MatchModel, NothingToLearnError, train
from tests import identity_sets
from tests.conftest import dataset

READ = {
    "febrl3": identity_sets.febrl3,
    "febrl4": identity_sets.febrl4,
    "historical_figures": identity_sets.historical_figures,
}

FAKE = Matching.model_validate(
    {
        "comparisons": [
            {"attribute": "first_name", "kind": "latin_name", "partner": "surname"},
            {"attribute": "dob", "kind": "date"},
            {"attribute": "city", "kind": "place"},
            {"attribute": "email", "kind": "text"},
        ],
        "blocking": [["first_name"], ["surname"], ["dob"], ["email"]],
        "certain": {"rules": [["first_name", "surname", "dob"], ["email"]], "recall": 0.7},
        "sample_pairs": 30_000,
    }
)


@cache
def resolved(name: str) -> tuple[pl.DataFrame, Matched, Quality]:
    """(truth, what was found, how good it is); nothing of the truth is read before the measure."""
    config = identity_sets.configuration(name)
    records = READ[name](dataset("identity"))
    profiles = profiles_of(records, config)
    found = match(profiles, config.matching, train(profiles, config.matching))
    truth = identity_sets.truth_of(records, config)
    return truth, found, measure(found.clusters, truth)


@pytest.mark.slow
def test_febrl_3() -> None:
    assert resolved("febrl3")[2].f1 >= 0.998


@pytest.mark.slow
def test_febrl_4_one_to_one() -> None:
    _, found, quality = resolved("febrl4")
    assert quality.f1 >= 0.9999
    assert quality.largest == 2
    assert found.pairs["decision"].eq("linked").sum() == quality.records - quality.clusters


@pytest.mark.slow
def test_historical_figures_without_labels() -> None:
    """Splink's demo reaches 0.8515 on these rows, GoldenMatch 0.853. Plain components make clusters of hundreds."""
    _, _, quality = resolved("historical_figures")
    assert quality.f1 >= 0.90
    assert quality.precision >= 0.96
    assert quality.largest <= 60


@pytest.mark.slow
def test_historical_figures_with_the_labels_of_one_half_on_the_other() -> None:
    truth, found, _ = resolved("historical_figures")
    known = truth.filter(pl.col("truth").hash(seed=1) % 2 == 0)
    held_out = truth.join(known, on="node", how="anti")
    matching = identity_sets.configuration("historical_figures").matching
    cut = labelled_cut(found.pairs, truth["node"], matching, known, least_precision=0.965)
    quality = measure(link(found.pairs, truth["node"], cut), held_out)
    assert quality.f1 >= 0.89
    assert quality.precision >= 0.96


@pytest.fixture(scope="module")
def fake() -> tuple[pl.DataFrame, pl.DataFrame, MatchModel]:
    records = identity_sets.fake_1000(dataset("identity")).rename({"unique_id": "unit"})
    truth = records.select(node="unit", truth="cluster")
    profiles = records.drop("cluster")
    return profiles, truth, train(profiles, FAKE)


@pytest.mark.slow
def test_shuffled_rows_give_the_same_model_pairs_and_clusters(
    fake: tuple[pl.DataFrame, pl.DataFrame, MatchModel],
) -> None:
    profiles, truth, model = fake
    found = match(profiles, FAKE, model)
    shuffled = profiles.sample(fraction=1.0, shuffle=True, seed=11)
    again = train(shuffled, FAKE)
    assert again.to_json() == model.to_json()
    repeated = match(shuffled, FAKE, MatchModel.from_json(again.to_json()))
    assert repeated.clusters.equals(found.clusters)
    assert repeated.pairs.equals(found.pairs)
    assert measure(found.clusters, truth).f1 > 0.8


@pytest.mark.slow
def test_weights_add_up_and_the_card_names_them(fake: tuple[pl.DataFrame, pl.DataFrame, MatchModel]) -> None:
    profiles, _, model = fake
    pairs = match(profiles, FAKE, model).pairs
    rate = model.settings["probability_two_random_records_match"]
    parts = pairs.select(total=pl.sum_horizontal(pl.col("^weight_.*$").cast(pl.Float64)))["total"]
    base = (pairs["weight"] - parts).unique()
    assert base.max() - base.min() < 1e-3
    assert 2 ** float(base.mean()) == pytest.approx(rate / (1 - rate), rel=0.01)
    card = model_card(model)
    assert f"Learned from 1000 profiles (fingerprint `{model.fingerprint}`) with no labels" in card
    assert card.count("| email |") == 5


@pytest.mark.slow
def test_labels_draw_the_model_towards_them(fake: tuple[pl.DataFrame, pl.DataFrame, MatchModel]) -> None:
    """Reviewers call pairs with two spellings of an e-mail one person: such a spelling must then say more."""
    profiles, truth, model = fake
    known = profiles.join(truth.rename({"node": "unit"}), on="unit")
    pairs = known.join(known, on="truth", suffix="_r").filter(
        pl.col("unit") < pl.col("unit_r"), pl.col("email") != pl.col("email_r")
    )
    labels = pairs.select(left="unit", right="unit_r", is_match=True)
    refined = train(profiles, FAKE, labels)
    assert refined.labelled_pairs == labels.height > 100
    assert share(refined, "email", "similar") > 1.5 * share(model, "email", "similar")
    assert share(refined, "email", "equal") < 0.5 * share(model, "email", "equal")
    refused = train(profiles, FAKE, labels.with_columns(is_match=False))
    assert refused.settings == model.settings


def share(model: MatchModel, attribute: str, label: str) -> float:
    """The share of matches at one level."""
    comparison = next(one for one in model.settings["comparisons"] if one["output_column_name"] == attribute)
    level = next(one for one in comparison["comparison_levels"] if one["label_for_charts"] == label)
    return float(level["m_probability"])


@pytest.mark.slow
def test_decisions_of_people_hold_and_masks_need_a_margin(fake: tuple[pl.DataFrame, pl.DataFrame, MatchModel]) -> None:
    profiles, _, model = fake
    found = match(profiles, FAKE, model)
    linked = found.pairs.filter(pl.col("decision") == "linked")
    apart = linked.select("left", "right").head(40)
    cluster = dict(match(profiles, FAKE, model, apart).clusters.rows())
    assert all(cluster[left] != cluster[right] for left, right in apart.rows())
    weak = FAKE.model_copy(update={"weak": ("email", "city"), "margin": 50.0})
    kept = match(profiles, weak, model).pairs.filter(pl.col("decision") == "linked").height
    assert 0 < kept <= linked.height


def test_rows_that_share_nothing_teach_nothing() -> None:
    strangers = pl.DataFrame({"unit": ["1", "2", "3"], "surname": ["a", "b", "c"], "email": ["x", "y", "z"]})
    with pytest.raises(NothingToLearnError, match="no certain rule"):
        train(strangers, FAKE)


def test_one_to_one_needs_two_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    one = pl.DataFrame({"unit": ["1", "2"], "source": ["a", "a"]})
    nothing = pl.DataFrame(schema={"left": pl.String, "right": pl.String, "weight": pl.Float64})
    monkeypatch.setattr("models.identity.matching.score", lambda *_: nothing)
    with pytest.raises(NotTwoSourcesError, match="the profiles are of 1: a"):
        match(one, FAKE.model_copy(update={"between": True}), MatchModel({}, "", "", 0))
