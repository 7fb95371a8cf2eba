"""Contracts of facts from outside: one module per source, every contract listed here by dataset name."""

from models.contracts.contract import Contract
from models.contracts.landed.files import CONSENTS, CUSTOMERS, STORES
from models.contracts.landed.sales import ORDERS, REFUNDS
from models.contracts.landed.wecom import WECOM_CONTACTS, WECOM_FOLLOW_PHONES, WECOM_FOLLOWS, WECOM_STAFF, WECOM_SYNCS

LANDED: dict[str, Contract] = {
    contract.dataset: contract
    for contract in (
        ORDERS,
        REFUNDS,
        CUSTOMERS,
        STORES,
        CONSENTS,
        WECOM_CONTACTS,
        WECOM_FOLLOWS,
        WECOM_FOLLOW_PHONES,
        WECOM_STAFF,
        WECOM_SYNCS,
    )
}
