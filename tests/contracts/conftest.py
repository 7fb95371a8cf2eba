"""The connectors that the suites ask, the example of the documentation among them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.served import KINDS
from tests.connectors.stand import Kind
from tests.connectors.till import installed_here


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example connector of the documentation, as if its package were installed."""
    folder = tmp_path_factory.mktemp("packages")
    with installed_here(folder):
        yield folder


@pytest.fixture(params=KINDS, ids=lambda kind: kind.system)
def kind(request: pytest.FixtureRequest, example: Path) -> Kind:
    found: Kind = request.param
    return found
