"""The probabilistic pass: how likely two profiles are one person, by Splink 5 on DuckDB.

Fellegi-Sunter with frequencies of values. What strangers share is counted on random pairs, what one person's profiles
share is learned by expectation maximisation on several blockings and refined by labelled pairs. The same profiles,
document and labels give the same model and the same pairs, whatever the order of the rows.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import polars as pl
from splink import DuckDBAPI, Linker

from models.documents.identity_matching import Matching
from models.errors import ExpectedError
from models.identity.comparing import AGREEMENT, comparison_settings, rule_sql
from models.identity.profiles import ID, SOURCE, fingerprint, prepare

_EM_PAIRS = 1_000_000  # pairs of one block that are read: more did not move a share in the third digit
_LEAST_M = 1e-3  # a thousandth of all matches: what no sample shows must not forbid a match on its own
_LEAST_U = 1e-6  # a millionth of all strangers: below this a random sample shows nothing
_ROW = "row_number"  # rows are known by their place among the sorted units: joins on text cost a third more
_DIGITS = 9  # sums over threads differ in the last bits of a float; a model must not
#: Rounds of learning. Where people are told apart without a doubt, a share shrinks with each round until it is zero,
#: which Splink refuses; a few rounds tell as much then.
_ROUNDS = (50, 5, 1)
_UNDERFLOW = "below the minimum allowed value"
_LABELS_WORTH = 200  # labelled matches that weigh as much as what was learned without them


class NothingToLearnError(ExpectedError, ValueError):
    """The profiles hold too little to train on; the message says what is missing."""


@dataclass(frozen=True)
class MatchModel:
    """A trained model: Splink's settings with their shares, and on what it was trained.

    ``fingerprint``: of the prepared profiles; ``labelled_pairs``: how many matches refined it.
    """

    settings: dict[str, Any]
    fingerprint: str
    document_version: str
    rows: int
    labelled_pairs: int = 0

    def to_json(self) -> str:
        """Canonical JSON: equal models, equal bytes."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "MatchModel":
        """The model that ``to_json`` wrote. Raises ValueError or TypeError when the text is no model."""
        return cls(**json.loads(text))


def train(profiles: pl.DataFrame, matching: Matching, labels: pl.DataFrame | None = None) -> MatchModel:
    """Learn a model. profiles: unit and one column per attribute; labels: left, right, is_match (pairs of units).

    The profiles must be those from before rules merged any (personas): what rules leave over shows hardly any matches,
    and a model of that takes relatives for one person. The model then scores profiles of merged units as well.
    Without labels nothing but the profiles is read. With them the shares of agreement among matches are drawn towards
    those of the labelled matches, the more of them the closer. Raises NothingToLearnError when no certain rule or no
    training block holds a pair.
    """
    frame = prepare(profiles, matching)
    matches = pl.DataFrame() if labels is None else labels.filter(pl.col("is_match"))
    settings = _learned(frame, matching)
    if matches.height:
        settings = _refined(settings, _labelled(frame, settings, matches), matches.height)
    return MatchModel(
        settings=_settled(settings),
        fingerprint=fingerprint(frame),
        document_version=matching.version,
        rows=frame.height,
        labelled_pairs=matches.height,
    )


def score(profiles: pl.DataFrame, matching: Matching, model: MatchModel) -> pl.DataFrame:
    """Pairs of the blocks: left, right (left < right), probability, weight, level_<attribute>, weight_<attribute>.

    weight is log2 of the odds, and is the sum of the base rate's and of the weights of the comparisons; probability is
    the same as a share. A level is -1 when a side does not state the value, 0 when the values differ, and grows with
    agreement. Pairs below ``least_weight`` are left out. Sorted by left, right.
    """
    frame = prepare(profiles, matching)
    names = [comparison.attribute for comparison in matching.comparisons]
    with _session(frame, model.settings) as session:
        found = session.linker.inference.predict(threshold_match_weight=matching.least_weight, warning_mode="never")
        kept = {column.name.strip('"') for column in found.columns}
        columns = ", ".join(_level_and_weight(name, f"mw_tf_adj_{name}" in kept) for name in names)
        pairs: pl.DataFrame = session.connection.sql(
            f"select {_ROW}_l as i, {_ROW}_r as j, round(match_probability, 9) as probability,"  # noqa: S608
            f" round(match_weight, 6) as weight, {columns} from {found.physical_name} order by i, j"
        ).pl()
    left, right = (frame[ID].gather(pairs[side]).alias(name) for side, name in (("i", "left"), ("j", "right")))
    return pairs.select(left, right, pl.exclude("i", "j"))


def _level_and_weight(name: str, has_frequency: bool) -> str:
    weight = f'"mw_{name}" + "mw_tf_adj_{name}"' if has_frequency else f'"mw_{name}"'
    return f'"gamma_{name}"::tinyint as "level_{name}", round({weight}, 6)::float as "weight_{name}"'


def _learned(frame: pl.DataFrame, matching: Matching) -> dict[str, Any]:
    """The settings with the shares that were learned without labels."""
    for rounds in _ROUNDS:
        with _session(frame, _untrained(matching, rounds)) as session:
            _base_rate(session, matching)
            training = session.linker.training
            training.estimate_u_using_random_sampling(max_pairs=matching.sample_pairs, seed=matching.seed)
            try:
                _learn(session, matching)
            except ValueError as error:
                if _UNDERFLOW not in str(error) or rounds == _ROUNDS[-1]:
                    raise
            else:
                settings: dict[str, Any] = session.linker.misc.save_model_to_json()
                return settings
    raise AssertionError("the last number of rounds either learns or raises")


