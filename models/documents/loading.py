"""What all documents share: YAML in, a frozen pydantic object out, a version that is the hash of the content."""

import hashlib
import json
from pathlib import Path
from typing import ClassVar, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import ExpectedError


class DocumentError(ExpectedError, ValueError):
    """A document does not hold; the message names file, field and remedy."""


class TextLoader(yaml.SafeLoader):
    """Every scalar but null is text: a column may be called ``no`` or ``2026``, and a store ``0012``."""


TextLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag in ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Document(BaseModel):
    """Base of every document: unknown fields are refused, a loaded document does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    loader: ClassVar[type[yaml.SafeLoader]] = yaml.SafeLoader

    @property
    def version(self) -> str:
        """First 16 hex digits of the sha256 of the canonical form: equal content, equal version."""
        body = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(body.encode()).hexdigest()[:16]

    @classmethod
    def parse(cls, text: str, *, name: str) -> Self:
        """Read YAML text. Raises DocumentError naming ``name``, the field and what is wrong."""
        try:
            content = yaml.load(text, Loader=cls.loader)
        except yaml.YAMLError as error:
            raise DocumentError(f"{name}: not readable as YAML: {error}") from error
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            lines = [f"{'.'.join(str(part) for part in e['loc']) or 'document'}: {e['msg']}" for e in error.errors()]
            raise DocumentError(f"{name}: " + "; ".join(lines)) from error

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a YAML file. Raises DocumentError, or FileNotFoundError."""
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise DocumentError(f"{path.name}: not UTF-8 ({error}); save it as UTF-8") from error
        return cls.parse(text, name=path.name)
