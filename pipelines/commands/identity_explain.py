"""``scrm identity explain``: why two are one customer, or what keeps them apart."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from models.identity.explaining import LIKELY, PEOPLE, Evidence, Obstacle, Side, Step, evidence_of
from models.serving.explaining import Explanation, find, pair
from models.serving.explaining import explain as explained
from models.settings import Settings
from pipelines.commands import acting
from pipelines.commands.output import AsJson, emit, fail, plain, rows_table

_VERDICTS = {
    "one": "{left} is one customer: the links from the first to the second",
    "unlinked": "{left} is one customer, but no link of the snapshot leads from the first to the second",
    "apart": "{left} and {right} are two customers",
    "nobody": "one of them is a record that is nobody's: several people could be meant",
}
_SAME_RECORD = "records that state the same stand for both"
_NOTHING = "nothing compares them: no rule, no likely pair and no decision speaks of both"
_REFUSALS = {
    "guard": "their {type} contradict: {here} and {there}",
    "unique": "a customer has at most one {type}: {here} and {there}",
    "torn": "it could be either; nothing tells whose it is",
    "not_the_same": "people decided that they are not the same (decision {type})",
}
_APART = "seen too long apart, and nothing else agrees"


def explain(
    left: Annotated[str, typer.Argument(help="a customer id, TYPE:VALUE (phone:13800001111) or an order's number")],
    right: Annotated[str, typer.Argument(help="the other")],
    show: Annotated[bool, typer.Option("--show", help="phones, names and the like in full, not masked")] = False,
    as_json: AsJson = False,
) -> None:
    """Why two are one customer, link by link, or what keeps them apart; from the published snapshot.

    Example: `scrm identity explain phone:13800001111 S001:T20260105-9`

    Exit codes: 0 done, 1 nobody is known by one of them, or nothing is published.
    """
    read = acting.reader(Settings(), shows=show)
    named = [find(read, text) for text in (left, right)]
    for text, found in zip((left, right), named, strict=True):
        if not found:
            fail(f"nobody is known by {text}; give a customer id, TYPE:VALUE or an order's number")
    answer = explained(read, *pair(*named))
    data = {
        "verdict": answer.verdict,
        "left": answer.left,
        "right": answer.right,
        "named": [[one.customer_id for one in found] for found in named],
        "steps": [asdict(step) for step in answer.steps],
        "obstacles": [asdict(obstacle) for obstacle in answer.obstacles],
        "reviews": answer.reviews.to_dicts(),
    }
    emit(data, as_json=as_json, table=_told(answer))


def _told(answer: Explanation) -> RenderableType:
    lines: list[RenderableType] = [plain(_VERDICTS[answer.verdict].format(left=answer.left, right=answer.right))]
    if answer.verdict == "one" and not answer.steps:
        lines.append(plain(_SAME_RECORD))
    if answer.steps:
        rows = [_step(number, step) for number, step in enumerate(answer.steps, start=1)]
        lines.append(rows_table("Links", ("", "from", "because of", "shared", "to", "since"), rows))
    lines += [_weights(step.evidence) for step in answer.steps if step.evidence]
    if answer.obstacles:
        refused = [(_rule(one.rule), _refusal(one), one.links_count, _day(one.seen_at)) for one in answer.obstacles]
        lines.append(rows_table("Refused links", ("rule", "why not", "links", "since"), refused))
    if not answer.reviews.is_empty():
        open_pairs = answer.reviews.select("kind", "customer_id", "other_customer_id", "record_id", "probability_ppm")
        asked = [[*(cell or "" for cell in row[:-1]), f"{row[-1] / 10_000:.1f}%"] for row in open_pairs.iter_rows()]
        lines.append(rows_table("For a person to decide", ("kind", "customer", "other", "record", "likely"), asked))
        lines += [_weights(evidence_of(text)) for text in answer.reviews["evidence"].drop_nulls()]
    if answer.verdict == "apart" and not answer.obstacles and answer.reviews.is_empty():
        lines.append(plain(_NOTHING))
    return Group(*lines)


def _weights(evidence: tuple[Evidence, ...]) -> RenderableType:
    """What speaks for a likely pair and what against it, and the sum."""
    weights = [(_words(one.attribute), one.label, f"{one.weight:+.2f}") for one in evidence]
    total = sum(one.weight for one in evidence)
    return rows_table(f"Likely, {total:+.2f} bits", ("compared", "found", "weight"), weights)


def _step(number: int, step: Step) -> tuple[object, ...]:
    shared = ", ".join(f"{_words(kind)} {value}" for kind, value in step.shared)
    because = " / ".join(_rule(rule) for rule in (step.rule, *(name for name, _ in step.also)))
    return (number, _side(step.left), because, shared, _side(step.right), _day(step.seen_at))


def _side(side: Side) -> str:
    value = f"{_words(side.identifier_type)} {side.identifier}" if side.identifier_type else ""
    return ", ".join(part for part in (side.source, side.name, value) if part)


def _rule(rule: str) -> str:
    return {LIKELY: "likely the same", PEOPLE: "a person's decision"}.get(rule, _words(rule))


def _words(code: str) -> str:
    return code.replace("_", " ")


def _refusal(obstacle: Obstacle) -> str:
    if (obstacle.kind, obstacle.type) == ("guard", "apart"):
        return _APART
    here, there = (" / ".join(values) or "?" for values in (obstacle.here, obstacle.there))
    known = _REFUSALS.get(obstacle.kind, obstacle.refusal)
    return known.format(type=_words(obstacle.type or ""), here=here, there=there)


def _day(moment: object) -> str:
    return "" if moment is None else str(moment)[:10]
