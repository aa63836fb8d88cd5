"""The messages of the API, as JSON holds them.

Made by `make client` from the API's document; change that, not this.
"""

from typing import Any, Literal, NotRequired, TypedDict


class ApproveIn(TypedDict):
    """The SHA-256 of what was looked at, as the answer that showed it told."""

    sha256: str


class AttemptOut(TypedDict):
    """One try: the answer's status, null where there was none, and why not."""

    number: int
    at: str
    status: int | None
    took_ms: int
    fault: str


class AuditOut(TypedDict):
    """One privileged act: who (`account/…`, `client/…`, `scheduler` or `console`) did what to what."""

    id: str
    at: str
    actor: str
    act: str
    about: str
    detail: dict[str, Any]
    request_id: str


class BankStatementIn(TypedDict):
    """A statement of the custody account, by its name, and whose cash is on it: some orders, or all paid until then.

    One of the two is named.
    """

    statement: str
    order_ids: NotRequired[list[str] | None]
    paid_until_at: NotRequired[str | None]


class BankStatementOut(TypedDict):
    """The cash in fen that a statement has confirmed."""

    statement: str
    confirmed_fen: int


class BrokenOut(TypedDict):
    """A statement about the books that doesn't hold, and by how much it is off."""

    name: str
    what: str
    difference: int


class CalendarOut(TypedDict):
    """The calendar of cycles, and where they stand. A cycle is cut off at the local midnight after its last day.

    `mints` says whether what is paid now makes points, `mints_changes_at` when that turns next, where it is decided.
    """

    opens_date: str
    utc_offset_minutes: int
    cycle_days: int
    open_cycle: int
    opened_at: str
    cutoff_at: str
    held_cycle: int | None
    mints: bool
    mints_changes_at: str | None


class CaseLineOut(TypedDict):
    """One line of a statement, in fen."""

    statement: str
    kind: str
    trade_no: str
    amount_fen: int
    booked_at: str
    text: str


class CaseOut(TypedDict):
    """One difference, in fen: what the books expect of a kind and number, and what the statements list.

    `difference` is timing, missing, extra, wrong_amount, chargeback, notice or failed. `closed_by` is `lines` or two
    accounts'.
    """

    id: str
    account: str
    kind: str
    number: str
    difference: str
    expected_fen: int
    found_fen: int
    state: str
    since_at: str
    opened_at: str
    closed_at: str | None
    closed_by: str
    outcome: str


class InstructionOut(TypedDict):
    """One instruction to the payment institution, in fen, and how far it has come."""

    key: str
    number: str
    merchant: str
    order_no: str
    amount_fen: int
    state: str
    made_at: str
    fault: str


class SaidOut(TypedDict):
    """One thing that the institution said of it."""

    outcome: str
    amount_fen: int
    occurred_at: str
    received_at: str
    source: str


class CaseWhole(TypedDict):
    """A case with all that is known of it."""

    id: str
    account: str
    kind: str
    number: str
    difference: str
    expected_fen: int
    found_fen: int
    state: str
    since_at: str
    opened_at: str
    closed_at: str | None
    closed_by: str
    outcome: str
    lines: list[CaseLineOut]
    instructions: list[InstructionOut]
    said: list[SaidOut]
    order: str | None


class CheckOut(TypedDict):
    """One proof of the books; `replayed` says that the whole journal was run through the arithmetic again."""

    id: str
    at: str
    by: str
    took_ms: int
    replayed: bool
    statements: int
    broken: list[BrokenOut]


class CheckpointOut(TypedDict):
    """A signed checkpoint: the log of `size` leaves had the root `root`, in hex.

    `note` is what is signed with its signature (C2SP signed-note, tlog-checkpoint), `key` the key that it proves by.
    """

    origin: str
    size: int
    root: str
    note: str
    key: str
    signed_at: str


class ClaimOut(TypedDict):
    """A large draw (of a pool) or spend (of a sale), in fen. `state` says how far it has come.

    It is held, done (drawn, or used), rejected, withdrawn or lapsed; a spend is approved until `until_at` in between.
    `amount_fen` is reserved while it is held or approved. `day_fen` had left the wallet on that day before it, of
    `most_fen` that may.
    """

    id: str
    kind: str
    account_id: str
    pool: str | None
    merchant: str | None
    order_no: str | None
    amount_fen: int
    day_fen: int
    most_fen: int
    state: str
    asked_by: str
    asked_at: str
    decided_by: str | None
    decided_at: str | None
    reason: str
    until_at: str | None
    ended_at: str | None
    sha256: str


