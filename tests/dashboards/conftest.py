"""What the tests of pages share."""

import functools
from collections.abc import Iterator

import pytest
from streamlit.components.v2 import manifest_scanner


@pytest.fixture(scope="session", autouse=True)
def scanned_once() -> Iterator[None]:
    """Streamlit's test runner reads the metadata of every installed package at each run of a page: half of its time.

    A server does so once, when it starts. The packages do not change while the tests run.
    """
    with pytest.MonkeyPatch.context() as patched:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patched.setattr(manifest_scanner, "scan_component_manifests", once)
        yield
