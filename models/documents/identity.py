"""The identifier registry: by which identifiers people are recognised, in what order, and what never counts."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from models.documents.loading import Document


def _compiles(pattern: str) -> str:
    re.compile(pattern)
    return pattern


class IdentifierType(Document):
    """One type. ``hub_cap``: a value that meets more than so many different values of ``unique`` types links nobody."""

    name: str
    unique: bool = False
    hub_cap: int | None = Field(default=None, ge=1)
    blocked: tuple[str, ...] = ()
    blocked_patterns: tuple[Annotated[str, AfterValidator(_compiles)], ...] = ()


class IdentityRegistry(Document):
    """Types in order of priority, strongest first: a customer's id comes from its strongest, oldest identifier."""

    identifiers: tuple[IdentifierType, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "IdentityRegistry":
        names = [kind.name for kind in self.identifiers]
        if len(names) != len(set(names)):
            raise ValueError("an identifier type is listed twice; keep one")
        return self