class ClientIn(TypedDict):
    """A caller of the API: a merchant's tills, or a partner that acts for merchants."""

    name: str
    kind: Literal["merchant", "partner"]
    merchants: NotRequired[list[str]]


class ClientOut(TypedDict):
    """A client and the merchants (refs) that it acts for."""

    id: str
    name: str
    kind: str
    created_at: str
    merchants: list[str]


class ConfirmIn(TypedDict):
    """Orders that were delivered."""

    orders: list[str]


class ConfirmedOut(TypedDict):
    """How many of the orders were not confirmed before."""

    confirmed: int


class ConsistencyOut(TypedDict):
    """That a log of `earlier` leaves only grew to `size`: `path` leads from one root to the other (RFC 9162, 2.1)."""

    earlier: int
    size: int
    earlier_root: str
    root: str
    path: list[str]


class CouponUseOut(TypedDict):
    """What an order took from a coupon, and how much of it a refund gave back, in fen."""

    merchant: str
    order_no: str
    amount_fen: int
    returned_fen: int


class CouponOut(TypedDict):
    """A shopping coupon with its whole life, in fen. `kind` is `earned`, or `grant`: a first-order rebate."""

    order_id: str
    kind: str
    merchant: str
    order_no: str
    face_fen: int
    left_fen: int
    used_fen: int
    expired_fen: int
    taken_back_fen: int
    usable_at: str
    expires_at: str
    uses: list[CouponUseOut]


class CouponsOut(TypedDict):
    """A page of coupons; `pending_fen` will come with orders that have not vested yet."""

    items: list[CouponOut]
    next_cursor: str | None
    pending_fen: int


class CycleOut(TypedDict):
    """One cycle of the alliance: `state` is open, ahead, held or posted, or closed where it isn't settled yet."""

    cycle: int
    begins_at: str
    cutoff_at: str
    state: str


class DayOut(TypedDict):
    """One day on which something moved, and what was owed at its end."""

    orders: int
    unconfirmed: int
    price_fen: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    concession_fen: int
    earned_fen: int
    refunds: int
    refunded_fen: int
    conceded_back_fen: int
    withheld_fen: int
    refund_dues_fen: int
    deposit_fen: int
    payout_fen: int
    change_fen: int
    date: str
    balance_fen: int


class DecidedOut(TypedDict):
    """A proposal that was decided on. `shown` is what is told once, such as a new key, and null ever after."""

    id: str
    state: str
    outcome: str
    shown: dict[str, str] | None


class DeliveryOut(TypedDict):
    """An event on its way to an endpoint. `event_id` is the header `webhook-id`; the last try's answer is `status`."""

    id: str
    event_id: str
    kind: str
    happened_at: str
    state: str
    attempts: int
    next_at: str | None
    done_at: str | None
    status: int | None
    fault: str


class DeliveryWhole(TypedDict):
    """A delivery with what is sent, and each try, newest first."""

    id: str
    event_id: str
    kind: str
    happened_at: str
    state: str
    attempts: int
    next_at: str | None
    done_at: str | None
    status: int | None
    fault: str
    body: dict[str, Any]
    tries: list[AttemptOut]


class DepositIn(TypedDict):
    """Money that a merchant has brought, and where that is seen. `deposit_no` is its number at the merchant."""

    merchant: str
    deposit_no: str
    amount_fen: int
    reason: str


class DepositOut(TypedDict):
    """Money that a merchant brought; `payout_id` is the payout that it went into, null until then."""

    id: str
    merchant: str
    deposit_no: str
    amount_fen: int
    payout_id: str | None
    at: str


class DifferenceOut(TypedDict):
    """A control account that differs from the rows behind it."""

    account: str
    ledger_fen: int
    subledger_fen: int


class DrawIn(TypedDict):
    """What to draw: all that is drawable where no amount is given."""

    pool: str
    amount_fen: NotRequired[int | None]


class DrawnOut(TypedDict):
    """What was drawn, in fen; a debt was repaid before it and is not part of it."""

    account_id: str
    pool: str
    drawn_fen: int


class EndpointIn(TypedDict):
    """Where to be told, over https, and of what."""

    url: str
    kinds: list[str]


