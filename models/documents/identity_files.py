"""The configuration of a file of people: which column says what, the rules that go first, and what is compared."""

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from models.documents.identity import IdentityRegistry
from models.documents.identity_matching import Matching
from models.documents.loading import Document, RefusedError
from models.identifiers import FORMS

_DATED = "birth_date"


def _is_form(name: str) -> str:
    if name not in FORMS:
        known = ", ".join(FORMS)
        raise RefusedError(f"{name} is no form; choose one of {known}", f"没有 {name} 这种形式，请选择：{known}")
    return name


class MappedColumn(Document):
    """Where an attribute's values stand, and into which canonical form they are brought; left out: as they stand.

    ``region``: ISO 3166 code of phone numbers without a country's.
    """

    column: str
    form: Annotated[str, AfterValidator(_is_form)] | None = None
    region: str = "CN"


def _column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class FileMatching(Document):
    """How a file of one row per record is resolved: its columns, and what is compared.

    ``record``: the column that names a record, unique. ``source``: of which list a record is. ``truth``: who it really
    is, for evaluation only. ``attributes``: attribute → column, or → column and form. ``registry``: rules that go
    first; what they leave apart is compared. ``as_of``: no date of birth lies behind it; needed where one is read.
    """

    record: str
    source: str | None = None
    truth: str | None = None
    attributes: dict[str, Annotated[MappedColumn, BeforeValidator(_column)]] = Field(min_length=1)
    as_of: date | None = None
    registry: IdentityRegistry | None = None
    matching: Matching

    @model_validator(mode="after")
    def _one_matching(self) -> "FileMatching":
        if self.registry is not None and self.registry.matching is not None:
            raise ValueError("registry.matching: a file has one matching, beside its registry; move it there")
        return self

    @model_validator(mode="after")
    def _what_is_read_is_mapped(self) -> "FileMatching":
        read = {*self.matching.attributes, *(self.registry.types if self.registry else ())}
        if absent := sorted(read - set(self.attributes)):
            raise ValueError(f"attributes: {', '.join(absent)} is read and not mapped; say which column holds it")
        if self.matching.between and self.source is None:
            raise ValueError("source: matching between two lists needs the column that tells them apart")
        if self.as_of is None and any(one.form == _DATED for one in self.attributes.values()):
            raise RefusedError(
                "as_of: say the day on which dates of birth are read: 00-01-02 is 2000 or 1900",
                "as_of：请写明读取出生日期的日期，00-01-02 可能是 2000 年，也可能是 1900 年",
            )
        return self
