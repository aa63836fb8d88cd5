"""Which tables and columns an export holds, and in which order their rows stand.

Nothing in it says who somebody is: refs, order numbers, names of staff and reasons of holds stay behind. Amounts are
fen and points 1/100 point, both int64; multiples and rates are ppm; release indices are × 10**12.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of an export: its name there and in the database, its order, its columns by type."""

    name: str
    table: str
    order: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns' names."""
        return tuple(name for name, _ in self.columns)


def _sheet(name: str, order: str, columns: str, *, table: str = "") -> Sheet:
    """Return a sheet from `column:type` words; a column without a type is a whole number."""
    pairs = (word.partition(":") for word in columns.split())
    return Sheet(name, table or name, tuple(order.split()), tuple((word, kind or "whole") for word, _, kind in pairs))


SHEETS = (
    _sheet(
        "orders",
        "id",
        "id merchant_id shop_id member_id referrer_id rules_id pool_id plan_id journal_id paid_at:instant cash_fen "
        "voucher_fen coupon_fen rate_ppm concession_fen green_part_fen red_part_fen coupon_part_fen fee_part_fen "
        "member_multiple_ppm merchant_multiple_ppm grant_id rebate_fen confirmed_at:instant vests_at:instant held:flag "
        "entry_cycle entered_fen kept_fen red_points payout_id refunded_fen refunded_cash_fen refunded_voucher_fen "
        "concession_lost_fen",
    ),
    _sheet("positions", "account_id cohort_id", "account_id cohort_id points", table="position"),
    _sheet("cohorts", "id", "id pool_id plan_id entry points release_index index_cap age rate base", table="cohort"),
    _sheet(
        "wallets",
        "account_id pool_id",
        "account_id pool_id claimed_fen voucher_fen redeemed_fen expired_fen debt_fen",
        table="wallet",
    ),
    _sheet(
        "wallet_entries",
        "account_id journal_id line",
        "account_id journal_id line pool_id cycle kind:text amount_fen order_id",
        table="wallet_entry",
    ),
    _sheet(
        "settled_cycles",
        "pool_id cycle",
        "pool_id cycle cutoff_at:instant inflow_fen issued_fen free_fen backing_fen spent_fen answer:text "
        "indices:text journal_id",
        table="settled_cycle",
    ),
    _sheet("pool_cycles", "pool_id cycle", "pool_id cycle inflow_fen cap_fen", table="pool_cycle"),
    _sheet(
        "pools",
        "id",
        "id name:text is_red:flag terms:text first_cycle entry_cycle settled_cycle free_fen backing_fen spent_fen",
        table="pool",
    ),
    _sheet("plans", "id", "id name:text terms:text", table="plan"),
    _sheet(
        "rules",
        "id",
        "id document:text red_pool_id red_plan_id effective_at:instant published_at:instant",
        table="rule_version",
    ),
    _sheet(
        "ledger_accounts",
        "id",
        "id name:text account_class:text book:text is_asset:flag debits_fen credits_fen",
        table="ledger_account",
    ),
    _sheet(
        "journals", "id", "id book:text key:text kind:text effective_at:instant recorded_at:instant", table="journal"
    ),
    _sheet("postings", "id", "id journal_id debit_id credit_id amount_fen", table="posting"),
    _sheet(
        "refunds",
        "id",
        "id merchant_id order_id amount_fen state:text asked_at:instant paid_at:instant journal_id cycle cash_fen "
        "voucher_fen coupon_fen withheld_fen concession_lost_fen member_points_lost merchant_points_lost "
        "red_points_lost effect:text effect_journal_id dues_fen payout_id",
        table="refund",
    ),
    _sheet(
        "clawbacks",
        "account_id refund_id pool_id",
        "account_id refund_id pool_id voucher_fen expired_fen cash_fen dues_fen reserve_fen",
        table="clawback",
    ),
    _sheet("payouts", "id", "id merchant_id business_date:day amount_fen journal_id", table="payout"),
    _sheet("deposits", "id", "id merchant_id amount_fen journal_id payout_id advance_of", table="deposit"),
    _sheet("fee_transfers", "cycle", "cycle amount_fen journal_id", table="fee_transfer"),
    _sheet(
        "vouchers",
        "id",
        "id account_id pool_id face_fen left_fen drawn_at:instant expires_at:instant",
        table="voucher",
    ),
    _sheet(
        "voucher_uses",
        "account_id order_id line",
        "account_id order_id line voucher_id pool_id amount_fen returned_fen",
        table="voucher_use",
    ),
    _sheet(
        "coupons",
        "account_id order_id kind",
        "account_id order_id kind:text grant_id face_fen left_fen expired_fen usable_at:instant expires_at:instant",
        table="coupon",
    ),
    _sheet(
        "coupon_uses",
        "account_id order_id line",
        "account_id order_id line coupon_order_id coupon_kind:text amount_fen returned_fen",
        table="coupon_use",
    ),
    _sheet(
        "members", "account_id", "account_id city:text enrolled_at:instant referrer_id first_order_id", table="member"
    ),
    _sheet(
        "merchants",
        "id",
        "id account_id city:text grade:text multiple_ppm accepts_coupons:flag enrolled_at:instant",
        table="merchant",
    ),
    _sheet("rate_cards", "id", "id merchant_id rate_ppm valid_from_at:instant", table="rate_card"),
    _sheet("shops", "id", "id merchant_id", table="shop"),
    _sheet("referral_months", "account_id month", "account_id month:text red_fen", table="referral_month"),
    _sheet(
        "grants",
        "id",
        "id amount_fen rebate_fen committed_fen transferred_fen unused_fen proposed_at:instant approved_at:instant",
        table="marketing_grant",
    ),
    _sheet(
        "settlement_runs",
        "id",
        "id cycle state:text issued_fen cap_fen proposed_at:instant decided_at:instant",
        table="settlement_run",
    ),
    _sheet(
        "log_leaves",
        "number",
        "number kind:text about:text body:text leaf_hash:text at:instant",
        table="log_leaf",
    ),
    _sheet(
        "log_checkpoints",
        "size",
        "size root_hash:text origin:text key_id:text public_key:text signature:text at:instant",
        table="log_checkpoint",
    ),
    _sheet(
        "liability_roots",
        "cycle",
        "cycle day:day as_of_at:instant journal_id journal_hash:text root_hash:text nonce_hash:text leaves holders "
        "total_fen claimable_fen unspent_fen coupon_fen dues_fen dust_fen bank_fen in_transit_fen form trust_number "
        "trust_hash:text trust_pending statements:text published_at:instant",
        table="liability_root",
    ),
    _sheet(
        "liability_books",
        "cycle account_id",
        "cycle account_id debits_fen credits_fen posting_id",
        table="liability_book",
    ),
)