class EndpointOut(TypedDict):
    """Where a client is told. `secret` is there once, when it is drawn; after `old_secret_until` the old one is over.

    `ended_why` is `asked`, `gone` where the endpoint answered 410, or `key` where no live key could register it.
    """

    id: str
    client: str
    url: str
    kinds: list[str]
    created_at: str
    secret: NotRequired[str | None]
    old_secret_until: str | None
    ended_at: str | None
    ended_why: str
    waiting: int
    given_up: int


class MemberOut(TypedDict):
    """A member. `account_id` is what wallets are found by."""

    account_id: str
    ref: str
    city: str
    enrolled_at: str
    referrer: str | None


class EnrolledOut(TypedDict):
    """Members as they were enrolled, in the order in which they were sent."""

    members: list[MemberOut]


class FeeOut(TypedDict):
    """The platform's fee of all orders that entered in one cycle, moved into its own book."""

    cycle: int
    amount_fen: int
    journal_id: str
    at: str


class GrantIn(TypedDict):
    """A budget for first-order rebates: each new member's first order gets `rebate_fen` until it is used up."""

    ref: str
    amount_fen: int
    rebate_fen: int


class GrantOut(TypedDict):
    """A marketing budget; it is used once another person has approved it."""

    id: str
    ref: str
    amount_fen: int
    rebate_fen: int
    committed_fen: int
    transferred_fen: int
    unused_fen: int
    proposed_by: str
    proposed_at: str
    approved_by: str | None
    approved_at: str | None


class HoldIn(TypedDict):
    """What to hold, an order or an account, and why."""

    order_id: NotRequired[str | None]
    account_id: NotRequired[str | None]
    reason: str


class HoldOut(TypedDict):
    """A hold: it keeps an order from vesting, or an account from drawing and spending, until it is released."""

    id: str
    order_id: str | None
    account_id: str | None
    reason: str
    placed_by: str
    placed_at: str
    released_by: str | None
    released_at: str | None


class InclusionOut(TypedDict):
    """That a log of `size` leaves holds a leaf at its number: `path` leads from its hash to `root` (RFC 9162, 2.1)."""

    leaf: int
    size: int
    hash: str
    root: str
    path: list[str]


class OrderOut(TypedDict):
    """An order as it was taken. Amounts are fen, points 1/100 point; the points come when the order vests."""

    id: str
    merchant: str
    order_no: str
    member: str
    paid_at: str
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    shop: str | None
    delivered: bool
    rate_ppm: int
    concession_fen: int
    member_points: int
    merchant_points: int


class Problem(TypedDict):
    """RFC 9457 problem details. `code` stays; `detail` is in the caller's language."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: NotRequired[str]
    claim: NotRequired[str]


class ItemOut(TypedDict):
    """What became of one order of a bulk call: the order, or the problem."""

    index: int
    status: int
    order: NotRequired[OrderOut | None]
    problem: NotRequired[Problem]
    replayed: NotRequired[bool]


class JournalOut(TypedDict):
    """One balanced entry of one book, trust or ops; its key is unique in it for ever."""

    id: str
    book: str
    key: str
    kind: str
    effective_at: str
    recorded_at: str


class PostingOut(TypedDict):
    """One positive amount from one control account to another."""

    debit: str
    credit: str
    amount_fen: int


class JournalWhole(TypedDict):
    """A journal with its postings."""

    id: str
    book: str
    key: str
    kind: str
    effective_at: str
    recorded_at: str
    postings: list[PostingOut]


class KeyIn(TypedDict):
    """A new key: what it may do, whether it only signs, and the live key whose place it takes, if any."""

    scopes: list[str]
    must_sign: NotRequired[bool]
    revokes: NotRequired[str | None]
    reason: str


class KeyOut(TypedDict):
    """A key without its secret."""

    id: str
    scopes: list[str]
    must_sign: bool
    created_at: str
    created_by: str
    expires_at: str
    revoked_at: str | None


class KeysOut(TypedDict):
    """A client's keys, newest first."""

    keys: list[KeyOut]


class KindOut(TypedDict):
    """A kind of events."""

    kind: str
    what: str


class LogLeafOut(TypedDict):
    """One leaf by its number from 0: `body` is the text that was hashed to `hash`, canonical JSON (RFC 8785)."""

    number: int
    kind: str
    about: str
    body: str
    hash: str
    at: str


