"""The mapping of a file, edited on the page: one box per column of the dataset, the file's columns to choose from."""

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Any

import streamlit as st
from pydantic import ValidationError

from dashboards.text import Words
from models.contracts import Column, contract
from models.documents.mapping import Mapping

NOTHING, ONE_VALUE = 0, -1  # choices that are no column of the file; its columns count from 1
ENCODINGS = ("utf-8", "gb18030", "utf-16", "big5")
_LONGEST_VALUE = 200
_UNITS = ("major", "minor")


@dataclass(frozen=True)
class Edited:
    """``document`` as it stands now. ``mapping``: None while ``missing`` names required columns, or ``problems`` say
    what does not hold."""

    document: dict[str, Any]
    mapping: Mapping | None
    missing: tuple[str, ...]
    problems: tuple[str, ...]


def label(words: Words, dataset: str, column: str | None) -> str:
    """A column of a dataset in the reader's language; what is no column of it, as it is.

    Without what its label says behind a comma: how it is stored, and not how a file has it.
    """
    if column is None:
        return ""
    of = contract(dataset).by_name.get(column)
    if of is None:
        return column
    return re.split(r"[,;\uff0c\uff1b]", of.zh if words.language == "zh" else of.en)[0].strip() or column


def dataset_name(words: Words, dataset: str) -> str:
    """A dataset in the reader's language, as its contract calls it."""
    of = contract(dataset)
    return of.zh if words.language == "zh" else of.en


def edit(words: Words, key: str, proposal: MappingOf[str, Any]) -> Edited:
    """Show the boxes of a proposal (the result of ``propose_import``) and give the mapping as it stands.

    ``key`` makes the boxes of one proposal its own. Routes, translations of cells and formats that the proposal has
    are kept where a column keeps its source.
    """
    base, of = dict(proposal["mapping"]), contract(proposal["dataset"])
    taken = {*base["columns"], *base.get("constants", {}), *proposal["missing"]}
    first = [c for c in of.columns if c.required or c.name in taken]
    others = [c for c in of.columns if c not in first]
    chosen: dict[str, Any] = {}
    constants = {k: v for k, v in base.get("constants", {}).items() if k not in of.by_name}
    with st.grid(3, min_column_width=230):
        for column in first:
            _box(words, key, column, proposal, chosen, constants)
    if others:
        with st.expander(words("imports.more_columns", n=len(others))), st.grid(3, min_column_width=230):
            for column in others:
                _box(words, key, column, proposal, chosen, constants)
    with st.expander(words("imports.reading")):
        form, duplicates = _reading(words, key, base, constants)
    document = {**base, "columns": chosen, "constants": constants, "format": form, "duplicates": duplicates}
    return _checked(document, of.dataset)


def _box(
    words: Words,
    key: str,
    column: Column,
    proposal: MappingOf[str, Any],
    chosen: dict[str, Any],
    constants: dict[str, str],
) -> None:
    """One column of the dataset: where it comes from, and for amounts in which unit."""
    header, base = proposal["header"], proposal["mapping"]
    spec = _spec(base["columns"].get(column.name))
    given = base.get("constants", {}).get(column.name)
    name = label(words, proposal["dataset"], column.name)
    with st.container(gap="small"):
        place = st.selectbox(
            words("imports.required_column", name=name) if column.required else name,
            # an amount that is the same for a whole file is a mistake
            [NOTHING, *range(1, len(header) + 1), *((ONE_VALUE,) if column.kind != "amount" else ())],
            index=_place(header, spec, given),
            format_func=lambda place: _choice(words, proposal, place),
            key=f"{key}_{column.name}",
        )
        if place == ONE_VALUE:
            value = st.text_input(
                words("imports.value_of", name=name),
                value=given or "",
                max_chars=_LONGEST_VALUE,
                key=f"{key}_{column.name}_value",
            )
            if value.strip():
                constants[column.name] = value.strip()
        elif place != NOTHING:
            source = header[place - 1]
            kept = spec if spec is not None and spec["from"] == source else {"from": source}
            if column.kind == "amount":
                kept = {**kept, "unit": _unit(words, f"{key}_{column.name}_unit", name, kept.get("unit"))}
            chosen[column.name] = kept


