"""Our tables, a file a room. Rows only: no methods that decide, no signals, no managers that hide a query.

Columns that point across owners (an order's member, a position's holder) are plain 64-bit ids without a foreign key,
so that orders can be distributed by merchant and member-side tables by account (architecture.md, Citus).
"""

from greenloop.store.models.books import Journal, LedgerAccount, Posting, PostingRule
from greenloop.store.models.checks import Reconciliation
from greenloop.store.models.loop import (
    Cohort,
    Coupon,
    Plan,
    Pool,
    PoolCycle,
    Position,
    RuleVersion,
    SettledCycle,
    SettlementRun,
    Voucher,
    Wallet,
    WalletEntry,
)
from greenloop.store.models.orders import Clawback, CouponUse, Deposit, FeeTransfer, Order, Payout, Refund, VoucherUse
from greenloop.store.models.people import (
    Account,
    Grant,
    Hold,
    Member,
    Merchant,
    MerchantLink,
    RateCard,
    ReferralMonth,
    Shop,
    Worker,
)

__all__ = [
    "Account",
    "Clawback",
    "Cohort",
    "Coupon",
    "CouponUse",
    "Deposit",
    "FeeTransfer",
    "Grant",
    "Hold",
    "Journal",
    "LedgerAccount",
    "Member",
    "Merchant",
    "MerchantLink",
    "Order",
    "Payout",
    "Plan",
    "Pool",
    "PoolCycle",
    "Position",
    "Posting",
    "PostingRule",
    "RateCard",
    "Reconciliation",
    "ReferralMonth",
    "Refund",
    "RuleVersion",
    "SettledCycle",
    "SettlementRun",
    "Shop",
    "Voucher",
    "VoucherUse",
    "Wallet",
    "WalletEntry",
    "Worker",
]
