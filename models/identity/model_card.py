"""The card of a trained match model: on what it learned and what each agreement is worth, for people to read."""

from collections.abc import Iterator
from math import log2

from models.identity.scoring import MatchModel


def model_card(model: MatchModel) -> str:
    """Markdown: the data and its fingerprint, the base rate, and per level both shares and the weight in bits.

    A level that holds its value by frequency is marked; its weight is that of a value of middling frequency.
    """
    rate = model.settings["probability_two_random_records_match"]
    labels = f"{model.labelled_pairs} labelled matches" if model.labelled_pairs else "no labels"
    head = [
        "# Match model",
        "",
        f"Learned from {model.rows} profiles (fingerprint `{model.fingerprint}`) with {labels}, by the document",
        f"of version `{model.document_version}`. Two profiles drawn at random are one person with probability",
        f"{rate:.3g} (weight {log2(rate / (1 - rate)):.1f}). Weights are log2 of the odds and add up.",
        "",
        "| attribute | level | of matches | of strangers | weight |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *_rows(model), ""])


def _rows(model: MatchModel) -> Iterator[str]:
    for comparison in model.settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            if level.get("is_null_level"):
                continue
            m, u = level["m_probability"], level["u_probability"]
            mark = ", by frequency" if "tf_adjustment_column" in level else ""
            name, label = comparison["output_column_name"], level["label_for_charts"]
            yield f"| {name} | {label}{mark} | {m:.3g} | {u:.3g} | {log2(m / u):+.1f} |"