def _spec(given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    return dict(given) if isinstance(given, dict) else {"from": str(given)}


def _place(header: list[str], spec: MappingOf[str, Any] | None, given: str | None) -> int:
    """Index into the choices: nothing, the columns of the file, one value."""
    if spec is not None and spec["from"] in header:
        return header.index(spec["from"]) + 1
    return len(header) + 1 if given is not None else 0


def _choice(words: Words, proposal: MappingOf[str, Any], place: int) -> str:
    if place == NOTHING:
        return words("imports.not_in_file")
    if place == ONE_VALUE:
        return words("imports.one_value")
    source = proposal["header"][place - 1]
    example = proposal["examples"].get(source)
    return f"{source}  ·  {example}" if example else str(source)


def _unit(words: Words, key: str, name: str, stated: str | None) -> str:
    return str(
        st.segmented_control(
            words("imports.unit_of", name=name),
            _UNITS,
            default=stated or _UNITS[0],
            format_func=lambda unit: words.code("unit", unit),
            key=key,
            required=True,
        )
    )


def _reading(
    words: Words, key: str, base: MappingOf[str, Any], constants: dict[str, str]
) -> tuple[dict[str, Any], str]:
    """Header row, encoding, time zone, repeated rows: rarely touched."""
    form = dict(base.get("format", {}))
    with st.grid(4, min_column_width=200):
        row = st.number_input(
            words("imports.header_row"), 1, 1000, int(form.get("header_row", 1)), key=f"{key}__header_row"
        )
        stated = form.get("encoding")
        encodings = [None, *dict.fromkeys((*ENCODINGS, *((stated,) if stated else ())))]
        encoding = st.selectbox(
            words("imports.encoding"),
            encodings,
            index=encodings.index(stated),
            format_func=lambda name: name or words("imports.found_out"),
            key=f"{key}__encoding",
        )
        zone = st.text_input(
            words("imports.timezone"), constants.get("timezone", ""), max_chars=60, key=f"{key}__timezone"
        )
        drop = st.toggle(words("imports.drop_duplicates"), base.get("duplicates") == "drop", key=f"{key}__duplicates")
    constants.pop("timezone", None)
    if zone.strip():
        constants["timezone"] = zone.strip()
    form["header_row"] = int(row)
    form["encoding"] = encoding
    return form, "drop" if drop else "keep"


def _checked(document: dict[str, Any], dataset: str) -> Edited:
    given = {*document["columns"], *document["constants"]}
    missing = tuple(
        c.name for c in contract(dataset).columns if c.required and c.name not in given and c.name != "currency"
    )
    if missing or not document["columns"]:
        return Edited(document, None, missing, ())
    try:
        mapping = Mapping.model_validate(document)
    except ValidationError as error:
        problems = tuple(str(problem["msg"]) for problem in error.errors(include_input=False, include_url=False))
        return Edited(document, None, (), problems)
    return Edited(mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True), mapping, (), ())


def same(edited: Edited, proposal: MappingOf[str, Any]) -> bool:
    """Whether the mapping still is the one that the preview was made with."""
    if edited.mapping is None or proposal["missing"]:
        return False
    return edited.mapping.version == _plain(Mapping.model_validate(proposal["mapping"])).version


def _plain(mapping: Mapping) -> Mapping:
    """Units stated, as the boxes state them."""
    kinds = {column.name: column.kind for column in contract(mapping.dataset).columns}
    columns = {
        name: spec.model_copy(update={"unit": spec.unit or _UNITS[0]}) if kinds[name] == "amount" else spec
        for name, spec in mapping.columns.items()
    }
    return mapping.model_copy(update={"columns": columns})