class MeOut(TypedDict):
    """Who has signed in: their account, the member they are, the merchants they act for, their roles."""

    account_id: str
    member: str | None
    merchants: list[str]
    roles: list[str]


class MemberIn(TypedDict):
    """A shopper. `ref` is its number in your system, `referrer` the ref of the member who brought it."""

    ref: str
    city: str
    enrolled_at: str
    referrer: NotRequired[str | None]
    phone: NotRequired[str | None]


class MembersIn(TypedDict):
    """Shoppers to enrol, all or none."""

    members: list[MemberIn]


class MerchantIn(TypedDict):
    """A business. `ref` is its number in your system; `linked` are members whose vouchers it must refuse."""

    ref: str
    city: str
    enrolled_at: str
    rate_ppm: int
    grade: NotRequired[str]
    multiple_ppm: NotRequired[int]
    shops: NotRequired[list[str]]
    linked: NotRequired[list[str]]
    accepts_coupons: NotRequired[bool]


class MerchantOut(TypedDict):
    """A merchant. `account_id` is what its wallet is found by; `rate_ppm` is its concession rate at present."""

    id: str
    account_id: str
    ref: str
    city: str
    grade: str
    multiple_ppm: int
    accepts_coupons: bool
    enrolled_at: str
    rate_ppm: int | None
    shops: list[str]


class MovementOut(TypedDict):
    """One movement of a wallet, in fen: `kind` is draw, repay, spend, return, expire or claw.

    `unspent_fen` is by how much the unspent vouchers changed. The order is named where it is the holder's own.
    """

    at: str
    kind: str
    pool: str
    amount_fen: int
    unspent_fen: int
    merchant: str | None
    order_no: str | None


class OrderIn(TypedDict):
    """A sale as a till reports it; amounts are fen."""

    merchant: str
    order_no: str
    member: str
    paid_at: str
    cash_fen: int
    voucher_fen: NotRequired[int]
    coupon_fen: NotRequired[int]
    shop: NotRequired[str | None]
    delivered: NotRequired[bool]


class OrderShown(TypedDict):
    """An order as it stands. Amounts are fen, points 1/100 point, what refunds took is off both.

    It vests once it is delivered and its refund window has passed (`vests_at`), its cash is confirmed, and it is not
    held; `vested_cycle` is the cycle in which it did.
    """

    id: str
    merchant: str
    order_no: str
    member: str
    shop: str | None
    paid_at: str
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    rate_ppm: int
    concession_fen: int
    refunded_fen: int
    left_fen: int
    pool: str
    member_points: int
    merchant_points: int
    member_coupon_fen: int
    delivered: bool
    vests_at: str | None
    cash_confirmed_at: str | None
    held: bool
    vested_cycle: int | None
    paid_out_date: str | None


class OrdersIn(TypedDict):
    """A till's backlog."""

    orders: list[OrderIn]


class OrdersOut(TypedDict):
    """What became of each order of a bulk call, in the order in which they were sent."""

    results: list[ItemOut]


class OwedOut(TypedDict):
    """What is owed at present: what the next payout can pay, and what waits for banks or for pending refunds."""

    payable_fen: int
    unconfirmed_fen: int
    pending_refunds: int
    pending_fen: int


class OwnClaimOut(TypedDict):
    """A large draw (from the pool that `place` names) or spend (at the merchant that it names), in fen.

    `state` is held, approved (a spend, to be repeated until `until_at`), done, rejected, withdrawn or lapsed.
    `amount_fen` is reserved while it is held or approved. `reason` is told to people alone: clients read none.
    """

    id: str
    kind: str
    place: str
    order_no: str | None
    amount_fen: int
    state: str
    reason: str
    asked_at: str
    until_at: str | None


class OwnClaimsOut(TypedDict):
    """A holder's claims, in the order in which they were asked for."""

    account_id: str
    claims: list[OwnClaimOut]


class PaidOut(TypedDict):
    """What a business date's payout came to."""

    business_date: str
    merchants: int
    amount_fen: int


class WentOut(TypedDict):
    """Fen that were released last in one cycle, and where they are by now.

    `state` is free (in the pool, maybe again), released (not drawn), unspent (in vouchers), use (spent), returning (on
    their way into the pool) or reserve (repaid a debt). `holders` counts who drew them; `rounds` how often at most they
    came back into the pool.
    """

    cycle: int | None
    state: str
    fen: int
    holders: int
    rounds: int


