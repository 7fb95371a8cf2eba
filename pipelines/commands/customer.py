"""``scrm customer``: the record of one customer, with where each value was said."""

from typing import Annotated

import polars as pl
import typer
from rich.console import Group, RenderableType

from models.serving import Snapshots, Viewer, run
from models.serving.explaining import find
from models.settings import Settings
from pipelines.commands.output import AsJson, emit, fail, plain, rows_table

app = typer.Typer(help="One customer: the record, and where its values come from.", no_args_is_help=True)


@app.callback()
def customer() -> None:
    """One customer: the record, and where its values come from."""


@app.command()
def show(
    who: Annotated[str, typer.Argument(help="a customer id, TYPE:VALUE (phone:13800001111) or an order's number")],
    show_values: Annotated[bool, typer.Option("--show", help="phones, names and the like in full, not masked")] = False,
    as_json: AsJson = False,
) -> None:
    """Every field of a customer's record: its value, who said it and when, why it survived, and what came second.

    From the published snapshot. Values that may identify a person are masked unless ``--show`` is given.

    Example: `scrm customer show phone:13800001111 --show`

    Exit codes: 0 done, 1 nobody or several are known by it, or nothing is published.
    """
    viewer = Viewer("command", "", frozenset({"owner"}), store_ids=None, sees_personal=show_values)
    snapshot = Snapshots(Settings().published_dir).current()

    def read(query_id: str, **parameters: object) -> pl.DataFrame:
        return run(snapshot, query_id, viewer, **parameters)

    ids = sorted({one.customer_id for one in find(read, who) if one.customer_id is not None})
    if not ids:
        fail(f"nobody is known by {who}; give a customer id, TYPE:VALUE or an order's number")
    if len(ids) > 1:
        fail(f"{who} is known of {len(ids)} customers: {', '.join(ids)}; give one of these ids")
    profile = read("customer_profile", customer_id=ids[0]).row(0, named=True)
    fields, points, owners = (
        read(f"customer_{name}", customer_id=ids[0], limit=1000) for name in ("fields", "contact_points", "owners")
    )
    data = {
        "customer": profile,
        "fields": fields.to_dicts(),
        "contact_points": points.to_dicts(),
        "owners": owners.to_dicts(),
    }
    emit(data, as_json=as_json, table=_told(profile, fields, points, owners))


def _told(
    profile: dict[str, object], fields: pl.DataFrame, points: pl.DataFrame, owners: pl.DataFrame
) -> RenderableType:
    lines: list[RenderableType] = [plain(f"{profile['customer_id']} {profile['name'] or ''}")]
    lines += [
        plain(f"{what}: {profile[value] or 'none'}" + (f" ({_words(rule)})" if (rule := profile[by]) else ""))
        for what, value, by in (
            ("home store", "home_store_id", "home_store_rule"),
            ("region", "region", "region_rule"),
            ("in charge", "owner_userid", "owner_rule"),
        )
    ]
    rows = [
        (
            *(_words(row["field"]), row["value"] or row["open_value"] or ""),
            *(_said_by(row["record_id"], row["source"]), _day(row["stated_at"]), _words(row["decided_by"])),
            row["runner_up_value"] or row["runner_up_open_value"] or "",
            _said_by(row["runner_up_record_id"], row["runner_up_source"]),
        )
        for row in fields.iter_rows(named=True)
    ]
    lines.append(rows_table("Fields", ("field", "value", "said by", "on", "decided by", "second", "said by"), rows))
    if points.height:
        reached = [
            (row["kind"], row["value"], _yes(row["is_primary"]), _yes(row["is_verified"]), _day(row["last_seen_at"]))
            for row in points.iter_rows(named=True)
        ]
        lines.append(rows_table("Contact points", ("kind", "value", "main", "verified", "last seen"), reached))
    if owners.height:
        spans = [
            (row["staff_name"] or row["userid"], _words(row["rule"]), _day(row["valid_from"]), _day(row["valid_to"]))
            for row in owners.iter_rows(named=True)
        ]
        lines.append(rows_table("In charge", ("who", "by", "from", "until"), spans))
    return Group(*lines)


def _said_by(record_id: str | None, source: str | None) -> str:
    """The record, or where its key is masked its dataset."""
    return source or "" if record_id is None or "*" in record_id else record_id


def _words(code: object) -> str:
    return "" if code is None else str(code).replace("_", " ")


def _yes(flag: object) -> str:
    return "yes" if flag else ""


def _day(moment: object) -> str:
    return "" if moment is None else str(moment)[:10]
