"""What a supervision report calls its steps, its movements and its exceptions; marked sentences, said in any language.

The report's own name stands in both languages, for it is what regulators ask for by name.
"""

from greenloop.core.books.accounts import account_class
from greenloop.core.faults import say
from greenloop.store.queries.supervised import Flow

NAME_ZH, NAME_EN = "消费数据全链路监管报告", "Full-chain supervision report"
FORMS = {
    "public": say("Public form: no personal data, small groups told together"),
    "auditor": say("Auditor's form: with rows under names made for this report"),
    "staff": say("On screen, for the platform's people"),
}
STEPS = {
    "orders": (say("Orders"), say("what shoppers paid, by cash, vouchers and coupons")),
    "concessions": (say("Concessions"), say("what the shops gave up of the cash")),
    "split": (say("Split"), say("what vested, and into which parts")),
    "pools": (say("Pools"), say("what the pools took in")),
    "releases": (say("Release"), say("what settlements released to the holders of points")),
    "vouchers": (say("Vouchers"), say("what holders drew as vouchers")),
    "redemptions": (say("Redemptions"), say("vouchers that paid for goods")),
    "dues": (say("Shops' dues"), say("what the shops earned by their orders")),
    "payouts": (say("Paying out"), say("what was paid out to the shops")),
    "custody": (say("Custody"), say("cash in custody at the end, all of it owed to somebody")),
}
"""Each step's name, and what its first figure is."""
ACCOUNTS = {
    "trust:bank": say("confirmed cash"),
    "trust:in_transit": say("cash on its way"),
    "trust:concession_pending": say("concessions that wait to vest"),
    "trust:pool": say("free money of the pools"),
    "trust:accrued": say("released and not drawn"),
    "trust:voucher": say("drawn and unspent vouchers"),
    "trust:coupon": say("coupons"),
    "trust:merchant_payable": say("owed to the shops"),
    "trust:fee_payable": say("the platform's fee, not moved yet"),
    "trust:grant_unused": say("grants that refunds gave back"),
    "trust:reserve": say("reserve"),
}
_BANK, _TRANSIT, _DUES = "trust:bank", "trust:in_transit", "trust:merchant_payable"
_PENDING, _POOL, _ACCRUED, _VOUCHER = "trust:concession_pending", "trust:pool", "trust:accrued", "trust:voucher"
_COUPON, _RESERVE, _FEE, _GRANT = "trust:coupon", "trust:reserve", "trust:fee_payable", "trust:grant_unused"
_MOVES = {
    ("take", _TRANSIT, _DUES): say("cash of orders, less the concession"),
    ("take", _TRANSIT, _PENDING): say("concessions of orders"),
    ("take", _ACCRUED, _VOUCHER): say("drawn at the till"),
    ("take", _ACCRUED, _RESERVE): say("debts repaid at the till"),
    ("take", _VOUCHER, _DUES): say("vouchers redeemed at the shops"),
    ("take", _COUPON, _DUES): say("coupons redeemed at the shops"),
    ("confirm", _BANK, _TRANSIT): say("cash confirmed by statements"),
    ("vest", _PENDING, _POOL): say("vested into the pools"),
    ("vest", _PENDING, _COUPON): say("vested as coupons"),
    ("vest", _PENDING, _RESERVE): say("vested into the reserve"),
    ("vest", _PENDING, _FEE): say("vested as the platform's fee"),
    ("rebate", _GRANT, _COUPON): say("first-order rebates out of what refunds gave back"),
    ("grant", _BANK, _COUPON): say("first-order rebates that the platform paid for"),
    ("advance", _BANK, _DUES): say("advances for refunds"),
    ("advance", _DUES, _BANK): say("advances paid back"),
    ("fee", _FEE, _BANK): say("fees moved to the platform"),
    ("settle", _POOL, _ACCRUED): say("released by settlements"),
    ("draw", _ACCRUED, _VOUCHER): say("drawn"),
    ("draw", _ACCRUED, _RESERVE): say("debts repaid at a draw"),
    ("expire", _VOUCHER, _POOL): say("vouchers expired, back into their pool"),
    ("expire", _COUPON, _RESERVE): say("coupons expired"),
    ("payout", _DUES, _BANK): say("payouts to the shops"),
    ("deposit", _BANK, _DUES): say("money that shops brought"),
    ("refund", _DUES, _BANK): say("refunds in cash"),
    ("refund", _DUES, _TRANSIT): say("refunds of cash on its way"),
    ("refund", _DUES, _VOUCHER): say("refunds in vouchers"),
    ("refund", _DUES, _COUPON): say("refunds in coupons"),
    ("refund", _DUES, _ACCRUED): say("over-claims paid by refund cash and dues"),
    ("refund", _DUES, _RESERVE): say("kept back from refunds for the reserve"),
    ("refund", _DUES, _GRANT): say("kept back from refunds for grants"),
    ("refund", _PENDING, _BANK): say("concessions given back by refunds"),
    ("refund", _PENDING, _TRANSIT): say("concessions given back by refunds of cash on its way"),
    ("refund", _POOL, _DUES): say("pools' parts given back by refunds"),
    ("refund", _RESERVE, _DUES): say("reserve's parts given back by refunds"),
    ("refund", _FEE, _DUES): say("fees given back by refunds"),
    ("refund", _COUPON, _DUES): say("coupons taken back by refunds"),
    ("refund", _COUPON, _RESERVE): say("coupons taken back for the reserve"),
    ("refund", _COUPON, _GRANT): say("rebates taken back for their grant"),
    ("refund", _ACCRUED, _POOL): say("backing returned by refunds"),
    ("refund", _VOUCHER, _ACCRUED): say("vouchers taken back by refunds"),
    ("refund", _POOL, _ACCRUED): say("expired vouchers counted to over-claims"),
    ("refund", _RESERVE, _ACCRUED): say("over-claims paid by the reserve"),
}
OTHER = say("other movements")
EXCEPTIONS = {
    "refund.after_payout": say("Refunds after their order was paid out"),
    "refund.pending": say("Refunds that wait for the shop's money"),
    "refund.waiting": say("Refunds whose effect on points waits for a held settlement"),
    "settlement.held": say("Settlements held for a second person"),
    "settlement.decided": say("Settlements that a second person let through"),
    "hold.order": say("Orders on hold at the end (amount: their concession)"),
    "hold.account": say("Accounts on hold at the end"),
    "cash.unconfirmed": say("Orders whose cash no statement had confirmed at the end"),
    "case.open": say("Cases between books and statements, open at the end"),
    "payment.undone": say("Instructions that the institution hasn't confirmed"),
    "overclaim": say("Over-claims that refunds took back"),
    "debt": say("Holders' debts to the reserve, today"),
    "clock.late": say("Runs of the clock that were late, failed or were tried again"),
    "books.broken": say("Times at which the books were found broken"),
}


def move(flow: Flow) -> str:
    """Return what a movement is called."""
    return _MOVES.get((flow.kind, account_class(flow.debit), account_class(flow.credit)), OTHER)