class PartWentOut(TypedDict):
    """What an order brought into one pool, and where `fen` of it went, from place `at` on.

    `traced` is false while it isn't on the pool's line.
    """

    pool: str
    is_red: bool
    part_fen: int
    traced: bool
    at: int
    fen: int
    went: list[WentOut]


class PartsOut(TypedDict):
    """What a payout is made of: sales less their concession, refunds, what the merchant brought, advances given back.

    `amount_fen` = `sales_fen` − `refunds_fen` + `deposits_fen` − `repaid_fen`.
    """

    orders: int
    sales_fen: int
    refunds: int
    refunds_fen: int
    deposits: int
    deposits_fen: int
    repaid_fen: int


class PayerOut(TypedDict):
    """Fen of a voucher from place `at` on, paid in by one order: of its part those from `order_at` on.

    `kind` is orders, refund (paid in by its refund) or unknown. `payer` names the order to this caller alone: the same
    each time, so it tells which fen one order paid for, and other callers are told another name. Which order it is, and
    `order_at`, is shown to its shopper, its merchant and the platform's people. `cycle` released the fen. `payment` is
    its number at the payment institution, `statement` and `line` where that listed it.
    """

    at: int
    fen: int
    kind: str
    payer: str | None
    order_at: int | None
    cycle: int | None
    order_id: str | None
    merchant: str | None
    order_no: str | None
    paid_at: str | None
    payment: str | None
    statement: str | None
    line: str | None


class PaymentIn(TypedDict):
    """How long the payer may take."""

    minutes: NotRequired[int]


class PaymentShown(TypedDict):
    """The payment of an order's cash, in fen.

    `state` is `waiting` until the institution has taken it, then `asked`: `show` is what the payer's phone opens, as a
    code to scan. It is `paid` once the institution says so, and `confirmed` once its statement lists it. Nobody can
    make it any more once it is `closing`, then `closed`. `failed` and `disputed` are for people to look at.
    """

    order_id: str
    merchant: str
    order_no: str
    number: str
    amount_fen: int
    state: str
    show: str | None
    asked_at: str
    expires_at: str | None
    confirmed_at: str | None


class PayoutIn(TypedDict):
    """The business date to pay out for: orders paid before it, whose cash is confirmed."""

    business_date: str


class PayoutOut(TypedDict):
    """One payment of a merchant's dues, on a business date."""

    id: str
    merchant: str
    business_date: str
    amount_fen: int
    journal_id: str | None


class PayoutWhole(TypedDict):
    """A payout with what it is made of."""

    id: str
    merchant: str
    business_date: str
    amount_fen: int
    journal_id: str | None
    parts: PartsOut


class PlanOut(TypedDict):
    """A release plan; rates and cap in its terms are × 10^12."""

    name: str
    terms: dict[str, Any]


class PoolCycleOut(TypedDict):
    """One settled cycle of a pool, in fen; `growth` is × 10^12, `scaled` says that the budget cut what was released."""

    cycle: int
    cutoff_at: str
    inflow_fen: int
    issued_fen: int
    budget_fen: int
    free_fen: int
    owed_fen: int | None
    growth: str | None
    dividend_fen: int
    scaled: bool


class PoolOut(TypedDict):
    """A pool as it stands, in fen: what is free, released and not drawn, drawn and unspent.

    `coverage_ppm` is (free + accrued + voucher) ÷ (accrued + voucher), null while nothing is owed. `growth` of the last
    settled cycle is × 10^12. `inflow_fen` came in the open cycle, `issued_fen` was issued in the last settled one.
    """

    name: str
    is_red: bool
    first_cycle: int
    open_cycle: int
    settled_cycle: int
    free_fen: int
    accrued_fen: int
    voucher_fen: int
    coverage_ppm: int | None
    inflow_fen: int
    issued_fen: int | None
    growth: str | None


class PoolResultOut(TypedDict):
    """What one cycle of one pool came to, or would come to, in fen; `growth` is × 10^12.

    `cap_fen` was set for this cycle alone, by whoever rejected the settlement before.
    """

    pool: str
    is_red: bool
    inflow_fen: int
    free_before_fen: int
    budget_fen: int
    issued_fen: int
    free_fen: int
    backing_fen: int
    cap_fen: int | None
    growth: str | None
    scaled: bool


