"""The probabilistic pass of a run: what rules left apart is compared, and who is likely one person becomes one.

A buyer whom a platform hides behind 138****1234, 王** and a district meets the customer who owns that phone. It learns
on personas, as they were before rules merged any, and scores the groups that rules made. Candidates are pairs in which
at least one side is not known (``known_by``), and pairs of known ones that agree in something strong, such as a date of
birth. Masked phones alone never link: see ``weak``, ``margin`` and ``least_orders`` of the document.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import reduce
from math import log2
from operator import or_

import polars as pl

from models.documents.identity import IdentityRegistry
from models.documents.identity_matching import LikelyMatching
from models.identity.comparing import AGREEMENT
from models.identity.likely_profiles import GROUP, of_groups, of_personas, read_personas
from models.identity.linkage import ambiguous, link
from models.identity.profiles import ID
from models.identity.scoring import MatchModel, NothingToLearnError, score, train

_SIDES = ("left", "right")
_TELLING = ["phone", "name", "birth_date", "city", "receiver_name", "receiver_phone"]  # the others state ids alone
_RATE = "probability_two_random_records_match"


@dataclass(frozen=True)
class Likely:
    """links: left_persona, right_persona (the first persona of each of two groups, the smaller left), probability,
    weight (log2 of the odds), decision (``linked``, ``review``: for people, ``apart``: a unique identifier or people
    say so), evidence (JSON: attribute, level, label, weight; the weights add up), model_id; sorted; one row per pair.

    model: what scored, null when nothing was compared; why says the reason then.
    """

    links: pl.DataFrame
    model: MatchModel | None
    why: str | None = None


def likely_links(
    personas: pl.DataFrame | pl.LazyFrame,
    usable: pl.DataFrame,
    groups: pl.DataFrame,
    registry: IdentityRegistry,
    model: MatchModel | None = None,
    apart: pl.DataFrame | None = None,
    labels: pl.DataFrame | None = None,
) -> Likely:
    """Compare groups of personas by the registry's ``matching``; without a model one is learned first.

    personas: the model ``personas``. usable: persona_id, identifier_type, identifier of identifiers that are
    somebody's. groups: persona_id, group; personas that are not there are not compared. apart: persona_id,
    decision_id, side (people's decisions, ``Said.apart``). labels: left, right, is_match (pairs of personas that people
    judged). Deterministic: neither the order of the rows nor the names of the groups matter. Too little to learn from,
    or nothing to compare, is no error: no links.
    """
    matching = registry.matching
    if matching is None:
        return _nothing(model, "the registry says nothing of matching", personas)
    named = _named(groups, usable, matching)
    phones = usable.filter(pl.col("identifier_type") == "phone").select("persona_id", phone="identifier")
    read = read_personas(personas.lazy().filter(reduce(or_, (pl.col(name).is_not_null() for name in _TELLING))), phones)
    profiles = of_groups(read, named.select("persona_id", GROUP)).join(
        named.select(GROUP, "is_known").unique(), on=GROUP, maintain_order="left"
    )
    if not _worth_it(profiles):
        return _nothing(model, "nothing to compare", personas)
    if model is None:
        try:
            model = learned(read, named, matching, labels)
        except NothingToLearnError as error:
            return _nothing(None, str(error), personas)
    pairs = _candidates(score(profiles.drop(GROUP, "orders", "is_known"), matching, model), profiles, matching, model)
    conflicts = _conflicts(pairs, named, usable, registry, apart)
    possible = pairs.join(conflicts, on=[*_SIDES], how="anti")
    held_back = _held_back(possible, _accounts(named, usable, matching), matching)
    return Likely(_decided(pairs, possible, held_back, conflicts, matching, model), model)


def learned(
    read: pl.DataFrame, named: pl.DataFrame, matching: LikelyMatching, labels: pl.DataFrame | None = None
) -> MatchModel:
    """A model of personas. Of large companies it learns from a part: the groups that come first, whose names are
    hashes. The base rate is that of the pass: of two groups, one of them hidden, the hidden one is one of the known.

    Raises NothingToLearnError when they hold too little.
    """
    everybody = named.select(pl.col(GROUP).unique()).to_series().sort()
    some = everybody.head(matching.training_customers)
    chosen = named.filter(pl.col(GROUP).is_in(some.implode()))
    if labels is not None:
        everyone = read["persona_id"].cast(pl.String).implode()
        labels = labels.filter(pl.all_horizontal(pl.col(side).is_in(everyone) for side in _SIDES))
        judged = pl.concat([labels[side] for side in _SIDES]).implode()
        more = named.filter(pl.col("persona_id").cast(pl.String).is_in(judged))
        chosen = pl.concat([chosen, more]).unique("persona_id")
    model = train(of_personas(read.join(chosen, on="persona_id", how="semi")), matching, labels)
    known = named.filter("is_known")[GROUP].n_unique()
    return replace(model, settings=model.settings | {_RATE: float(f"{1 / max(known, 2):.9g}")})


def model_id(model: MatchModel) -> str:
    """First 16 hex digits of the sha256 of the model: equal models, equal ids."""
    return hashlib.sha256(model.to_json().encode()).hexdigest()[:16]


def _nothing(model: MatchModel | None, why: str, personas: pl.DataFrame | pl.LazyFrame) -> Likely:
    persona = personas.collect_schema()["persona_id"]
    schema = {
        **dict.fromkeys(("left_persona", "right_persona"), persona),
        **dict.fromkeys(("probability", "weight"), pl.Float64()),
        **dict.fromkeys(("decision", "evidence", "model_id"), pl.String()),
    }
    return Likely(pl.DataFrame(schema=schema), model, why)


def _named(groups: pl.DataFrame, usable: pl.DataFrame, matching: LikelyMatching) -> pl.DataFrame:
    """persona_id, group (its first persona), is_known."""
    named = groups.select("persona_id", pl.col("persona_id").min().over(GROUP).alias(GROUP))
    known = usable.filter(pl.col("identifier_type").is_in(matching.known_by)).select("persona_id")
    owners = named.join(known, on="persona_id", how="semi").select(pl.col(GROUP).unique())
    return named.join(owners.with_columns(is_known=pl.lit(value=True)), on=GROUP, how="left").with_columns(
        pl.col("is_known").fill_null(value=False)
    )


def _worth_it(profiles: pl.DataFrame) -> bool:
    """Is there a pair that could become a link: a masked phone beside another, or a name and a date twice?"""
    hidden = profiles.filter(~pl.col("is_known")).select("phone_mask").drop_nulls()
    met = profiles.join(hidden, on="phone_mask", how="semi").select(GROUP, "phone_mask").unique()
    born = profiles.drop_nulls(["name", "birth_date"]).select(GROUP, "name", "birth_date").unique()
    return bool(met["phone_mask"].is_duplicated().any() or born.drop(GROUP).is_duplicated().any())


def _candidates(
    scored: pl.DataFrame, profiles: pl.DataFrame, matching: LikelyMatching, model: MatchModel
) -> pl.DataFrame:
    """Pairs of groups, the best of their profiles: left, right (groups, left < right), left_orders, right_orders,
    strong (agrees in something that is not weak), and what ``score`` gives. Two known ones without a strong agreement
    are no candidates."""
    facts = profiles.select(ID, GROUP, "is_known", "orders")
    pairs = scored
    for side in _SIDES:
        renamed = facts.select(pl.col(ID).alias(side), pl.exclude(ID).name.prefix(f"{side}_"))
        pairs = pairs.join(renamed, on=side, maintain_order="left")
    strong = [
        pl.col(f"level_{name}") == _equal_level(model, name)
        for name in (one.attribute for one in matching.comparisons if not set(one.columns) & set(matching.weak))
    ]
    return (
        pairs.with_columns(strong=pl.any_horizontal(strong) if strong else pl.lit(value=False))
        .filter(
            pl.col("left_group") != pl.col("right_group"),
            pl.col("strong") | ~(pl.col("left_is_known") & pl.col("right_is_known")),
        )
        # units are numbered by group, so that the left one's group comes first
        .sort("left_group", "right_group", "weight", *_SIDES, descending=[False, False, True, False, False])
        .unique(["left_group", "right_group"], keep="first", maintain_order=True)
        .drop(*_SIDES, "left_is_known", "right_is_known")
        .rename({"left_group": "left", "right_group": "right"})
    )


def _equal_level(model: MatchModel, attribute: str) -> int:
    """The number of the level at which values are equal: Splink counts from the worst (0) to the best."""
    levels = _levels(model, attribute)
    return max((number for number, label in levels.items() if label in AGREEMENT), default=len(levels))


def _levels(model: MatchModel, attribute: str) -> dict[int, str]:
    """Labels of the levels of a comparison by their number."""
    (comparison,) = (one for one in model.settings["comparisons"] if one["output_column_name"] == attribute)
    stated = [one["label_for_charts"] for one in comparison["comparison_levels"] if not one.get("is_null_level")]
    return dict(enumerate(reversed(stated)))


def _conflicts(
    pairs: pl.DataFrame,
    named: pl.DataFrame,
    usable: pl.DataFrame,
    registry: IdentityRegistry,
    apart: pl.DataFrame | None,
) -> pl.DataFrame:
    """left, right: pairs of groups that hold different values of a unique identifier, or that people keep apart."""
    unique = [kind.name for kind in registry.identifiers if kind.unique]
    held = (
        usable.filter(pl.col("identifier_type").is_in(unique))
        .join(named, on="persona_id")
        .select(GROUP, "identifier_type", "identifier")
        .unique()
    )
    differing = pairs.select(*_SIDES).join(held.rename({GROUP: "left"}), on="left")
    differing = differing.join(held.rename({GROUP: "right"}), on=["right", "identifier_type"], suffix="_right")
    # a group in which two values stand already takes neither of them as its only one
    found = [
        differing.group_by(*_SIDES, "identifier_type")
        .agg(agrees=(pl.col("identifier") == pl.col("identifier_right")).any())
        .filter(~pl.col("agrees"))
        .select(*_SIDES)
    ]
    if apart is not None and apart.height:
        sides = apart.join(named, on="persona_id").select("decision_id", "side", GROUP).unique()
        across = sides.join(sides, on="decision_id", suffix="_right").filter(pl.col("side") != pl.col("side_right"))
        ends = (GROUP, f"{GROUP}_right")
        found.append(across.select(left=pl.min_horizontal(*ends), right=pl.max_horizontal(*ends)))
    return pl.concat(found).unique()


def _accounts(named: pl.DataFrame, usable: pl.DataFrame, matching: LikelyMatching) -> pl.DataFrame:
    """group, account (type and application), identifier: what applications call the groups."""
    application = pl.when(pl.col("identifier").str.contains(":", literal=True)).then(
        pl.col("identifier").str.split(":").list.first()
    )
    return (
        usable.filter(pl.col("identifier_type").is_in(matching.one_each))
        .join(named, on="persona_id")
        .select(
            GROUP,
            account=pl.concat_str(pl.col("identifier_type").cast(pl.String), application.fill_null(""), separator=":"),
            identifier="identifier",
        )
        .unique()
    )


def _held_back(possible: pl.DataFrame, accounts: pl.DataFrame, matching: LikelyMatching) -> pl.DataFrame:
    """left, right, waits: pairs that agree in weak attributes only, and for which that is not enough. Of those that
    wait (a buyer of too few orders) the next orders will tell; the others are for people."""
    doubtful = possible.filter(~pl.col("strong"))
    buyers = accounts[GROUP].unique().implode()
    few = [pl.col(side).is_in(buyers) & (pl.col(f"{side}_orders") < matching.least_orders) for side in _SIDES]
    waiting = doubtful.filter(pl.any_horizontal(few)).select(*_SIDES)
    compared = [one.attribute for one in matching.comparisons]
    agreements = pl.sum_horizontal((pl.col(f"weight_{name}") > 0) & (pl.col(f"level_{name}") > 0) for name in compared)
    scarce = doubtful.filter(agreements < 2).select(*_SIDES)
    crowded = _crowded(doubtful.filter(pl.col("weight") >= 0), accounts)
    left_over = possible.join(pl.concat([waiting, scarce, crowded]), on=[*_SIDES], how="anti")
    likely = left_over.filter(pl.col("weight") >= -matching.margin)
    unclear = ambiguous(likely, left_over.filter(~pl.col("strong"), pl.col("weight") >= 0), matching.margin)
    held_back = pl.concat([waiting, scarce, crowded, unclear]).unique()
    return held_back.join(waiting.with_columns(waits=pl.lit(value=True)), on=[*_SIDES], how="left")


def _crowded(doubtful: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """left, right: pairs that would give a group two names in one application, but for the one of most orders."""
    both = doubtful.select(*_SIDES).join(accounts.rename({GROUP: "left"}), on="left")
    both = both.join(accounts.rename({GROUP: "right"}), on=["right", "account"], suffix="_right")
    twice = both.filter(pl.col("identifier") != pl.col("identifier_right")).select(*_SIDES).unique()
    others = doubtful.join(twice, on=[*_SIDES], how="anti")
    sides = [
        others.select(*_SIDES, fits=fits, buyer=buyer, orders=f"{name}_orders")
        for fits, buyer, name in (("left", "right", "right"), ("right", "left", "left"))
    ]
    fitting = pl.concat(sides).join(accounts.select(GROUP, "account").unique(), left_on="buyer", right_on=GROUP)
    place = ["fits", "account"]
    orders = pl.col("orders").fill_null(0)
    is_most = orders == orders.max().over(place)
    losers = fitting.filter(~is_most | (is_most.sum().over(place) > 1))
    return pl.concat([twice, losers.select(*_SIDES)]).unique()


def _decided(
    pairs: pl.DataFrame,
    possible: pl.DataFrame,
    held_back: pl.DataFrame,
    conflicts: pl.DataFrame,
    matching: LikelyMatching,
    model: MatchModel,
) -> pl.DataFrame:
    """The links of Likely: pairs from ``review_from`` up."""
    clusters = _clusters(possible.join(held_back, on=[*_SIDES], how="anti"), matching)
    same = pl.col("left_cluster") == pl.col("right_cluster")
    waiting = held_back.filter("waits")
    kept = pairs.filter(pl.col("weight") >= min(matching.review_from, 0.0)).join(waiting, on=[*_SIDES], how="anti")
    for side in _SIDES:
        kept = kept.join(clusters.rename({"node": side, "cluster": f"{side}_cluster"}), on=side, how="left")
    marked = kept.join(conflicts.with_columns(is_apart=pl.lit(value=True)), on=[*_SIDES], how="left")
    decision = (
        pl.when(pl.col("is_apart"))
        .then(pl.lit("apart"))
        .when(same)
        .then(pl.lit("linked"))
        .when(pl.col("weight") >= matching.review_from)
        .then(pl.lit("review"))
    )
    return (
        marked.with_columns(decision.alias("decision"))
        .drop_nulls("decision")
        .sort(_SIDES)
        .select(
            *(pl.col(side).alias(f"{side}_persona") for side in _SIDES),
            "probability",
            "weight",
            "decision",
            _evidence(matching, model),
            pl.lit(model_id(model)).alias("model_id"),
        )
    )


def _clusters(clear: pl.DataFrame, matching: LikelyMatching) -> pl.DataFrame:
    """node, cluster of the groups in pairs that could be links."""
    places = pl.concat([clear["left"], clear["right"]]).unique().sort().rename("node").to_frame().with_row_index("at")
    named = places.select("node", pl.col("at").cast(pl.String).str.zfill(10))
    numbered = clear.select(*_SIDES, "weight")
    for side in _SIDES:
        numbered = numbered.join(named.rename({"node": side, "at": f"{side}_at"}), on=side)
    cut = 0.0 if matching.cut is None else matching.cut
    found = link(
        numbered.select(left="left_at", right="right_at", weight="weight"),
        named["at"],
        cut,
        absent=matching.least_weight,
        most=matching.most_weight,
    )
    return named.join(found.rename({"node": "at"}), on="at").select("node", "cluster")


def _evidence(matching: LikelyMatching, model: MatchModel) -> pl.Expr:
    """JSON: the base rate, then each comparison of which both sides state something."""
    rate = model.settings[_RATE]
    base = pl.struct(
        attribute=pl.lit("base_rate"),
        level=pl.lit(0, pl.Int64),
        label=pl.lit("two at random"),
        weight=pl.lit(round(log2(rate / (1 - rate)), 3)),
    )
    parts = [pl.concat_list(base)]
    for name in (one.attribute for one in matching.comparisons):
        level = pl.col(f"level_{name}").cast(pl.Int64)
        part = pl.struct(
            attribute=pl.lit(name),
            level=level,
            label=level.replace_strict(_levels(model, name), default=None, return_dtype=pl.String),
            weight=pl.col(f"weight_{name}").cast(pl.Float64).round(3),
        )
        parts.append(pl.concat_list(pl.when(level >= 0).then(part)))
    listed = pl.struct(of=pl.concat_list(parts).list.drop_nulls())
    return listed.struct.json_encode().str.strip_prefix('{"of":').str.strip_suffix("}").alias("evidence")
