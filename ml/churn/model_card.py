"""The model card: Markdown made from an artifact's metadata and from nothing else."""

from collections.abc import Iterator, Sequence
from typing import Any

from ml.features import BY_NAME

NAMES = {
    "base_rate": "base rate for everybody",
    "recency_days": "rule: days since the last purchase",
    "orders_180": "rule: visits in 180 days",
    "linear": "logistic regression",
    "additive": "additive: splines + logistic regression",
    "boosted_additive": "boosted trees, one feature each",
    "boosted": "boosted trees, unlimited (comparison only)",
}
_DRIFT_LOOK, _DRIFT_ALARM = 0.1, 0.25


def card(metadata: dict[str, Any]) -> str:
    """Of the metadata that ``train`` returns. Every number in it comes from there."""
    sections = [_title(metadata), _use(metadata), _training_data(metadata)]
    sections += [_judged(metadata), _calibration(metadata)] if metadata["metrics"] else [_not_judged(metadata)]
    sections += [_suspicions(metadata)] if metadata["suspicions"] else []
    sections += [_drift(metadata), _limits(metadata), _licences(metadata)]
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _title(metadata: dict[str, Any]) -> Iterator[str]:
    yield "# Churn estimator: model card"
    yield ""
    yield "Generated at training; do not edit."
    yield ""
    yield from _table(
        ("what", "value"),
        [
            ("artifact", f"`{metadata['artifact_id']}`"),
            ("kind", f"{metadata['kind']}"),
            ("trained on business date", metadata["trained_on"]),
            ("document version", f"`{metadata['document_version']}`"),
            ("libraries", ", ".join(f"{name} {version}" for name, version in sorted(metadata["libraries"].items()))),
        ],
    )


def _use(metadata: dict[str, Any]) -> Iterator[str]:
    promise = metadata["document"]
    bands = promise["bands"]
    yield "## Intended use"
    yield ""
    yield (
        f"The probability that a customer who bought in the last {promise['active_within_days']} days buys nothing in"
        f" the next {promise['horizon_days']} days. It orders a list of customers whom staff may want to care for:"
        f" band high from {_percent(bands['high'])}, medium from {_percent(bands['medium'])}, low below."
    )
    yield ""
    yield (
        "Not for prices, credit, service levels or any refusal; not for customers without a purchase in that time. It"
        " says who is likely to stay away, not whom a message would bring back."
    )
    yield ""
    yield (
        "Left out on purpose: age, gender, city, name and every other personal attribute. That an attribute is known at"
        " all is a strong and unfair sign. Amounts of money enter only as ratios within one currency."
    )


def _training_data(metadata: dict[str, Any]) -> Iterator[str]:
    yield "## Training data"
    yield ""
    if not metadata["labelled_rows"]:
        yield "There is no labelled row: no label window was over on the business date."
        return
    yield (
        f"{metadata['labelled_rows']:,} labelled rows of {metadata['customers']:,} customers. The first active window"
        f" begins on {metadata['data_from']}, the last label window ends on {metadata['data_until']}. Features read"
        " only what was known before the cut-off."
    )
    yield ""
    roles = {day: role for role, days in metadata["cutoffs_used"].items() for day in days}
    yield from _table(
        ("cut-off", "rows", "churned", "rate", "use in the judgement"),
        [
            (
                one["cutoff_date"],
                f"{one['rows']:,}",
                f"{one['churned']:,}",
                _percent(one["churned"] / one["rows"]),
                roles.get(one["cutoff_date"], "none"),
            )
            for one in metadata["cutoffs"]
        ],
    )
    if roles:
        yield ""
        yield (
            "embargoed: the label window reaches into the test. "
            + (
                "The shipped estimator is the one that was judged, with its calibration."
                if metadata["calibration"]["applied"]
                else "For shipping, the estimator was fitted again on all cut-offs above."
            )
        )


def _judged(metadata: dict[str, Any]) -> Iterator[str]:
    rounds = metadata["document"]["bootstrap_rounds"]
    yield "## Judged on later cut-offs"
    yield ""
    yield (
        f"{metadata['metrics']['test_rows']:,} test rows. Intervals: middle 95 % of {rounds} resamplings of the"
        f" customers. Shipped: **{NAMES[metadata['chosen']]}**."
    )
    yield ""
    yield from _table(
        ("estimator", "AUC (interval)", "PR-AUC", "Brier", "ECE", "lift in top 10 %", "gain in AUC (interval) over"),
        [
            (
                NAMES[one["name"]],
                f"{one['auc']:.4f} ({one['auc_low']:.4f} to {one['auc_high']:.4f})",
                f"{one['pr_auc']:.4f}",
                f"{one['brier']:.4f}",
                f"{one['ece']:.4f}",
                f"{one['lift_10']:.2f}",
                _gain(one),
            )
            for one in metadata["comparison"]
        ],
    )
    yield ""
    by_name = {one["name"]: one for one in metadata["comparison"]}
    if by_name["additive"]["gain"][1] <= 0:
        yield (
            "The interval of the additive estimator's gain over the plain rule includes zero: on this data it has not"
            " been shown to rank better."
        )
        yield ""
    yield (
        "The additive estimator ships unless it is surely worse than the best plain rule. Boosted trees replace it only"
        " when the interval of their gain excludes zero and their reasons are exact, so those without limits never do:"
        " they are printed to show what exact reasons cost."
    )