def _untrained(matching: Matching, rounds: int) -> dict[str, Any]:
    apart = f" and l.{SOURCE} <> r.{SOURCE}" if matching.between else ""
    return {
        "link_type": "dedupe_only",
        "linker_uid": "siyu",
        "unique_id_column_name": _ROW,
        "comparisons": [comparison_settings(comparison) for comparison in matching.comparisons],
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": f"l.block_{n} = r.block_{n}{apart}", "sql_dialect": "duckdb"}
            for n in range(len(matching.blocking))
        ],
        "retain_matching_columns": True,  # without them the levels are not kept
        "retain_intermediate_calculation_columns": True,
        "max_iterations": rounds,
        "em_convergence": 0.0001,
    }


@dataclass(frozen=True)
class _Session:
    linker: Linker
    api: DuckDBAPI
    connection: duckdb.DuckDBPyConnection

    def holds_a_pair(self, rule: str) -> bool:
        sql = f"select 1 from profiles l join profiles r on {rule} and l.{_ROW} < r.{_ROW} limit 1"  # noqa: S608
        return bool(self.connection.sql(sql).fetchall())


@contextmanager
def _session(frame: pl.DataFrame, settings: dict[str, Any]) -> Iterator[_Session]:
    with duckdb.connect() as connection:
        connection.register("prepared", frame.drop(ID).with_row_index(_ROW).to_arrow())
        connection.execute("create table profiles as select * from prepared")
        api = DuckDBAPI(connection=connection)
        linker = Linker(
            api.register(connection.table("profiles")), settings, log_level=logging.ERROR, validate_settings=False
        )
        yield _Session(linker, api, connection)


def _base_rate(session: _Session, matching: Matching) -> None:
    rules: list[Any] = [rule_sql(rule) for rule in matching.certain.rules]
    if not any(session.holds_a_pair(rule_sql(rule)) for rule in matching.certain.rules):
        raise NothingToLearnError("no certain rule holds for any two profiles: how many are one person is unknown")
    session.linker.training.estimate_probability_two_random_records_match(rules, recall=matching.certain.recall)


def _learn(session: _Session, matching: Matching) -> None:
    rules = [rule for rule in map(rule_sql, matching.training or matching.blocking) if session.holds_a_pair(rule)]
    if not rules:
        raise NothingToLearnError("no two profiles share a training block: nothing can be learned from them")
    for rule in rules:
        session.linker.training.estimate_parameters_using_expectation_maximisation(
            rule, estimate_without_term_frequencies=True, max_pairs=_EM_PAIRS, record_sample_proportion=0.2
        )


def _labelled(frame: pl.DataFrame, settings: dict[str, Any], matches: pl.DataFrame) -> dict[str, Any]:
    """The settings with the shares of the labelled matches alone; a level that none of them reaches has none."""
    unlearned = deepcopy(settings)
    for comparison in unlearned["comparisons"]:
        for level in comparison["comparison_levels"]:
            level.pop("m_probability", None)
    rows = frame.select(ID).with_row_index("row")
    pairs = (
        matches.join(rows.rename({ID: "left", "row": f"{_ROW}_l"}), on="left")
        .join(rows.rename({ID: "right", "row": f"{_ROW}_r"}), on="right")
        .select(f"{_ROW}_l", f"{_ROW}_r", clerical_match_score=1.0)
    )
    with _session(frame, unlearned) as session:
        session.connection.register("labelled_pairs", pairs.to_arrow())
        session.connection.execute("create table labels as select * from labelled_pairs")
        table = session.api.register(session.connection.table("labels"))
        session.linker.training.estimate_m_from_pairwise_labels(table)  # type: ignore[no-untyped-call]
        return session.linker.misc.save_model_to_json()


def _refined(learned: dict[str, Any], labelled: dict[str, Any], count: int) -> dict[str, Any]:
    share = count / (count + _LABELS_WORTH)
    for ours, theirs in zip(learned["comparisons"], labelled["comparisons"], strict=True):
        for level, seen in zip(ours["comparison_levels"], theirs["comparison_levels"], strict=True):
            if not level.get("is_null_level"):
                m, known = level.get("m_probability", 0.0), seen.get("m_probability", 0.0)
                level["m_probability"] = (1 - share) * m + share * known
    return learned


def _settled(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with shares that hold: rounded to digits that repeat, none missing, none without bounds.

    A level that was never seen says nothing (equal shares); one that was seen among strangers or among matches only
    says no more than the least share allows. Where matches hardly ever state a value twice, a few wrong pairs would
    teach nonsense: equal values never speak against a match, different ones never for it.
    """
    settings["probability_two_random_records_match"] = _rounded(settings["probability_two_random_records_match"])
    for comparison in settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            if level.get("is_null_level"):
                continue
            m, u = level.get("m_probability", 0.0), level.get("u_probability", 0.0)
            level["m_probability"] = _rounded(max(m, _LEAST_M))
            level["u_probability"] = _rounded(max(u, _LEAST_U)) if m or u else level["m_probability"]
            if level["label_for_charts"] in AGREEMENT:
                level["m_probability"] = max(level["m_probability"], level["u_probability"])
            if level["sql_condition"] == "ELSE":
                level["m_probability"] = min(level["m_probability"], level["u_probability"])
    return settings


def _rounded(share: float) -> float:
    return float(f"{share:.{_DIGITS}g}")
