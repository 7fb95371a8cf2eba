"""What an import would give or has given, in words and tables: figures, rows, reasons with their remedy, history.

Values of the data are drawn by ``st.dataframe`` and ``st.text`` only, never as Markdown.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from dashboards import frame, tables
from dashboards.import_mapping import dataset_name, label
from dashboards.import_reasons import explained
from dashboards.text import Words
from models import uploads
from models.serving import Viewer
from models.settings import Settings
from models.store import Job, Store

_HISTORY = 50
_TIME = "%Y-%m-%d %H:%M"


def refused(words: Words, reason: str) -> None:
    """The file as a whole was not taken: why, and what to do."""
    st.error(words("imports.refused"))
    why, remedy = explained(words, reason)
    st.text(why)
    if remedy:
        st.text(remedy)


def not_done(words: Words, job: Job) -> None:
    """A job that failed or was cancelled."""
    st.subheader(words.code("job_kind", job.kind), anchor=False)
    if job.arguments.get("name"):
        st.text(str(job.arguments["name"]))
    if job.status == "cancelled":
        st.info(words("imports.cancelled"))
        return
    if job.kind == "run":
        st.error(words("imports.run_failed"))
        st.text(job.error or "")
        return
    refused(words, job.error or "")


def file_head(words: Words, proposal: Mapping[str, Any], zone: ZoneInfo) -> None:
    """Which file this is, how it was read, and whether it was here before."""
    form = proposal["format"]
    st.subheader(words("imports.proposal"), anchor=False)
    read = [str(form["kind"]).upper(), *(str(form[name]) for name in ("encoding", "sheet") if form.get(name))]
    st.text(f"{proposal['file']}  ·  {' · '.join(read)}")
    before = proposal["imported_before"]
    if before:
        moment = pl.Series([before["landed_at"]]).str.to_datetime(time_zone="UTC").dt.convert_time_zone(zone.key)
        st.warning(words("imports.imported_before", seq=before["seq"], time=moment.dt.strftime(_TIME)[0]))
    st.caption(words.code("basis", proposal["basis"]))
    if proposal["basis"] == "before":
        st.text(proposal["basis_name"])
    if proposal.get("negatives"):
        st.info(words("imports.negatives"))


def preview(words: Words, proposal: Mapping[str, Any]) -> bool:
    """The rows as they would come in, and those that would not; True when something can be imported."""
    found = proposal["preview"]
    st.subheader(words("imports.preview"), anchor=False)
    if found["refused"]:
        refused(words, found["refused"])
        return False
    _figures(words, found)
    for dataset, shown in found["good"].items():
        st.text(words("imports.first_rows", n=len(shown["rows"]), dataset=dataset_name(words, dataset)))
        names = shown["columns"]
        tables.show(
            pl.DataFrame(shown["rows"], schema=dict.fromkeys(names, pl.String), orient="row"),
            {name: label(words, dataset, name) for name in names},
            key=f"imports_good_{dataset}",
        )
    _rejected(words, found)
    return bool(found["rows"])


def _figures(words: Words, found: Mapping[str, Any]) -> None:
    frame.numbers([(said, f"{found[name]:,}") for name, said in _counts(words).items()])
    reasons = [f"{words.code('skipped', why)} {rows:,}" for why, rows in found["skipped_for"].items() if rows]
    if reasons:
        st.caption(words("imports.skipped_for", reasons=words("word.separator").join(reasons)))
    _warnings(words, found["warnings"])


def _counts(words: Words) -> dict[str, str]:
    return {
        "rows": words("column.rows"),
        "accepted": words("column.accepted"),
        "quarantined": words("column.quarantined"),
        "skipped": words("column.skipped"),
    }


def _warnings(words: Words, warnings: list[dict[str, Any]]) -> None:
    if not warnings:
        return
    st.text(words("imports.warnings"))
    rows = [
        (
            label(words, one["dataset"], one["column"]) if one["column"] else "",
            explained(words, one["message"])[0],
            one["rows"] or None,
        )
        for one in warnings
    ]
    tables.show(
        pl.DataFrame(rows, schema={"column": pl.String, "message": pl.String, "rows": pl.Int64}, orient="row"),
        {"column": words("column.column"), "message": words("column.message"), "rows": words("column.rows")},
        small=("rows",),
        key="imports_warnings",
    )


def _rejected(words: Words, found: Mapping[str, Any]) -> None:
    """First by reason, with what to do; then cell by cell. Values of persons are masked already."""
    if not found["quarantined"]:
        st.success(words("imports.none_rejected"), icon=":material/check_circle:")
        return
    st.text(words("imports.rejected"))
    dataset = str(found["bad"][0]["dataset"])
    by_reason = []
    for one in found["bad_rules"]:
        why, remedy = explained(words, one["rule"])
        by_reason.append((label(words, dataset, one["column"]), why, remedy, one["rows"]))
    schema = {"column": pl.String, "reason": pl.String, "remedy": pl.String, "rows": pl.Int64}
    tables.show(
        pl.DataFrame(by_reason, schema=schema, orient="row"),
        {
            "column": words("column.column"),
            "reason": words("column.reason"),
            "remedy": words("column.remedy"),
            "rows": words("column.rows"),
        },
        small=("rows",),
        key="imports_reasons",
    )
    cells = [
        (one["row"], label(words, one["dataset"], one["column"]), one["header"], one["value"],
         explained(words, one["rule"])[0])
        for one in found["bad"]
    ]  # fmt: skip
    with st.expander(words("imports.cells", n=len(cells))):
        labels = {
            "row": words("column.row"),
            "column": words("column.column"),
            "header": words("column.header"),
            "value": words("column.value"),
            "reason": words("column.reason"),
        }
        types = {"row": pl.Int64, **dict.fromkeys(("column", "header", "value", "reason"), pl.String)}
        tables.show(
            pl.DataFrame(cells, schema=types, orient="row"),
            labels,
            small=("row",),
            key="imports_cells",
        )


def imported(
    words: Words, settings: Settings, job: Job, result: Mapping[str, Any], on_taken: Callable[[], None]
) -> None:
    """What became of a file: rows = accepted + quarantined + skipped, and the rejected ones to be repaired.

    ``on_taken`` is called when the rejected rows are taken: they hold personal values.
    """
    st.subheader(words("imports.result"), anchor=False)
    st.text(f"{result['file']}  ·  {words.code('dataset', result['dataset'])}")
    if result["repeated"]:
        st.info(words("imports.repeated", seq=result["seq"]))
    else:
        st.success(words("imports.landed", seq=result["seq"]), icon=":material/check_circle:")
    _figures(words, result)
    st.caption(words("imports.adds_up"))
    if not result["quarantined"]:
        return
    repair = result["repair"]
    if repair is None:
        st.caption(words("imports.nothing_open"))
        return
    path = settings.repairs_dir / job.job_id / uploads.safe_name(repair["name"])
    if not path.is_file():
        st.caption(words("imports.repair_gone"))
        return
    _hand_back(words, path, repair, on_taken)


def _hand_back(words: Words, path: Path, repair: Mapping[str, Any], on_taken: Callable[[], None]) -> None:
    st.caption(words("imports.repair_note"))
    st.download_button(
        words("imports.repair", n=repair["rows"]),
        path.read_bytes,
        file_name=repair["name"],
        mime="text/csv",
        icon=":material/download:",
        on_click=on_taken,
        key="imports_repair",
    )


def published(words: Words, result: Mapping[str, Any]) -> None:
    """A run that was asked for on the page has ended well."""
    st.success(
        words("imports.published", day=result["business_date"], seconds=f"{result['seconds']:.0f}"),
        icon=":material/check_circle:",
    )


def history(words: Words, store: Store, viewer: Viewer, zone: ZoneInfo, go_to: Callable[[str], None]) -> None:
    """Imports made on this page that the viewer may see, the newest first; one can be opened again."""
    found = store.jobs.list(viewer, kinds=("import_file",), limit=_HISTORY)
    st.subheader(words("imports.history"), anchor=False)
    if not found:
        st.caption(words("imports.no_history"))
        return
    names = {user.user_id: user.name or user.login for user in store.users.all()}
    results = [dict(job.result or {}) for job in found]
    counted = tuple(_counts(words))
    shown = pl.DataFrame(
        {
            "time": pl.Series([job.requested_at for job in found], dtype=pl.Datetime("us")),
            "file": [str(job.arguments.get("name", "")) for job in found],
            "dataset": [dataset_name(words, job.arguments["mapping"]["dataset"]) for job in found],
            "state": [words.code("job_status", job.status) for job in found],
            **{name: pl.Series([one.get(name) for one in results], dtype=pl.Int64) for name in counted},
            "seq": pl.Series([one.get("seq") for one in results], dtype=pl.Int64),
            "person": [names.get(job.requested_by, job.requested_by) for job in found],
        }
    )
    row = tables.pick(
        shown.with_columns(
            pl.col("time").dt.replace_time_zone("UTC").dt.convert_time_zone(zone.key).dt.strftime(_TIME)
        ),
        {
            "time": words("column.time"),
            "file": words("column.file"),
            "dataset": words("column.dataset"),
            "state": words("column.job_status"),
            **_counts(words),
            "person": words("column.person"),
            "seq": words("column.seq"),
        },
        small=(*counted, "seq"),
        key="imports_history",
    )
    if row is not None:
        go_to(found[row].job_id)
        st.rerun()
