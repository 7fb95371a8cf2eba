"""What every connector must do, whatever its vendor: the same suite for all, against their faces of the sandbox.

After the kinds of Airbyte's connector acceptance tests (spec, connection, discovery, basic read, sequential reads,
two reads in a row, replay from every position, state from the future, declared hosts). Our own faults follow in
``test_connectors_in_trouble.py``. Accidents it prevents: a row landed twice, a day passed over, a secret in a log or
sent to a stranger.
"""

import logging
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from models.contracts import contract
from models.errors import ExpectedError
from pipelines.sources import connections, syncing, windows
from pipelines.sources.connector import Context, Span
from pipelines.workspace import Workspace
from tests.connectors.served import RATE, Served, assert_lake_is_the_truth, assert_newest_is_the_truth, served
from tests.connectors.stand import Kind

SECRET_NAME = re.compile("secret|token|session|password|private_key|aes_key|api_v3_key")


# ------------------------------------------------------------------ spec, connection, discovery


def test_options_are_described_and_secrets_marked(kind: Kind) -> None:
    schema = connections.connector_class(kind.system).options_class.model_json_schema()
    assert schema["additionalProperties"] is False
    for name, field in schema["properties"].items():
        if SECRET_NAME.search(name):
            assert field.get("format") == "password", f"{name} is not a SecretStr"


def test_good_credentials_pass_and_bad_ones_say_what_to_do(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    with served(kind, tmp_path) as it:
        context = Context(it.workspace.lake, it.workspace.settings, sleep=lambda _: None)
        with connections.opened(connections.enabled(it.settings())[0], context) as connector:
            assert connector.check().state == "ok"
        for name, (changed, words) in it.stand.bad_options.items():
            before = it.layer.requests
            with (
                connections.opened(connections.enabled(it.settings(**changed))[0], context) as connector,
                pytest.raises(ExpectedError, match=words) as raised,
            ):
                connector.check()
            assert it.layer.requests - before <= 3, f"{name}: a refusal is asked for again"
            assert not any(secret in str(raised.value) for secret in it.stand.secrets)
    record_property("refusals", len(it.stand.bad_options))


def test_an_option_that_is_wrong_is_named(kind: Kind, tmp_path: Path) -> None:
    with served(kind, tmp_path) as it:
        (report,) = syncing.sync(
            Workspace(it.settings(sotre_id="S1")), connections.enabled(it.settings(sotre_id="S1")), it.stand.now
        )
    assert report.state == "failed"
    assert "sotre_id" in report.error
    assert "[connections.it]" in report.error


def test_streams_land_datasets_that_have_contracts(kind: Kind) -> None:
    found = connections.connector_class(kind.system)
    for datasets in found.stream_datasets.values():
        for dataset in datasets:
            assert contract(dataset).door in (kind.system, "file", "bill")


def test_secrets_go_to_declared_hosts_only(kind: Kind, tmp_path: Path) -> None:
    with served(kind, tmp_path) as it:
        for address in ("https://evil.example.com/x", "http://gw.api.taobao.com/router/rest"):
            settings = it.settings(base_url=address)
            (report,) = syncing.sync(Workspace(settings), connections.enabled(settings), it.stand.now)
            assert report.state == "failed"
            assert "base_url" in report.error


# ------------------------------------------------------------------ reading


def test_the_lake_is_the_truth_row_for_row(kind: Kind, tmp_path: Path) -> None:
    with served(kind, tmp_path) as it:
        reports = it.until_done()
        assert_lake_is_the_truth(it)
        assert sum(report.landed for report in reports) > 0
        for dataset, rows in it.landed().items():
            empty = {name for name in contract(dataset).dtypes if rows[name].null_count() == rows.height}
            assert empty <= it.stand.unseen.keys(), (
                f"{dataset}: no record fills {sorted(empty - it.stand.unseen.keys())}"
            )


@pytest.mark.slow
def test_two_fresh_reads_are_equal(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    found = []
    for number in range(2):
        with served(kind, tmp_path / str(number)) as it:
            it.until_done()
            found.append(it.landed())
    for dataset, rows in found[0].items():
        assert_frame_equal(rows, found[1][dataset], check_row_order=False)
    record_property("rows_read_anew", sum(rows.height for rows in found[1].values()))


def test_a_second_read_lands_nothing_and_a_third_what_changed(kind: Kind, tmp_path: Path) -> None:
    with served(kind, tmp_path) as it:
        it.until_done()
        before = {dataset: rows.height for dataset, rows in it.landed().items()}
        again = it.until_done()
        assert sum(report.landed for report in again) == 0
        assert {dataset: rows.height for dataset, rows in it.landed().items()} == before
        it.later()
        it.until_done()
        assert_newest_is_the_truth(it)
        assert sum(rows.height for rows in it.landed().values()) > sum(before.values())


@pytest.mark.slow
def test_it_goes_on_from_every_position(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long sync the first six positions, and ever fewer after them: each costs a sync."""
    monkeypatch.setattr(windows, "ROWS_PER_CHUNK", 90)
    for stop in (*range(1, 7), 9, 17, 33, 65, 129):
        with served(kind, tmp_path / str(stop)) as it:
            done = _stopped_after(it, stop)
            it.until_done()
            assert_lake_is_the_truth(it)
        if done:
            assert stop > 3, "there were no positions in between"
            return
    raise AssertionError("it never ended")


class _StopError(Exception):
    pass


def _stopped_after(it: Served, chunks: int) -> bool:
    """Whether the sync ended before so many chunks."""
    left = [chunks]

    def stop(_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise _StopError

    try:
        it.sync(on_chunk=stop)
    except _StopError:
        return False
    return True


def test_a_position_from_the_future_reads_nothing_and_says_so(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    with served(kind, tmp_path) as it:
        it.until_done()
        before = {dataset: rows.height for dataset, rows in it.landed().items()}
        reports = it.sync(until=it.stand.now - timedelta(days=2))
        assert {report.state for report in reports} == {"failed"}
        assert all("clock" in report.error for report in reports)
        assert {dataset: rows.height for dataset, rows in it.landed().items()} == before
    record_property("streams_refused", len(reports))


def test_a_day_read_again_adds_nothing(kind: Kind, tmp_path: Path, record_property: Any) -> None:
    with served(kind, tmp_path) as it:
        it.until_done()
        cursors = [entry.cursor for entry in it.workspace.lake.entries()]
        day = it.stand.now - timedelta(days=12)
        reports = it.sync(span=Span(day, day + timedelta(days=3)))
        assert [report.state for report in reports] == ["done"] * len(reports)
        assert sum(report.repeated for report in reports) > 0
        assert_lake_is_the_truth(it)
        assert [entry.cursor for entry in it.workspace.lake.entries()] == cursors
    record_property("met_again", sum(report.repeated for report in reports))


def test_no_secret_and_nothing_personal_in_logs_or_errors(
    kind: Kind, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with served(kind, tmp_path, rate=RATE) as it:
        reports = it.until_done()
        personal = {
            str(value)
            for dataset, rows in it.landed().items()
            for column in contract(dataset).columns
            if column.personal
            for value in rows[column.name].drop_nulls().head(50)
            if len(str(value)) >= 8
        }
    out, err = capfd.readouterr()
    said = "\n".join([caplog.text, out, err, *(str(report.as_dict()) for report in reports)])
    manifest = (tmp_path / "lake" / "manifest.jsonl").read_text("utf-8")
    for secret in it.stand.secrets:
        assert secret not in said + manifest
    for value in personal:
        assert value not in said + manifest