class PositionOut(TypedDict):
    """Points of one cohort. `index` is vouchers per point × 10^12, `index_cap` where it ends; `cycles` its releases."""

    id: str
    pool: str
    is_red: bool
    entry_cycle: int
    points: int
    index: str
    index_cap: str
    age: int
    cycles: int
    released_fen: int


class PositionsOut(TypedDict):
    """A holder's points by cohort, newest first. `released_fen` is rounded down for each; a wallet rounds once."""

    account_id: str
    at: str
    positions: list[PositionOut]


class PreviewOut(TypedDict):
    """What a settlement would come to if the cycle were cut off now, with what has vested; nothing is written."""

    cycle: int
    issued_fen: int
    pools: list[PoolResultOut]


class ProofStepOut(TypedDict):
    """The node beside one's own on the way to the top, and the sum below it in fen."""

    hash: str
    sum_fen: int


class ProofLeafOut(TypedDict):
    """One leaf of the holder's amount: its place, its salt, its fen, and the nodes beside its way, lowest first."""

    index: int
    salt: str
    amount_fen: int
    path: list[ProofStepOut]


class ProofOwedOut(TypedDict):
    """What was owed to one holder, in fen; `amount_fen` is all of it."""

    claimable_fen: int
    unspent_fen: int
    coupon_fen: int
    dues_fen: int
    amount_fen: int


class RootStatementOut(TypedDict):
    """What a custodian's newest file says was left in an account, in fen, after its last line; its SHA-256 in hex."""

    account: str
    balance_fen: int
    until_at: str
    file_hash: str


class RootOut(TypedDict):
    """The root of all that was owed to holders after one settlement, in fen; hashes are SHA-256 in hex.

    `total_fen` is what the tree's top says: claimable, unspent, coupons and dues. `dust_fen` is accrued beyond it.
    `bank_fen` is the cash that the ledger held as confirmed by `as_of_at`; `in_transit_fen` is what was paid beside.
    `log_leaf` is the number of the public log's leaf that tells of it.

    From form 2 on, `statements` are the custodians' own closing balances, and `trust_number` is the newest number of
    the trust book, 0 before any, with the SHA-256 of that journal; `trust_pending` journals were not there yet.
    """

    cycle: int
    day: str
    as_of_at: str
    journal_id: str
    journal_hash: str
    root_hash: str
    nonce_hash: str
    leaves: int
    holders: int
    total_fen: int
    claimable_fen: int
    unspent_fen: int
    coupon_fen: int
    dues_fen: int
    dust_fen: int
    bank_fen: int
    in_transit_fen: int
    form: NotRequired[int]
    trust_number: NotRequired[int | None]
    trust_hash: NotRequired[str | None]
    trust_pending: NotRequired[int | None]
    statements: NotRequired[list[RootStatementOut]]
    log_leaf: int | None
    published_at: str


class ProofOut(TypedDict):
    """A proof that checks itself against the root: see docs/liabilities.md for each hash."""

    format: str
    root: RootOut
    holder: str
    nonce: str
    owed: ProofOwedOut
    leaves: list[ProofLeafOut]


class ProposalIn(TypedDict):
    """A change and why. What `content` holds depends on the kind; docs/api.md lists it."""

    kind: Literal[
        "rules.publish",
        "rate.set",
        "key.rotate",
        "client.extend",
        "correction",
        "deposit.take",
        "case.close",
        "mint.stop",
        "mint.resume",
    ]
    content: dict[str, Any]
    reason: str


class ProposalOut(TypedDict):
    """A change that somebody proposed: `state` is open, expired, done, rejected or withdrawn.

    `content` is what will be done, `sha256` the hash of its canonical form. The public log tells of a decision by a
    commitment alone: the SHA-256 over the bytes of `salt` and of `sha256`. `proposed_by` is an account.
    """

    id: str
    kind: str
    about: str
    state: str
    reason: str
    content: dict[str, Any]
    sha256: str
    salt: str
    proposed_by: str
    proposed_at: str
    expires_at: str
    decided_by: str | None
    decided_at: str | None
    outcome: str


class ProposedOut(TypedDict):
    """A proposal as it was kept. Another person approves it by its hash, until it expires."""

    id: str
    sha256: str
    expires_at: str


