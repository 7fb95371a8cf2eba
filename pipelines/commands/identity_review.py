"""``scrm identity review``, ``decide``, ``undo`` and ``simulate``: what people decide about who is who."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Group

from models.identifiers import masked
from models.settings import Settings
from models.store import Anchor, Store
from pipelines.commands import acting
from pipelines.commands.output import AsJson, emit, rows_table

_NEXT_RUN = "it acts in the next run (`scrm run`); `scrm identity undo {number} --reason …` takes it back"
_VERDICTS = {"same": "same", "not-same": "not_same"}

Reason = Annotated[str, typer.Option(help="why; kept with the decision")]
Show = Annotated[bool, typer.Option("--show", help="phones, names and the like in full, not masked")]


def review(
    most: Annotated[int, typer.Option(min=1, help="so many open questions, the most valuable first")] = 20,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Questions that a person should answer: pairs that are likely one customer, orders that could be several's.

    From the published snapshot, without what was decided since. The list of decisions in force follows.

    Example: `scrm identity review --most 50`

    Exit codes: 0 done, 1 nothing is published, or the snapshot is older than reviews.
    """
    from models.serving.reviewing import open_reviews

    settings = Settings()
    whole = acting.reader(settings, shows=True)  # values are compared, not shown
    with Store.open(settings.store_address) as store:
        decisions = store.identity_decisions.in_force()
    still_open = open_reviews(whole, decisions)
    reviews = (
        acting.reader(settings, shows=show)("identity_reviews").join(still_open, on="place", how="semi").sort("place")
    )
    columns = ["kind", "customer_id", "other_customer_id", "record_id", "probability_ppm", "amount", "currency"]
    shown = reviews.head(most).select(*columns, "name", "other_name", "evidence")
    data = {
        "open": int(still_open["open_count"][0]) if still_open.height else 0,
        "reviews": shown.to_dicts(),
        "decisions": [_told(row, shows=show) for row in decisions.iter_rows(named=True)],
    }
    asked = [["" if cell is None else cell for cell in row] for row in shown.select(columns).iter_rows()]
    said = [tuple(told.values()) for told in data["decisions"]]  # type: ignore[attr-defined]
    table = Group(
        rows_table(
            f"{data['open']} open", ("kind", "customer", "other", "record", "likely ppm", "amount", "currency"), asked
        ),
        rows_table("In force", ("decision", "verdict", "left", "right", "reason", "author", "decided at"), said),
    )
    emit(data, as_json=as_json, table=table)


def decide(
    verdict: Annotated[Literal["same", "not-same"], typer.Argument(help="one person, or two")],
    left: Annotated[str, typer.Argument(help="a customer id, TYPE:VALUE or an order (SHOP:NUMBER)")],
    right: Annotated[str, typer.Argument(help="the other")],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Say that two are one person, or that they are not, whatever the rules find. `not-same` also takes one customer
    apart: name two values that it holds.

    A decision names identifiers, not customers: it holds when ids change. The newest on the same two wins.

    Example: `scrm identity decide not-same phone:13800001111 member_no:M100 --reason "father and son, asked by phone"`

    Exit codes: 0 recorded; 1 nobody is known by one of them, or it names several customers, or nothing is published;
    2 wrong usage.
    """
    from models.serving.anchoring import anchor_of

    settings = Settings()
    read = acting.reader(settings, shows=True)
    sides = anchor_of(read, left), anchor_of(read, right)
    with Store.open(settings.store_address) as store:
        number = store.identity_decisions.decide(
            _VERDICTS[verdict], *sides, reason=reason, author=acting.author(), at=acting.now()
        )
        details = {"verdict": _VERDICTS[verdict]}
        store.audit.record(acting.author(), "identity_decided", "identity_decision", str(number), details, acting.now())
    data = {
        "decision": number,
        "verdict": _VERDICTS[verdict],
        "left": _shown(sides[0]),
        "right": _shown(sides[1]),
        "next": _NEXT_RUN.format(number=number),
    }
    emit(data, as_json=as_json)


def undo(
    decision: Annotated[int, typer.Argument(help="its number, see `scrm identity review`; an undo has one too")],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Take a decision back; of an undo: what it took back is in force again. The ledger keeps all of it.

    Customers that a decision brought together get the ids back that they had.

    Example: `scrm identity undo 3 --reason "they are cousins"`

    Exit codes: 0 recorded; 1 there is no such decision, or it was taken back before; 2 wrong usage.
    """
    settings = Settings()
    with Store.open(settings.store_address) as store:
        number = store.identity_decisions.undo(decision, reason=reason, author=acting.author(), at=acting.now())
        details = {"undoes": decision}
        store.audit.record(acting.author(), "identity_undone", "identity_decision", str(number), details, acting.now())
    emit({"decision": number, "undoes": decision, "next": _NEXT_RUN.format(number=number)}, as_json=as_json)


def _told(row: dict[str, object], *, shows: bool) -> dict[str, object]:
    sides = {
        side: _shown(Anchor(str(row[f"{side}_type"]), str(row[f"{side}_identifier"])), shows=shows)
        for side in ("left", "right")
    }
    return {
        "decision": row["decision_id"],
        "verdict": row["verdict"],
        **sides,
        "reason": row["reason"],
        "author": row["author"],
        "decided_at": str(row["decided_at"])[:16],
    }


def _shown(anchor: Anchor, *, shows: bool = False) -> str:
    hidden = not shows and anchor.type != "record"
    return f"{anchor.type}:{masked(anchor.identifier) if hidden else anchor.identifier}"


def simulate(
    draft: Annotated[Path, typer.Argument(help="a draft of identity.yaml")],
    as_json: AsJson = False,
) -> None:
    """Try a draft of the identity registry on the whole history: customers that would become one or fall apart, what
    that moves, and why. Nothing of the company is changed.

    Beside the last promoted run. Rules, likely links and decisions act anew: the likely links by the model of the last
    run, or, when the draft compares differently, by one that is learned for it. Takes about as long as who is who takes
    in a run.

    Example: `scrm identity simulate identity-draft.yaml`

    Exit codes: 0 done, 1 the draft does not hold, or no run was promoted yet.
    """
    from models.documents.identity import IdentityRegistry
    from pipelines.identity_simulation import simulate as simulated

    settings = Settings()
    registry = IdentityRegistry.load(draft)
    found = asdict(simulated(settings, registry, settings.home / "scratch" / "identity-draft"))
    figures = [(name, value) for name, value in found.items() if isinstance(value, int)]
    money = [(row["currency"], row["orders"], row["amount"]) for row in found["moved"]]
    tables = [
        rows_table("What would change", ("figure", "value"), figures),
        rows_table("Orders that would be another's", ("currency", "orders", "amount, minor units"), money),
    ]
    for name, title in (("merge_examples", "Would become one"), ("split_examples", "Would fall apart")):
        rows = [
            (
                " ".join(one["before"]),
                " ".join(one["after"]),
                one["personas"],
                one["orders_moved"],
                "; ".join(one["because"]),
            )
            for one in found[name]
        ]
        tables.append(rows_table(title, ("today", "then", "personas", "orders moved", "because"), rows))
    emit(found, as_json=as_json, table=Group(*tables))
