"""Contracts of facts from outside: one module per source or subject, every contract listed here by dataset name."""

from models.contracts.contract import Contract
from models.contracts.landed.bills import BILLS, FUND_LINES, PAYMENT_BILL_LINES, SPLIT_LINES
from models.contracts.landed.chat import CHAT_MESSAGES, CHAT_RECEIVERS
from models.contracts.landed.files import CONSENTS, CUSTOMERS, STORES
from models.contracts.landed.identity import IDENTITY_DECISIONS
from models.contracts.landed.ledgers import CARDS, COUPONS, POINTS
from models.contracts.landed.members import FOLLOW_UPS, LEADS, MEMBERS, STAFF
from models.contracts.landed.mini_program import APP_EVENTS
from models.contracts.landed.money import COSTS, FX_RATES, PRODUCTS, SHOP_STATEMENTS, TAX_RATES
from models.contracts.landed.payments import PAYMENTS
from models.contracts.landed.reconciliation import RECONCILIATION_DECISIONS
from models.contracts.landed.sales import ORDERS, REFUNDS
from models.contracts.landed.service import ENROLMENTS, TICKETS, VISITS
from models.contracts.landed.statements import STATEMENT_EVENTS
from models.contracts.landed.suppressions import SUPPRESSIONS
from models.contracts.landed.taobao import TAOBAO_REFUNDS, TAOBAO_TRADE_LINES, TAOBAO_TRADES
from models.contracts.landed.wecom import (
    WECOM_CONTACTS,
    WECOM_DEPARTMENTS,
    WECOM_FOLLOW_PHONES,
    WECOM_FOLLOW_TAGS,
    WECOM_FOLLOWS,
    WECOM_STAFF,
    WECOM_STAFF_DEPARTMENTS,
    WECOM_SYNCS,
)
from models.contracts.landed.wecom_activity import (
    WECOM_BEHAVIOUR,
    WECOM_EVENTS,
    WECOM_MESSAGE_SENDS,
    WECOM_MESSAGE_TASKS,
    WECOM_MESSAGES,
    WECOM_PAYMENT_REFUNDS,
    WECOM_PAYMENTS,
)
from models.contracts.landed.wecom_corp import (
    WECOM_GROUP_MEMBERS,
    WECOM_GROUPS,
    WECOM_LINK_CUSTOMERS,
    WECOM_LINK_QUOTAS,
    WECOM_LINKS,
    WECOM_TAGS,
    WECOM_TRANSFERS,
    WECOM_UNASSIGNED,
)
from models.contracts.landed.youzan import (
    YOUZAN_REFUND_DETAILS,
    YOUZAN_REFUNDS,
    YOUZAN_TRADE_LINES,
    YOUZAN_TRADES,
)

LANDED: dict[str, Contract] = {
    contract.dataset: contract
    for contract in (
        ORDERS,
        REFUNDS,
        CUSTOMERS,
        STORES,
        CONSENTS,
        IDENTITY_DECISIONS,
        RECONCILIATION_DECISIONS,
        SUPPRESSIONS,
        STATEMENT_EVENTS,
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
        PAYMENTS,
        APP_EVENTS,
        BILLS,
        PAYMENT_BILL_LINES,
        FUND_LINES,
        SPLIT_LINES,
        TAOBAO_TRADES,
        TAOBAO_TRADE_LINES,
        TAOBAO_REFUNDS,
        YOUZAN_TRADES,
        YOUZAN_TRADE_LINES,
        YOUZAN_REFUNDS,
        YOUZAN_REFUND_DETAILS,
        WECOM_CONTACTS,
        WECOM_FOLLOWS,
        WECOM_FOLLOW_PHONES,
        WECOM_STAFF,
        WECOM_SYNCS,
        WECOM_DEPARTMENTS,
        WECOM_STAFF_DEPARTMENTS,
        WECOM_FOLLOW_TAGS,
        WECOM_TAGS,
        WECOM_GROUPS,
        WECOM_GROUP_MEMBERS,
        WECOM_LINKS,
        WECOM_LINK_CUSTOMERS,
        WECOM_LINK_QUOTAS,
        WECOM_UNASSIGNED,
        WECOM_TRANSFERS,
        WECOM_BEHAVIOUR,
        WECOM_PAYMENTS,
        WECOM_PAYMENT_REFUNDS,
        WECOM_MESSAGES,
        WECOM_MESSAGE_TASKS,
        WECOM_MESSAGE_SENDS,
        WECOM_EVENTS,
        CHAT_MESSAGES,
        CHAT_RECEIVERS,
    )
}
