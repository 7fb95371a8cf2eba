"""Contracts of facts from outside: one module per source or subject, every contract listed here by dataset name."""

from models.contracts.contract import Contract
from models.contracts.landed.files import CONSENTS, CUSTOMERS, STORES
from models.contracts.landed.ledgers import CARDS, COUPONS, POINTS
from models.contracts.landed.members import FOLLOW_UPS, LEADS, MEMBERS, STAFF
from models.contracts.landed.money import COSTS, FX_RATES, PRODUCTS, SHOP_STATEMENTS, TAX_RATES
from models.contracts.landed.sales import ORDERS, REFUNDS
from models.contracts.landed.service import ENROLMENTS, TICKETS, VISITS
from models.contracts.landed.wecom import WECOM_CONTACTS, WECOM_FOLLOW_PHONES, WECOM_FOLLOWS, WECOM_STAFF, WECOM_SYNCS

LANDED: dict[str, Contract] = {
    contract.dataset: contract
    for contract in (
        ORDERS,
        REFUNDS,
        CUSTOMERS,
        STORES,
        CONSENTS,
        MEMBERS,
        STAFF,
        PRODUCTS,
        LEADS,
        FOLLOW_UPS,
        TICKETS,
        VISITS,
        ENROLMENTS,
        POINTS,
        CARDS,
        COUPONS,
        COSTS,
        FX_RATES,
        TAX_RATES,
        SHOP_STATEMENTS,
        WECOM_CONTACTS,
        WECOM_FOLLOWS,
        WECOM_FOLLOW_PHONES,
        WECOM_STAFF,
        WECOM_SYNCS,
    )
}
