"""Every word of the pages, from ``locales/<language>.json``. Values of the data never go through here."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LANGUAGES = ("zh", "en")
LANGUAGE_NAMES = {"zh": "中文", "en": "English"}  # each in its own language, so that it is found from the other
_LOCALES = Path(__file__).with_name("locales")


@dataclass(frozen=True)
class Words:
    """The words of one language. ``words("overview.title")``, ``words("overview.days", n=30)``."""

    language: str

    def __call__(self, key: str, **values: object) -> str:
        """Raises KeyError when the key is not in the locale: a page with a hole is a fault, not a style."""
        text = _locale(self.language)[key]
        return text.format(**values) if values else text

    def code(self, family: str, code: str | None) -> str:
        """A code of the data in words (``code("kind", "refund")``); a code without words is shown as it is."""
        return "" if code is None else self.known(family, code) or code

    def known(self, family: str, code: str) -> str | None:
        """The same; None when the code has no words."""
        return _locale(self.language).get(f"{family}.{code}")


@cache
def _locale(language: str) -> dict[str, str]:
    return dict(json.loads((_LOCALES / f"{language}.json").read_text(encoding="utf-8")))
