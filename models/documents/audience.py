"""The audience document: who is meant, for which purpose and channel, and what about them leaves the house."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from models.audiences.conditions import Condition, canonical, fields_of, parse
from models.audiences.fields import CHANNEL_IDENTIFIERS, FIELDS
from models.documents.loading import Document, DocumentError

# Names become parts of file names: nothing but these letters.
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]


class Title(Document):
    zh: str = Field(min_length=1, max_length=80)
    en: str = Field(min_length=1, max_length=80)


class AudienceDocument(Document):
    """``conditions``: a tree, see ``models.audiences.conditions``. ``identifier`` addresses the person on ``channel``.

    ``columns`` are exported after customer_id and the identifier. ``order_by``: a field, with ``-`` before it for
    descending; empty values come last. ``limit`` counts what is exported, after everybody who must not be contacted
    is left out. ``recipient``: who gets the file, written to the audit. ``phone_format``: ``e164`` (+8613800001111; the
    plus gets an apostrophe in front, as spreadsheets would calculate it) or ``digits`` (8613800001111).
    """

    name: Name
    title: Title
    purpose: Name
    channel: str
    recipient: str = Field(default="in-house", min_length=1, max_length=80)
    conditions: dict[str, Any]
    identifier: str
    phone_format: Literal["e164", "digits"] = "e164"
    columns: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    limit: int | None = Field(default=None, ge=1, strict=True)

    @field_validator("conditions", mode="before")
    @classmethod
    def _checked(cls, content: object) -> dict[str, Any]:
        return canonical(parse(content))

    @field_validator("columns", "order_by")
    @classmethod
    def _known_once(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        names = [column.removeprefix("-") for column in columns]
        for column in names:
            if column not in FIELDS:
                raise ValueError(f"unknown field {column[:80]!r}; known: {', '.join(FIELDS)}")
            if FIELDS[column].kind == "texts":
                raise ValueError(f"{column} has several values of one customer: it can be asked about, not handed out")
        if len(names) != len(set(names)):
            raise ValueError("a field is listed twice")
        return columns

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.channel not in CHANNEL_IDENTIFIERS:
            raise ValueError(f"unknown channel {self.channel[:80]!r}; known: {', '.join(CHANNEL_IDENTIFIERS)}")
        if self.identifier not in CHANNEL_IDENTIFIERS[self.channel]:
            raise ValueError(
                f"identifier: a person is reached by {' or '.join(CHANNEL_IDENTIFIERS[self.channel])} on {self.channel}"
            )
        return self

    @property
    def tree(self) -> Condition:
        return parse(self.conditions)

    @property
    def exported(self) -> tuple[str, ...]:
        """Columns of an exported file, in order: customer, identifier, then what the document names."""
        return tuple(dict.fromkeys(("customer_id", self.identifier, *self.columns)))

    @property
    def fields(self) -> frozenset[str]:
        """Every field that a candidate must have for this audience."""
        ordering = {field.removeprefix("-") for field in self.order_by}
        return fields_of(self.tree) | ordering | set(self.exported) | {"birth_date"}

    @property
    def uses_profiling(self) -> bool:
        """A score decides who is in, or is handed out."""
        return any(FIELDS[field].profiled for field in self.fields)


def load_audiences(rulebooks: Path) -> dict[str, AudienceDocument]:
    """Every audience document under ``<rulebooks>/audiences``, by name. Raises DocumentError."""
    documents = {}
    for path in sorted((rulebooks / "audiences").glob("*.yaml")):
        document = AudienceDocument.load(path)
        if document.name != path.stem:
            raise DocumentError(f"{path.name}: name: is {document.name!r}; a document is named like its file")
        documents[document.name] = document
    return documents
