"""The house keeps its own rules: the tree, the names, the sizes, the generated pages, both languages."""

import re
import subprocess

import pytest

from models.settings import PROJECT_ROOT
from pipelines.commands.pages import commands_page, metrics_page, settings_page

TOP_LEVEL = {
    "pipelines", "dbt_project", "models", "dashboards", "ml", "data", "tests", "docs", ".ci",
    "pyproject.toml", "requirements.lock", "requirements-spark.lock", "Makefile", "README.md", "README.zh-CN.md",
    "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", ".gitignore",
}  # fmt: skip
LONGEST = 400


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for path in listed.stdout.splitlines() if (PROJECT_ROOT / path).exists()]


def test_the_top_level_is_the_one_that_was_agreed() -> None:
    assert {path.split("/")[0] for path in tracked()} <= TOP_LEVEL


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_tree_in_the_readme_names_every_room(readme: str) -> None:
    text = (PROJECT_ROOT / readme).read_text(encoding="utf-8")
    shown = set(re.findall(r"^([a-z_]+)/ ", text, flags=re.MULTILINE))
    assert shown == {path.split("/")[0] for path in tracked() if "/" in path} - {".ci"}


def test_no_name_that_says_nothing() -> None:
    empty = re.compile(r"(^|/)(utils?|helpers?|common|misc|manager)(\.py|/)")
    assert [path for path in tracked() if empty.search(path)] == []


def test_no_file_is_too_long_to_read() -> None:
    code = [path for path in tracked() if path.endswith((".py", ".sql"))]
    lengths = {path: len((PROJECT_ROOT / path).read_text(encoding="utf-8").splitlines()) for path in code}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


@pytest.mark.parametrize(
    ("page", "render"),
    [("settings.md", settings_page), ("commands.md", commands_page), ("metrics.md", metrics_page)],
)
def test_generated_pages_are_up_to_date(page: str, render) -> None:
    assert (PROJECT_ROOT / "docs" / page).read_text(encoding="utf-8") == render(), "run `make docs`"


def test_every_link_of_the_docs_leads_somewhere() -> None:
    broken = []
    for path in (path for path in tracked() if path.endswith(".md")):
        folder = (PROJECT_ROOT / path).parent
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", (PROJECT_ROOT / path).read_text(encoding="utf-8")):
            if not (folder / target).exists():
                broken.append(f"{path} → {target}")
    assert broken == []