class QuoteIn(TypedDict):
    """A sale that might be; `paid_at` is now where it is left out."""

    merchant: str
    member: str
    price_fen: int
    shop: NotRequired[str | None]
    paid_at: NotRequired[str | None]
    use_vouchers: NotRequired[bool]
    use_coupons: NotRequired[bool]


class QuoteOut(TypedDict):
    """How the price would be paid, in fen: coupons first, vouchers, and cash the rest; and what would come of it.

    `voucher_max_fen` and `coupon_max_fen` are what of the price each could pay at most. Points are 1/100 point. `held`
    says that so many vouchers would wait for a second person first.
    """

    merchant: str
    member: str
    price_fen: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    voucher_max_fen: int
    coupon_max_fen: int
    held: bool
    rate_ppm: int
    concession_fen: int
    member_points: int
    merchant_points: int


class RateIn(TypedDict):
    """A new rate card, and why."""

    rate_ppm: int
    valid_from_at: str
    reason: str


class RateOut(TypedDict):
    """A rate card and since when it holds."""

    rate_ppm: int
    valid_from_at: str


class RatesOut(TypedDict):
    """A merchant's rate cards, newest first."""

    rates: list[RateOut]


class ReconciledOut(TypedDict):
    """What comparing just now has found."""

    accounts: int
    differences: list[DifferenceOut]


class ReconciliationOut(TypedDict):
    """One comparison of each control account with its subledger."""

    id: str
    at: str
    by: str
    accounts: int
    differences: list[DifferenceOut]


class RefundIn(TypedDict):
    """Part of an order's price, or all of it, under a number that the merchant gives the refund."""

    refund_no: str
    amount_fen: int


class RefundShown(TypedDict):
    """A refund. Amounts are fen, points 1/100 point; all that it moves is 0 while it is `pending`.

    `cash_fen`, `voucher_fen` and `coupon_fen` are what of the price went back; `withheld_fen` of that cash paid for
    vouchers and coupons that the shopper no longer had. `dues_fen` is what it took from the merchant's dues. `effect`
    is `applied`, `waiting` where a held settlement goes first, or empty where there were no points yet. A dry run has
    no id and no times.
    """

    id: str | None
    order_id: str
    merchant: str
    order_no: str
    refund_no: str
    state: str
    amount_fen: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    withheld_fen: int
    concession_lost_fen: int
    dues_fen: int
    member_points_lost: int
    merchant_points_lost: int
    red_points_lost: int
    effect: str
    asked_at: str | None
    paid_at: str | None
    dry_run: bool


class RefundsOut(TypedDict):
    """The refunds of one order, oldest first."""

    items: list[RefundShown]


class RejectIn(TypedDict):
    """Why it is turned down."""

    why: NotRequired[str]


class RejectSettlementIn(TypedDict):
    """The SHA-256 of the proposal that was looked at, and caps for pools, in fen by name; 0 releases nothing."""

    sha256: str
    caps_fen: dict[str, Any]


class RulesIn(TypedDict):
    """Rules to propose: the whole document, from when they hold, and why."""

    document: dict[str, Any]
    effective_at: str
    reason: str


class RulesOut(TypedDict):
    """A published rule set: `state` is past, current or next."""

    id: str
    state: str
    effective_at: str
    published_at: str
    document: dict[str, Any]


class RunOut(TypedDict):
    """The settlement of one cycle: `state` is posted, or held for a second person. `issued_fen` are its vouchers.

    `cap_fen` is the daily rebate cap that it was held against.
    """

    cycle: int
    state: str
    issued_fen: int
    cap_fen: int | None
    proposed_by: str
    proposed_at: str
    decided_by: str | None
    decided_at: str | None


class SentAgainOut(TypedDict):
    """How many deliveries are sent again."""

    deliveries: int


class SettledOut(TypedDict):
    """A settlement as it was run or decided."""

    cycle: int
    state: str
    issued_fen: int
    cap_fen: int | None


class SettlementOut(TypedDict):
    """A settlement with its pools, those that issue most first. Who decides on a held one sends its `sha256`."""

    cycle: int
    state: str
    issued_fen: int
    cap_fen: int | None
    proposed_by: str
    proposed_at: str
    decided_by: str | None
    decided_at: str | None
    sha256: str
    pools: list[PoolResultOut]


class ShopIn(TypedDict):
    """A store of a merchant."""

    ref: str


