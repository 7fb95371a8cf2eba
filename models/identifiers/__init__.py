"""Normalisers of identifiers and attributes of people. Each gives one canonical form and is idempotent; what it cannot
read is null, and no text makes it raise. What each does, with examples: docs/identity-values.md."""

from models.identifiers.addresses import ADDRESS_COLUMNS, addresses, addresses_of_parts
from models.identifiers.agreement import names_agree
from models.identifiers.dates_and_mail import birth_dates, emails, genders, licence_plates
from models.identifiers.forms import FORMS, in_form
from models.identifiers.latin_names import latin_part
from models.identifiers.masks import phone_fits, phone_mask, phone_masks, phone_pattern
from models.identifiers.names import NAME_COLUMNS, person_names
from models.identifiers.phones import phone_e164, phone_facts, phones_e164, phones_of
from models.identifiers.showing import masked, masked_all
from models.identifiers.text import clean_text, simplified

__all__ = [
    "ADDRESS_COLUMNS",
    "FORMS",
    "NAME_COLUMNS",
    "addresses",
    "addresses_of_parts",
    "birth_dates",
    "clean_text",
    "emails",
    "genders",
    "in_form",
    "latin_part",
    "licence_plates",
    "masked",
    "masked_all",
    "names_agree",
    "person_names",
    "phone_e164",
    "phone_facts",
    "phone_fits",
    "phone_mask",
    "phone_masks",
    "phone_pattern",
    "phones_e164",
    "phones_of",
    "simplified",
]
