"""Why a row or a file was turned away, and what to do about it, in the reader's language.

The importer's own sentence is recognised by its form; one that is not known is shown as it is, in English.
"""

import re

from dashboards.text import Words

#: Form of the importer's sentence → the words for it: ``reason.<code>`` and, where there is one, ``remedy.<code>``.
_FORMS = tuple(
    (re.compile(form), code)
    for form, code in (
        (r" is required$", "required"),
        (r" is required where |needs one of | needs ", "required_together"),
        (r"must be above zero", "above_zero"),
        (r"must not be (below zero|negative)|must be zero or more", "not_negative"),
        (r"scientific notation|digits are gone", "digits_lost"),
        (r"minor units are whole numbers| decimals$", "decimals"),
        (r"too large to be an amount|too large$", "too_large"),
        (r"is not a whole number", "whole_number"),
        (r"is not a number", "number"),
        (r"is a formula error", "formula"),
        (r"holds U\+FFFD", "damaged_text"),
        (r"is not a valid phone number", "phone"),
        (r"day first or month first|day and month", "day_month"),
        (r"is not a time of the form", "time_form"),
        (r"is not a time", "time"),
        (r"states another currency|another currency", "currency_mark"),
        (r"three capital letters", "currency"),
        (r"several rows of the file with the same", "same_key"),
        (r"the row has (more cells|\d+ cells)", "ragged"),
        (r"must not lie before", "order_of_times"),
        (r"below zero", "discount"),
        (r" must be .* or ", "known_value"),
        (r"protected by a password", "password"),
        (r"old binary workbook", "old_workbook"),
        (r"a compressed file", "compressed"),
        (r"a PDF", "pdf"),
        (r"the file is empty| is empty$|no line is a JSON object", "empty"),
        (r"is larger than", "too_big"),
        (r"NUL byte", "nul"),
        (r"is never closed|quote is opened", "quote"),
        (r"neither UTF-8 nor GB18030|is not valid UTF-8|Western encoding", "encoding"),
        (r"two tables|second table", "two_tables"),
        (r"unpacks to", "unpacks"),
        (r"the file has no column", "no_column"),
        (r"header row is blank|header_row is", "header_row"),
        (r"a table has at most|columns; a table", "too_wide"),
        (r"a damaged|is damaged", "damaged_file"),
        (r"a mark for nobody", "masked"),
        (r"says that there is nothing", "null_word"),
        (r"usual|unknown value", "unknown_value"),
        (r"the name ends in", "other_ending"),
        (r"no row follows", "no_rows"),
        (r"no longer kept", "upload_gone"),
        (r"do not include this action|no account here", "not_permitted"),
        (r"worker died", "worker_died"),
        (r"fault of the program", "fault"),
    )
)


def explained(words: Words, said: str) -> tuple[str, str]:
    """The reason and its remedy; the remedy is empty when the reason says all, or is not known."""
    code = next((code for form, code in _FORMS if form.search(said)), None)
    if code is None:
        return said, ""
    return words.known("reason", code) or said, words.known("remedy", code) or ""


def codes() -> list[str]:
    """Every code that has words."""
    return [code for _, code in _FORMS]