class ShopOut(TypedDict):
    """A store of a merchant."""

    ref: str


class ShopsOut(TypedDict):
    """A merchant's stores, oldest first."""

    shops: list[ShopOut]


class SinceIn(TypedDict):
    """Since when."""

    since: str


class StaffOut(TypedDict):
    """Somebody of the platform; without a role it is somebody who was dismissed."""

    account_id: str
    name: str
    roles: list[str]
    has_second_factor: bool
    signed_in_at: str | None


class SumsOut(TypedDict):
    """What moved, in fen: `earned_fen` is the price less its concession, `change_fen` by how much more is owed.

    `unconfirmed` are sales whose cash no bank has confirmed yet.
    """

    orders: int
    unconfirmed: int
    price_fen: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    concession_fen: int
    earned_fen: int
    refunds: int
    refunded_fen: int
    conceded_back_fen: int
    withheld_fen: int
    refund_dues_fen: int
    deposit_fen: int
    payout_fen: int
    change_fen: int


class StatementOut(TypedDict):
    """A merchant's statement: what was owed before, the days with movements, their sum, and what was owed after."""

    merchant: str
    first_date: str
    last_date: str
    opening_fen: int
    days: list[DayOut]
    total: SumsOut
    closing_fen: int
    owed: OwedOut


class StepOut(TypedDict):
    """One cohort before and after a settlement: `index` is vouchers per point × 10^12."""

    plan: str
    entry_cycle: int
    points: int
    age: int
    cycles: int
    index_before: str
    index_after: str


class StepsOut(TypedDict):
    """The cohorts of a pool that a settlement releases to, in order of entry."""

    pool: PoolResultOut
    steps: list[StepOut]


class TableOut(TypedDict):
    """A table that is exported: its columns with their types, and the columns that its rows are in order of."""

    name: str
    columns: dict[str, str]
    order: list[str]


class TablesOut(TypedDict):
    """All tables that are exported. Nothing in them says who somebody is."""

    tables: list[TableOut]


class TaskRunOut(TypedDict):
    """One piece of the clock's work: a task and what it was for. `state` is running, done or failed."""

    id: str
    task: str
    slot: str
    due_at: str
    state: str
    attempts: int
    started_at: str
    finished_at: str | None
    took_ms: int | None
    outcome: str


class TracedOrderOut(TypedDict):
    """Where the money went that an order brought into the pools, that of the green one first.

    `next_place` is where the next answer goes on, null at the end.
    """

    order_id: str
    parts: list[PartWentOut]
    next_place: int | None


class TracedVoucherOut(TypedDict):
    """Which orders paid for fen of a voucher. `next_place` is where the next answer goes on, null at the end."""

    account_id: str
    voucher_id: str
    pool: str
    face_fen: int
    traced: bool
    payers: list[PayerOut]
    next_place: int | None


class TrustBookOut(TypedDict):
    """How far the trust book's own database has come: its newest number, and what waits for it, since when.

    `behind` says that the oldest has waited for more than five minutes.
    """

    number: int
    kept_at: str | None
    pending: int
    oldest_at: str | None
    lag_seconds: int
    behind: bool


class VoucherOut(TypedDict):
    """A voucher that has something left, in fen."""

    id: str
    pool: str
    face_fen: int
    left_fen: int
    drawn_at: str
    expires_at: str


class WalletPoolOut(TypedDict):
    """What a holder has in one pool: points in 1/100 point, all else in fen."""

    pool: str
    is_red: bool
    points: int
    released_fen: int
    unspent_fen: int
    drawable_fen: int
    spent_fen: int
    expired_fen: int
    debt_fen: int


class WalletOut(TypedDict):
    """A wallet: sums over its pools, and the pools, oldest first. Points are 1/100 point, all else fen.

    `drawable_fen` is what was released and not drawn, less the debt, which the next draws repay, and less what is
    reserved of it. `coupon_fen` can be used now; `held` says that draws and spends are blocked; `reserved_fen` waits
    for a second person's decision. The three are null for a past instant.
    """

    account_id: str
    at: str
    points: int
    released_fen: int
    unspent_fen: int
    drawable_fen: int
    spent_fen: int
    expired_fen: int
    debt_fen: int
    coupon_fen: int | None
    held: bool | None
    reserved_fen: int | None
    pools: list[WalletPoolOut]
