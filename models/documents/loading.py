"""What all documents share: YAML in, a frozen pydantic object out, a version that is the hash of the content."""

import hashlib
import json
from pathlib import Path
from typing import ClassVar, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from models.errors import ExpectedError


class DocumentError(ExpectedError, ValueError):
    """A document does not hold; the message names file, field and remedy."""


class RefusedError(ValueError):
    """What a document's own check refuses, in both languages: a validator raises it, ``parse`` shows both."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.zh = zh


#: Pydantic's own errors by type, in Chinese; the others are shown in English only.
_IN_CHINESE = {
    "missing": "缺少必填项",
    "extra_forbidden": "没有这个字段，请检查拼写或删除",
    "int_parsing": "应为整数",
    "int_type": "应为整数",
    "float_parsing": "应为数字",
    "float_type": "应为数字",
    "bool_parsing": "应为 true 或 false",
    "string_type": "应为文本",
    "tuple_type": "应为列表",
    "model_type": "应为若干字段组成的对象",
    "model_attributes_type": "应为若干字段组成的对象",
    "enum": "应为以下之一：{expected}",
    "literal_error": "应为以下之一：{expected}",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不应小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "不应大于 {le}",
    "too_short": "至少要有 {min_length} 项",
    "too_long": "最多只能有 {max_length} 项",
    "string_pattern_mismatch": "格式应为 {pattern}",
}


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
        except RecursionError as error:
            raise DocumentError(f"{name}: not readable as YAML: its brackets are nested too deeply") from error
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise DocumentError(f"{name}: " + "; ".join(_told(e) for e in error.errors())) from error

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a YAML file. Raises DocumentError, or FileNotFoundError."""
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise DocumentError(f"{path.name}: not UTF-8 ({error}); save it as UTF-8") from error
        return cls.parse(text, name=path.name)


def _told(error: ErrorDetails) -> str:
    """Field, what is wrong, and the same in Chinese where there are words for it."""
    context = error.get("ctx", {})
    cause = context.get("error")
    chinese = cause.zh if isinstance(cause, RefusedError) else _IN_CHINESE.get(error["type"], "").format(**context)
    field = ".".join(str(part) for part in error["loc"]) or "document"
    return f"{field}: {error['msg']}" + (f"（{chinese}）" if chinese else "")
