"""What a person can do about a rejected cell: one sentence for every rule of the file door."""

import re

#: Pattern of the rule → what to do; the first that is found in it counts.
_REMEDIES: tuple[tuple[str, str], ...] = (
    (r"scientific notation", "export the column as text, or type the full number with a leading '"),
    (r"is required$", "fill the cell, or map another column or a constant to it"),
    (r"must not be blank", "fill the cell"),
    (r"is not a valid phone number", "correct the number; outside the mainland with + and the country code"),
    (r"the whole bill is refused", "download the bill again; if it stays so, report it to the channel"),
    (r"(state|type|direction) is not known", "see docs/bills.md: report the new word, and import the bill again then"),
    (r"U\+FFFD", "export the file anew as UTF-8: this text was damaged before it came here"),
    (r"formula error or has no value", "correct the formula, or open the workbook once, save it, and send that file"),
    (r"is not a number", "write a plain number such as -1299.50"),
    (r"is not a whole number", "write a whole number"),
    (r"more decimals|more than [0-9]+ decimals", "round it in the source, or state unit: minor when these are fen"),
    (r"too large", "correct the number, or state unit: minor when these are fen"),
    (r"states another currency", "correct the mark, or map the column that holds the currency"),
    (r"three capital letters", "write an ISO 4217 code such as CNY"),
    (r"is not a time", "write it as 2026-01-05 09:30:00, or state its format in the mapping"),
    (r"does not tell day from month", "state format, e.g. '%d/%m/%Y', in the mapping"),
    (r"did not exist in", "correct the time, or state the zone in which it was written"),
    (r"lies outside", "correct the year"),
    (r"is not yes or no", "write yes or no"),
    (r"cells, the header|more cells than the header", "move the cells under their headers; quote cells with commas"),
    (r"not a JSON object", "write one JSON object a line"),
    (r"several rows of the file with the same", "keep the right one and delete the others"),
    (r"must be above zero|must not be zero", "correct the number, or route such rows to another dataset"),
    (r"must not be negative", "correct the number, or state format: absolute in the mapping"),
    (r"must be from .* to", "correct the number"),
    (r"must not lie before", "correct one of the two times"),
    (r"must not be more than", "correct one of the numbers"),
    (r"must differ", "correct one of the two"),
    (r"must be ", "write one of these values, or translate it under values in the mapping"),
    (r"needs? ", "fill one of these cells"),
    (r"is of a .* or of an ", "clear one of the two cells, or fill one"),
)  # fmt: skip


def remedy(rule: str) -> str:
    """The remedy of a rule of quarantine. A rule that has none of its own gives the general one."""
    for pattern, sentence in _REMEDIES:
        if re.search(pattern, rule):
            return sentence
    return GENERAL


GENERAL = "correct the cell and import the repaired file"
