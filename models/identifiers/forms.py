"""The canonical forms by name: what a document may ask a column to be brought to."""

from collections.abc import Callable
from datetime import date

import polars as pl

from models.identifiers.addresses import addresses
from models.identifiers.dates_and_mail import birth_dates, emails, genders
from models.identifiers.masks import phone_mask
from models.identifiers.names import person_names
from models.identifiers.phones import phones_e164

_OF_NAMES = ("name", "surname", "given_name", "name_pinyin", "name_sound", "name_mask")
_OF_ADDRESSES = ("province", "city", "district", "road", "number", "door", "address", "address_mask")
_PLAIN: dict[str, Callable[[pl.Series], pl.Series]] = {"email": emails, "gender": genders}
_BY_REGION: dict[str, Callable[[pl.Series, str], pl.Series]] = {"phone": phones_e164, "phone_mask": phone_mask}

#: Names of the forms, as ``in_form`` knows them.
FORMS = (*_PLAIN, *_BY_REGION, "birth_date", *_OF_NAMES, *_OF_ADDRESSES)


def in_form(values: pl.Series, form: str, *, region: str, today: date) -> pl.Series:
    """Text values in one of FORMS, null where they cannot be read; a birth date as YYYY-MM-DD.

    region: ISO 3166 code of a number without a country's. today: no birth date lies behind it. Raises KeyError for an
    unknown form.
    """
    if form in _PLAIN:
        found = _PLAIN[form](values)
    elif form in _BY_REGION:
        found = _BY_REGION[form](values, region)
    elif form == "birth_date":
        found = birth_dates(values, today).dt.to_string("%Y-%m-%d")
    elif form in _OF_NAMES:
        found = person_names(values)[form]
    elif form in _OF_ADDRESSES:
        found = addresses(values)[form]
    else:
        raise KeyError(form)
    return found.alias(values.name)