def _gain(one: dict[str, Any]) -> str:
    if one["gain"] is None:
        return ""
    value, low, high = one["gain"]
    return f"{value:+.4f} ({low:+.4f} to {high:+.4f}) {NAMES[one['against']]}"


def _not_judged(metadata: dict[str, Any]) -> Iterator[str]:
    yield "## Not trained"
    yield ""
    yield f"**No model was trained: {metadata['problem']}.**"
    yield ""
    if metadata["labelled_rows"]:
        yield (
            "Scores come from a plain rule: the longer ago the last purchase, the higher the risk, with the churn rates"
            " that were seen among the labelled rows, pulled to the base rate where they are few. The rule has not been"
            " judged on later data; no accuracy is claimed."
        )
    else:
        yield "No customer is scored, because no rate of churn is known yet. A made-up number would be worse than none."


def _calibration(metadata: dict[str, Any]) -> Iterator[str]:
    found = metadata["calibration"]
    yield "## Calibration"
    yield ""
    if found["applied"]:
        yield (
            f"Recalibrated: log-odds × {found['slope']:.4f} {found['shift']:+.4f}. Expected calibration error"
            f" {found['ece_before']:.4f} before, {found['ece_after']:.4f} after (cross-fitted over customers)."
        )
    else:
        limit = metadata["document"]["recalibrate_above_ece"]
        yield (
            f"Not recalibrated: expected calibration error {found['ece_before']:.4f}; above {limit:.2f} it would be, if"
            " that lowers the log loss on customers that the correction has not seen."
        )
    yield ""
    yield from _table(
        ("test rows", "predicted", "observed"),
        [
            (f"{one['rows']:,}", _percent(one["predicted"]), _percent(one["observed"]))
            for one in metadata["calibration_table"]
        ],
    )


def _suspicions(metadata: dict[str, Any]) -> Iterator[str]:
    yield "## Suspicions"
    yield ""
    yield from (f"- {one}" for one in metadata["suspicions"])


def _drift(metadata: dict[str, Any]) -> Iterator[str]:
    yield "## Drift from the labelled rows to the rows scored"
    yield ""
    if not metadata["drift"]:
        yield "Not measured: there are no labelled rows or none to score."
        return
    yield "Population stability index: below 0.10 fine, to 0.25 worth a look, above alarm."
    yield ""
    ordered = sorted(metadata["drift"].items(), key=lambda item: (-item[1], item[0]))
    notable = [item for item in ordered if item[1] >= _DRIFT_LOOK or item[0] == "score"]
    yield from _table(
        ("what", "index", "verdict"),
        [(_words(name), f"{value:.3f}", _verdict(value)) for name, value in notable],
    )


def _words(name: str) -> str:
    return f"`{name}`: {BY_NAME[name].en}" if name in BY_NAME else name


def _verdict(value: float) -> str:
    return "alarm" if value > _DRIFT_ALARM else "look" if value >= _DRIFT_LOOK else "fine"


def _limits(metadata: dict[str, Any]) -> Iterator[str]:
    yield "## Known failures"
    yield ""
    yield "- A season that the training cut-offs do not hold (a festival, a sale) shifts all probabilities at once."
    yield "- A customer with one purchase has no rhythm of buying yet; the estimate leans on what is usual for others."
    yield "- Purchases that carry no identifier of the customer are not seen: their buyers look lost."
    yield "- Features that resemble each other share an effect; a reason says what the estimate rests on, not a cause."
    yield "- An order whose status changed after a cut-off is seen with its later status at the cut-off too."
    if metadata["kind"] == "heuristic" and metadata["metrics"]:
        yield "- The additive estimator was surely worse than the plain rule on this data; the rule is shipped."


def _licences(metadata: dict[str, Any]) -> Iterator[str]:
    yield "## Licences and reading"
    yield ""
    yield (
        "The artifact is made from the company's own data and belongs to the company. Code: Apache-2.0;"
        " scikit-learn and NumPy: BSD-3-Clause; skops: MIT."
    )
    yield ""
    names = ", ".join(f"`{name}`" for name in metadata["features"])
    yield f"Features: {names}. Training rows `{metadata['training_digest']}`, code `{metadata['code_version']}`."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
