"""The dirty corpus: every row of every file is somewhere, no id is altered, no character is lost, no reject is unnamed.

Faults 36 to 44 of the plan. The corpus counts the files of ``test_dirty_files`` too; the last test prints its figures.
"""

from pathlib import Path

import pytest

from pipelines.sources.files.importing import FileRefusedError
from tests.dirty_corpus import TEXTS, Case, run
from tests.dirty_records import RECORDS
from tests.dirty_workbooks import REFUSED_WORKBOOKS, WORKBOOKS
from tests.factories_files import ORDERS_MAP, Door, lines
from tests.golden.test_dirty_files import REFUSED, SAME, SORTED

CASES = {**TEXTS, **WORKBOOKS, **RECORDS}
_BAR = 60


@pytest.mark.parametrize("name", CASES)
def test_a_dirty_file_is_accounted_to_the_last_row_and_every_reject_is_named(tmp_path: Path, name: str) -> None:
    outcome = run(tmp_path, name, CASES[name])
    assert outcome.rows == outcome.accounted
    assert (outcome.lost, outcome.altered, outcome.mojibake, outcome.unnamed) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", REFUSED_WORKBOOKS)
def test_a_workbook_that_cannot_be_told_is_refused_with_place_and_remedy(tmp_path: Path, name: str) -> None:
    content, words, line = REFUSED_WORKBOOKS[name]
    door = Door(tmp_path)
    with pytest.raises(FileRefusedError) as caught:
        door.send(name, content(), ORDERS_MAP + line + "\n")
    for word in (name, *words):
        assert word in str(caught.value)
    assert door.lake.head() == 0


def test_the_same_rows_renamed_reordered_and_with_three_corrections(tmp_path: Path) -> None:
    """Fault 42. The same bytes are one batch under any name; a correction lands once, in the newest batch."""
    door = Door(tmp_path)
    numbers = [f"{number:04d}" for number in range(20)]
    first = door.send("january.csv", lines(*numbers))
    again = door.send("january (1).csv", lines(*numbers))
    assert (again.repeated, again.seq, door.lake.head()) == (True, first.seq, 1)
    turned = door.send("turned.csv", lines(*reversed(numbers)))
    assert not turned.repeated
    corrected = lines(*numbers)
    for number in ("0003", "0007", "0011"):
        corrected = corrected.replace(f"{number},2026-01-05 09:30:00,SKU-1,1,12.50,12.50", f"{number},2026-01-05 09:30:00,SKU-1,2,12.50,25.00")  # fmt: skip # noqa: E501
    fixed = door.send("corrected.csv", corrected)
    assert door.send("corrected again.csv", corrected).repeated
    landed = door.landed()
    newest = landed.sort("_row").unique(["store_id", "order_id"], keep="last", maintain_order=True)
    by_batch = {batch: landed.filter(landed["_batch"] == batch) for batch in landed["_batch"].unique().sort()}
    assert len(by_batch) == 3, "three contents, three batches; the repeats added none"
    assert newest.height == len(numbers)
    last = max(by_batch.values(), key=lambda frame: int(frame["paid_amount"].sum()))
    assert sorted(last.filter(last["paid_amount"] == 2500)["order_id"]) == ["0003", "0007", "0011"]
    assert (fixed.accepted, fixed.quarantined) == (20, 0)


@pytest.mark.slow  # every case once more, for the figures
def test_the_figures_of_the_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed for the fault table: files, rows, accounted share, and four zeros."""
    orders = {name: Case(content, 3) for name, content in SAME.items()}
    sums = dict.fromkeys(("rows", "accounted", "lost", "altered", "mojibake", "unnamed"), 0)
    for number, (name, case) in enumerate({**CASES, **orders}.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome = run(folder, name, case)
        for figure in sums:
            sums[figure] += getattr(outcome, figure)
    files = len(CASES) + len(SAME) + len(SORTED) + len(REFUSED) + len(REFUSED_WORKBOOKS)
    with capsys.disabled():
        print(f"\ndirty corpus: {files} files, {sums}")  # noqa: T201 - the figure
    assert files >= _BAR
    assert sums["accounted"] == sums["rows"]
    assert [sums[figure] for figure in ("lost", "altered", "mojibake", "unnamed")] == [0, 0, 0, 0]
