"""Every operation of the API as a method, named as the document names it.

Made by `make client` from the API's document; change that, not this.
"""

from collections.abc import Iterator
from typing import Any, Literal, cast

from greenloop_client import models
from greenloop_client.addresses import address
from greenloop_client.calls import Connection


class Client(Connection):
    """A connection to one server, for one thread, with its operations."""

    def take_order(self, body: models.OrderIn, *, idempotency_key: str | None = None) -> models.OrderOut:
        """Take one sale.

        The same (merchant, order_no) has one effect and one answer; other content under it is refused.

        Needs a key with `orders:write`.
        """
        return cast("models.OrderOut", self.call("POST", address("/v1/orders"), body, key=idempotency_key))

    def list_orders(
        self,
        *,
        merchant: str | None = None,
        order_no: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
    ) -> Iterator[models.OrderShown]:
        """List a merchant's orders by time of payment, newest first; or the one that has a number.

        The platform's people may leave the merchant out, and see all orders as they were taken.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `orders:read` or a session.
        """
        return cast(
            "Iterator[models.OrderShown]",
            self.items(
                address(
                    "/v1/orders",
                    [],
                    {"merchant": merchant, "order_no": order_no, "since": since, "until": until, "limit": limit},
                )
            ),
        )

    def take_orders(self, body: models.OrdersIn, *, idempotency_key: str | None = None) -> models.OrdersOut:
        """Take up to 1 000 sales, each of which stands or falls alone.

        Send JSON, or one order a line (`application/x-ndjson`), which is answered one result a line.

        Needs a key with `orders:write`.
        """
        return cast("models.OrdersOut", self.call("POST", address("/v1/orders/bulk"), body, key=idempotency_key))

    def quote_order(self, body: models.QuoteIn, *, idempotency_key: str | None = None) -> models.QuoteOut:
        """Return what a sale would be if coupons and vouchers paid as much of it as they can. Nothing is written.

        Needs a key with `orders:write`.
        """
        return cast("models.QuoteOut", self.call("POST", address("/v1/orders/quote"), body, key=idempotency_key))

    def confirm_orders(self, body: models.ConfirmIn, *, idempotency_key: str | None = None) -> models.ConfirmedOut:
        """Say that orders were delivered: their refund windows run from now. All of them, or none.

        Said twice, it counts once.

        Needs a key with `orders:write`.
        """
        return cast("models.ConfirmedOut", self.call("POST", address("/v1/orders/confirm"), body, key=idempotency_key))

    def read_order(self, order_id: str) -> models.OrderShown:
        """Return an order as it stands: its merchant and its shopper may see it.

        Needs a key with `orders:read` or a session.
        """
        return cast("models.OrderShown", self.call("GET", address("/v1/orders/{order_id}", [order_id])))

    def confirm_order(self, order_id: str, *, idempotency_key: str | None = None) -> models.OrderShown:
        """Say that an order was delivered: its refund window runs from now. Said twice, it counts once.

        Needs a key with `orders:write`.
        """
        return cast(
            "models.OrderShown",
            self.call("POST", address("/v1/orders/{order_id}/confirm", [order_id]), key=idempotency_key),
        )

    def cancel_order(self, order_id: str, *, idempotency_key: str | None = None) -> models.RefundShown:
        """Take back an order before its delivery: all that is left of its price goes back, as the refund `cancel`.

        An order that was delivered is refunded instead. Cancelled twice, it is cancelled once.

        Needs a key with `refunds:write`.
        """
        return cast(
            "models.RefundShown",
            self.call("POST", address("/v1/orders/{order_id}/cancel", [order_id]), key=idempotency_key),
        )

    def ask_payment(
        self, order_id: str, body: models.PaymentIn, *, idempotency_key: str | None = None
    ) -> models.PaymentShown:
        """Ask the payer of an order for its cash through the payment institution, and answer what to show.

        An order has one payment: asked again, it is the same, as it stands then. While it is `waiting`, read it until
        it is `asked`. That it is paid is the institution's word, not the till's. An order whose payment nobody makes in
        time is cancelled with it. Where no institution is named this is 409 `payment.closed`.

        Needs a key with `orders:write`.
        """
        return cast(
            "models.PaymentShown",
            self.call("POST", address("/v1/orders/{order_id}/payment", [order_id]), body, key=idempotency_key),
        )

    def read_payment(self, order_id: str) -> models.PaymentShown:
        """Return how an order's payment stands: its merchant and its shopper may see it.

        Needs a key with `orders:read` or a session.
        """
        return cast("models.PaymentShown", self.call("GET", address("/v1/orders/{order_id}/payment", [order_id])))

    def end_payment(self, order_id: str, *, idempotency_key: str | None = None) -> models.PaymentShown:
        """Let nobody make an order's payment any more; once the institution has closed it, its order is cancelled.

        Until then it is `closing`. One that is made already is 409 `payment.made`: refund the order. Ended twice, it is
        ended once.

        Needs a key with `refunds:write`.
        """
        return cast(
            "models.PaymentShown",
            self.call("POST", address("/v1/orders/{order_id}/payment/cancel", [order_id]), key=idempotency_key),
        )

    def refund_order(
        self, order_id: str, body: models.RefundIn, *, dry_run: bool | None = None, idempotency_key: str | None = None
    ) -> models.RefundShown:
        """Give back part of an order's price or all of it, at any time.

        The same refund_no has one effect. A refund that the merchant's dues can't pay yet is `pending` and moves
        nothing: ask again once there is money. With `dry_run=true` the answer (200) says what would happen.

        Needs a key with `refunds:write`.
        """
        return cast(
            "models.RefundShown",
            self.call(
                "POST",
                address("/v1/orders/{order_id}/refunds", [order_id], {"dry_run": dry_run}),
                body,
                key=idempotency_key,
            ),
        )

    def list_order_refunds(self, order_id: str) -> models.RefundsOut:
        """List the refunds of one order, oldest first.

        Needs a key with `orders:read` or a session.
        """
        return cast("models.RefundsOut", self.call("GET", address("/v1/orders/{order_id}/refunds", [order_id])))

    def list_refunds(self, *, merchant: str | None = None, limit: int | None = None) -> Iterator[models.RefundShown]:
        """List a merchant's refunds, newest first. The platform's people may leave the merchant out.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `orders:read` or a session.
        """
        return cast(
            "Iterator[models.RefundShown]",
            self.items(address("/v1/refunds", [], {"merchant": merchant, "limit": limit})),
        )

    def read_refund(self, refund_id: str) -> models.RefundShown:
        """Return one refund: its merchant and the order's shopper may see it.

        Needs a key with `orders:read` or a session.
        """
        return cast("models.RefundShown", self.call("GET", address("/v1/refunds/{refund_id}", [refund_id])))

    def read_wallet(self, account_id: str, *, at: str | None = None) -> models.WalletOut:
        """Return a wallet: sums, and each pool. `me` is the account of whoever has signed in.

        With `at`, the wallet as it was at that instant, to the fen.

        Needs a key with `wallets:read` or a session.
        """
        return cast("models.WalletOut", self.call("GET", address("/v1/wallets/{account_id}", [account_id], {"at": at})))

    def read_positions(self, account_id: str, *, at: str | None = None) -> models.PositionsOut:
        """Return a holder's points by cohort, now or at a past instant.

        Needs a key with `wallets:read` or a session.
        """
        return cast(
            "models.PositionsOut",
            self.call("GET", address("/v1/wallets/{account_id}/positions", [account_id], {"at": at})),
        )

    def list_own_claims(self, account_id: str) -> models.OwnClaimsOut:
        """Return a holder's large draws and spends, 50 at most: those that live, and the newest others.

        Of the platform's people, who may read claims reads those of others.

        Needs a key with `wallets:read` or a session.
        """
        return cast("models.OwnClaimsOut", self.call("GET", address("/v1/wallets/{account_id}/claims", [account_id])))

    def draw(self, account_id: str, body: models.DrawIn, *, idempotency_key: str | None = None) -> models.DrawnOut:
        """Move released vouchers of one pool into the unspent balance.

        By the holder, or by a client for a member who enrolled through it. Send an Idempotency-Key: without one, the
        same request draws again. A sale draws by itself what it needs. A draw that takes the day's draws above the
        rules' `large_claim_fen` is held for a second person (202): nothing is drawn yet, and the amount is reserved.

        Needs a key with `wallets:write` or a session.
        """
        return cast(
            "models.DrawnOut",
            self.call("POST", address("/v1/wallets/{account_id}/draws", [account_id]), body, key=idempotency_key),
        )

    def list_vouchers(self, account_id: str, *, limit: int | None = None) -> Iterator[models.VoucherOut]:
        """List the vouchers that have something left, first to expire first.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `wallets:read` or a session.
        """
        return cast(
            "Iterator[models.VoucherOut]",
            self.items(address("/v1/wallets/{account_id}/vouchers", [account_id], {"limit": limit})),
        )

    def list_coupons(self, account_id: str, *, limit: int | None = None) -> Iterator[models.CouponsOut]:
        """List all coupons, newest order first, with what they paid for.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `wallets:read` or a session.
        """
        return cast(
            "Iterator[models.CouponsOut]",
            self.pages(address("/v1/wallets/{account_id}/coupons", [account_id], {"limit": limit})),
        )

    def list_movements(self, account_id: str, *, limit: int | None = None) -> Iterator[models.MovementOut]:
        """List what was drawn, spent, returned, expired, repaid and taken back, newest first.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `wallets:read` or a session.
        """
        return cast(
            "Iterator[models.MovementOut]",
            self.items(address("/v1/wallets/{account_id}/movements", [account_id], {"limit": limit})),
        )

    def list_pools(self, *, limit: int | None = None) -> Iterator[models.PoolOut]:
        """List the pools as they stand, oldest first.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `statements:read` or a session.
        """
        return cast("Iterator[models.PoolOut]", self.items(address("/v1/pools", [], {"limit": limit})))

    def read_pool(self, name: str) -> models.PoolOut:
        """Return one pool as it stands.

        Needs a key with `statements:read` or a session.
        """
        return cast("models.PoolOut", self.call("GET", address("/v1/pools/{name}", [name])))

    def list_pool_cycles(self, name: str, *, limit: int | None = None) -> Iterator[models.PoolCycleOut]:
        """List what each settlement came to in one pool, newest first.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `statements:read` or a session.
        """
        return cast(
            "Iterator[models.PoolCycleOut]", self.items(address("/v1/pools/{name}/cycles", [name], {"limit": limit}))
        )

    def list_plans(self, *, limit: int | None = None) -> Iterator[models.PlanOut]:
        """List the release plans. A plan never changes: running cohorts keep theirs.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `statements:read` or a session.
        """
        return cast("Iterator[models.PlanOut]", self.items(address("/v1/plans", [], {"limit": limit})))

    def list_rules(self, *, limit: int | None = None) -> Iterator[models.RulesOut]:
        """List the published rules, newest first: what comes next, what holds now, what held before.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `statements:read` or a session.
        """
        return cast("Iterator[models.RulesOut]", self.items(address("/v1/rules", [], {"limit": limit})))

    def propose_rules(self, body: models.RulesIn, *, idempotency_key: str | None = None) -> models.ProposedOut:
        """Propose a rule set, seven days ahead at least. Nothing is changed until another person approves it.

        Needs a session of `finance`, `operator`.
        """
        return cast("models.ProposedOut", self.call("POST", address("/v1/rules"), body, key=idempotency_key))

    def read_rules(self) -> models.RulesOut:
        """Return the rules that are in force now.

        Needs a key with `statements:read` or a session.
        """
        return cast("models.RulesOut", self.call("GET", address("/v1/rules/current")))

    def read_calendar(self) -> models.CalendarOut:
        """Return the calendar, the cycle that is open, and when it is cut off.

        Needs a key with `statements:read` or a session.
        """
        return cast("models.CalendarOut", self.call("GET", address("/v1/cycles")))

    def read_cycle(self, cycle: int) -> models.CycleOut:
        """Return when one cycle begins and is cut off, and how far it is.

        Needs a key with `statements:read` or a session.
        """
        return cast("models.CycleOut", self.call("GET", address("/v1/cycles/{cycle}", [cycle])))

    def list_settlements(self, *, limit: int | None = None) -> Iterator[models.RunOut]:
        """List the settlements of all cycles, newest first.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`, `risk`.
        """
        return cast("Iterator[models.RunOut]", self.items(address("/v1/settlements", [], {"limit": limit})))

    def read_settlement(self, cycle: int) -> models.SettlementOut:
        """Return what a settlement did to each pool, or would do if it is held.

        Needs a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`, `risk`.
        """
        return cast("models.SettlementOut", self.call("GET", address("/v1/settlements/{cycle}", [cycle])))

    def read_settlement_steps(self, cycle: int, pool: str) -> models.StepsOut:
        """Return what a settlement releases to each cohort of one pool.

        Needs a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`, `risk`.
        """
        return cast("models.StepsOut", self.call("GET", address("/v1/settlements/{cycle}/pools/{pool}", [cycle, pool])))

    def preview_settlement(self, cycle: int, *, idempotency_key: str | None = None) -> models.PreviewOut:
        """Work out the settlement of the open cycle, as if it were cut off now; nothing is written.

        What has not vested is not in it: vesting comes first when the cycle is settled.

        Needs a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`, `risk`.
        """
        return cast(
            "models.PreviewOut",
            self.call("POST", address("/v1/settlements/{cycle}/preview", [cycle]), key=idempotency_key),
        )

    def run_settlement(self, cycle: int, *, idempotency_key: str | None = None) -> models.SettledOut:
        """Vest and settle a cycle whose cut-off has passed, once; the scheduler does the same by itself.

        Above the daily rebate cap it is held, for another person than the one who runs it.

        Needs a session of `finance`, `operator`.
        """
        return cast(
            "models.SettledOut", self.call("POST", address("/v1/settlements/{cycle}/run", [cycle]), key=idempotency_key)
        )

    def approve_settlement(
        self, cycle: int, body: models.ApproveIn, *, idempotency_key: str | None = None
    ) -> models.SettledOut:
        """Post a held settlement, exactly as it was seen, as another person than who proposed it.

        Whoever approves has authenticated within the last minutes. The platform's fee of the cycle moves with it.

        Needs a session of `finance`, `operator`.
        """
        return cast(
            "models.SettledOut",
            self.call("POST", address("/v1/settlements/{cycle}/approve", [cycle]), body, key=idempotency_key),
        )

    def reject_settlement(
        self, cycle: int, body: models.RejectSettlementIn, *, idempotency_key: str | None = None
    ) -> models.SettledOut:
        """Cap pools of a held settlement: it is computed again, and whoever rejects is who proposes the result.

        Needs a session of `finance`, `operator`.
        """
        return cast(
            "models.SettledOut",
            self.call("POST", address("/v1/settlements/{cycle}/reject", [cycle]), body, key=idempotency_key),
        )

    def list_claims(self, *, waiting: bool | None = None, limit: int | None = None) -> Iterator[models.ClaimOut]:
        """List claims, newest first: those that wait, or with `waiting=false` all.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `operator`, `regulator`, `risk`.
        """
        return cast(
            "Iterator[models.ClaimOut]", self.items(address("/v1/claims", [], {"waiting": waiting, "limit": limit}))
        )

    def read_claim(self, claim_id: str) -> models.ClaimOut:
        """Return one claim.

        Needs a session of `auditor`, `finance`, `operator`, `regulator`, `risk`.
        """
        return cast("models.ClaimOut", self.call("GET", address("/v1/claims/{claim_id}", [claim_id])))

    def list_holds(self, *, standing: bool | None = None, limit: int | None = None) -> Iterator[models.HoldOut]:
        """List holds, newest first: those that stand, or with `standing=false` all.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`, `risk`.
        """
        return cast(
            "Iterator[models.HoldOut]", self.items(address("/v1/holds", [], {"standing": standing, "limit": limit}))
        )

    def place_hold(self, body: models.HoldIn, *, idempotency_key: str | None = None) -> models.HoldOut:
        """Hold an order or an account. Held twice is held once.

        An order that has vested keeps its points: its hold blocks draws and spends of all it gave points to.

        Needs a session of `operator`, `risk`.
        """
        return cast("models.HoldOut", self.call("POST", address("/v1/holds"), body, key=idempotency_key))

    def read_hold(self, hold_id: str) -> models.HoldOut:
        """Return one hold.

        Needs a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`, `risk`.
        """
        return cast("models.HoldOut", self.call("GET", address("/v1/holds/{hold_id}", [hold_id])))

    def release_hold(self, hold_id: str, *, idempotency_key: str | None = None) -> models.HoldOut:
        """Release a hold. Released twice is released once.

        Needs a session of `operator`, `risk`.
        """
        return cast(
            "models.HoldOut", self.call("POST", address("/v1/holds/{hold_id}/release", [hold_id]), key=idempotency_key)
        )

    def enrol_member(self, body: models.MemberIn, *, idempotency_key: str | None = None) -> models.MemberOut:
        """Enrol one shopper. The same ref with the same facts is enrolled once; with other facts it is refused.

        Needs a key with `members:write`.
        """
        return cast("models.MemberOut", self.call("POST", address("/v1/members"), body, key=idempotency_key))

    def list_members(self, *, limit: int | None = None) -> Iterator[models.MemberOut]:
        """List members, newest first: those who enrolled through the calling client; staff see all.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `members:read` or a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`,
        `risk`.
        """
        return cast("Iterator[models.MemberOut]", self.items(address("/v1/members", [], {"limit": limit})))

    def enrol_members(self, body: models.MembersIn, *, idempotency_key: str | None = None) -> models.EnrolledOut:
        """Enrol up to 500 shoppers, all or none. A referrer is enrolled already, or stands earlier in the list.

        Needs a key with `members:write`.
        """
        return cast("models.EnrolledOut", self.call("POST", address("/v1/members/bulk"), body, key=idempotency_key))

    def read_member(self, ref: str) -> models.MemberOut:
        """Return a member by its ref, if it enrolled through the calling client; staff see all.

        Needs a key with `members:read` or a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`,
        `risk`.
        """
        return cast("models.MemberOut", self.call("GET", address("/v1/members/{ref}", [ref])))

    def read_me(self) -> models.MeOut:
        """Return who has signed in, and what they may act for.

        Needs a session.
        """
        return cast("models.MeOut", self.call("GET", address("/v1/me")))

    def enrol_merchant(self, body: models.MerchantIn, *, idempotency_key: str | None = None) -> models.MerchantOut:
        """Enrol one business with its first rate card (3 % to 20 %) and its stores; the same again is done once.

        Needs a session of `operator`.
        """
        return cast("models.MerchantOut", self.call("POST", address("/v1/merchants"), body, key=idempotency_key))

    def list_merchants(self, *, limit: int | None = None) -> Iterator[models.MerchantOut]:
        """List merchants, newest first: those that the caller acts for; staff see all.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `merchants:read` or a session.
        """
        return cast("Iterator[models.MerchantOut]", self.items(address("/v1/merchants", [], {"limit": limit})))

    def read_merchant(self, ref: str) -> models.MerchantOut:
        """Return a merchant that the caller acts for; staff see all.

        Needs a key with `merchants:read` or a session.
        """
        return cast("models.MerchantOut", self.call("GET", address("/v1/merchants/{ref}", [ref])))

    def list_shops(self, ref: str) -> models.ShopsOut:
        """Return a merchant's stores, oldest first.

        Needs a key with `merchants:read` or a session.
        """
        return cast("models.ShopsOut", self.call("GET", address("/v1/merchants/{ref}/shops", [ref])))

    def add_shop(self, ref: str, body: models.ShopIn, *, idempotency_key: str | None = None) -> models.ShopOut:
        """Add a store to a merchant, once.

        Needs a key with `merchants:write` or a session of `operator`.
        """
        return cast(
            "models.ShopOut", self.call("POST", address("/v1/merchants/{ref}/shops", [ref]), body, key=idempotency_key)
        )

    def list_rates(self, ref: str) -> models.RatesOut:
        """Return a merchant's rate cards, newest first. An order keeps the rate of the time it was paid.

        Needs a key with `merchants:read` or a session.
        """
        return cast("models.RatesOut", self.call("GET", address("/v1/merchants/{ref}/rates", [ref])))

    def propose_rate(self, ref: str, body: models.RateIn, *, idempotency_key: str | None = None) -> models.ProposedOut:
        """Propose a new rate card, which another person approves under /v1/proposals within 72 hours.

        Needs a session of `marketing`, `operator`.
        """
        return cast(
            "models.ProposedOut",
            self.call("POST", address("/v1/merchants/{ref}/rates", [ref]), body, key=idempotency_key),
        )

    def list_clients(self, *, limit: int | None = None) -> Iterator[models.ClientOut]:
        """List the callers of the API, newest first, with the merchants that they act for.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `operator`, `regulator`.
        """
        return cast("Iterator[models.ClientOut]", self.items(address("/v1/clients", [], {"limit": limit})))

    def register_client(self, body: models.ClientIn, *, idempotency_key: str | None = None) -> models.ClientOut:
        """Register a client with the merchants that it acts for. It can call once it has a key, which takes two people.

        So does it that a known client acts for more merchants: propose `client.extend`.

        Needs a session of `operator`.
        """
        return cast("models.ClientOut", self.call("POST", address("/v1/clients"), body, key=idempotency_key))

    def withdraw_merchant(
        self, client_id: str, merchant: str, *, idempotency_key: str | None = None
    ) -> models.ClientOut:
        """Let a client act for a merchant no longer: one person is enough. Every process knows within seconds.

        Needs a session of `operator`.
        """
        return cast(
            "models.ClientOut",
            self.call(
                "POST",
                address("/v1/clients/{client_id}/merchants/{merchant}/withdraw", [client_id, merchant]),
                key=idempotency_key,
            ),
        )

    def list_keys(self, client_id: str) -> models.KeysOut:
        """Return a client's keys, live or not, without their secrets.

        Needs a session of `auditor`, `operator`, `regulator`.
        """
        return cast("models.KeysOut", self.call("GET", address("/v1/clients/{client_id}/keys", [client_id])))

    def propose_key(
        self, client_id: str, body: models.KeyIn, *, idempotency_key: str | None = None
    ) -> models.ProposedOut:
        """Propose a new key, which another person approves under /v1/proposals: the key is shown to that person, once.

        The proposal names the merchants that the client acts for, so who approves it has seen what the key opens. Two
        keys of a client may live at a time, so that one takes over from the other; `revokes` ends a key with it.

        Needs a session of `operator`.
        """
        return cast(
            "models.ProposedOut",
            self.call("POST", address("/v1/clients/{client_id}/keys", [client_id]), body, key=idempotency_key),
        )

    def revoke_key(self, client_id: str, key_id: str, *, idempotency_key: str | None = None) -> models.KeyOut:
        """End a key at once: one person is enough for it. Every process refuses it within seconds.

        Needs a session of `operator`.
        """
        return cast(
            "models.KeyOut",
            self.call(
                "POST",
                address("/v1/clients/{client_id}/keys/{key_id}/revoke", [client_id, key_id]),
                key=idempotency_key,
            ),
        )

    def list_staff(self, *, limit: int | None = None) -> Iterator[models.StaffOut]:
        """List everybody who works or worked for the platform, in order of appointment, with their roles.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `operator`, `regulator`.
        """
        return cast("Iterator[models.StaffOut]", self.items(address("/v1/staff", [], {"limit": limit})))

    def list_payouts(
        self, *, merchant: str | None = None, business_date: str | None = None, limit: int | None = None
    ) -> Iterator[models.PayoutOut]:
        """List payouts, newest first: those to the caller's merchants; the platform's people see all.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `statements:read` or a session.
        """
        return cast(
            "Iterator[models.PayoutOut]",
            self.items(
                address("/v1/payouts", [], {"merchant": merchant, "business_date": business_date, "limit": limit})
            ),
        )

    def pay_out(self, body: models.PayoutIn, *, idempotency_key: str | None = None) -> models.PaidOut:
        """Pay all merchants for a business date, once; the scheduler does the same by itself every morning.

        Whoever pays out has authenticated within the last minutes.

        Needs a session of `finance`.
        """
        return cast("models.PaidOut", self.call("POST", address("/v1/payouts"), body, key=idempotency_key))

    def read_payout(self, payout_id: str) -> models.PayoutWhole:
        """Return one payout with what it is made of.

        Needs a key with `statements:read` or a session.
        """
        return cast("models.PayoutWhole", self.call("GET", address("/v1/payouts/{payout_id}", [payout_id])))

    def list_deposits(self, *, merchant: str | None = None, limit: int | None = None) -> Iterator[models.DepositOut]:
        """List what merchants have brought, newest first: the caller's merchants; the platform's people see all.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `statements:read` or a session.
        """
        return cast(
            "Iterator[models.DepositOut]",
            self.items(address("/v1/deposits", [], {"merchant": merchant, "limit": limit})),
        )

    def propose_deposit(self, body: models.DepositIn, *, idempotency_key: str | None = None) -> models.ProposedOut:
        """Propose to take money that has arrived from a merchant into its dues, so that its refunds can be paid.

        Another person, who has looked at the bank's statement, approves it under /v1/proposals; until then none of it
        can be paid out. A number is taken once. Whoever proposes has authenticated within the last minutes.

        Needs a session of `finance`.
        """
        return cast("models.ProposedOut", self.call("POST", address("/v1/deposits"), body, key=idempotency_key))

    def read_statement(self, ref: str, *, from_: str | None = None, to: str | None = None) -> models.StatementOut:
        """Return what a merchant sold, conceded, refunded and was paid by local day, and what it is still owed.

        Needs a key with `statements:read` or a session.
        """
        return cast(
            "models.StatementOut",
            self.call("GET", address("/v1/merchants/{ref}/statement", [ref], {"from": from_, "to": to})),
        )

    def download_statement_csv(self, ref: str, *, from_: str | None = None, to: str | None = None) -> bytes:
        """Return the statement's days as comma-separated text, in yuan, as office programs open it.

        Needs a key with `statements:read` or a session.
        """
        return self.content(address("/v1/merchants/{ref}/statement.csv", [ref], {"from": from_, "to": to}))

    def download_statement_xlsx(self, ref: str, *, from_: str | None = None, to: str | None = None) -> bytes:
        """Return the statement with its payouts and orders as a workbook of three sheets.

        Needs a key with `statements:read` or a session.
        """
        return self.content(address("/v1/merchants/{ref}/statement.xlsx", [ref], {"from": from_, "to": to}))

    def confirm_cash(
        self, body: models.BankStatementIn, *, idempotency_key: str | None = None
    ) -> models.BankStatementOut:
        """Confirm that the cash of orders stands on a statement of the custody account. A statement counts once.

        Whoever confirms has authenticated within the last minutes.

        Needs a session of `finance`.
        """
        return cast(
            "models.BankStatementOut", self.call("POST", address("/v1/bank-statements"), body, key=idempotency_key)
        )

    def list_grants(self, *, limit: int | None = None) -> Iterator[models.GrantOut]:
        """List marketing budgets, newest first.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`, `risk`.
        """
        return cast("Iterator[models.GrantOut]", self.items(address("/v1/grants", [], {"limit": limit})))

    def propose_grant(self, body: models.GrantIn, *, idempotency_key: str | None = None) -> models.GrantOut:
        """Propose a marketing budget for finance to approve; the same again is proposed once.

        Needs a session of `marketing`.
        """
        return cast("models.GrantOut", self.call("POST", address("/v1/grants"), body, key=idempotency_key))

    def approve_grant(self, ref: str, *, idempotency_key: str | None = None) -> models.GrantOut:
        """Let a grant be used, as another person than who proposed it. The platform's bank must hold all of it.

        Needs a session of `finance`.
        """
        return cast(
            "models.GrantOut", self.call("POST", address("/v1/grants/{ref}/approve", [ref]), key=idempotency_key)
        )

    def list_fees(self, *, limit: int | None = None) -> Iterator[models.FeeOut]:
        """List the platform's fees that moved into its own book, newest cycle first.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`, `risk`.
        """
        return cast("Iterator[models.FeeOut]", self.items(address("/v1/fees", [], {"limit": limit})))

    def list_cases(
        self, *, state: Literal["open", "closed", "all"] | None = None, limit: int | None = None
    ) -> Iterator[models.CaseOut]:
        """List where books and statements differ, newest first; with `state=open` what is to be looked at.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `operator`, `regulator`.
        """
        return cast("Iterator[models.CaseOut]", self.items(address("/v1/cases", [], {"state": state, "limit": limit})))

    def read_case(self, case_id: str) -> models.CaseWhole:
        """Return one case with the statement lines, instructions and notices that it is about.

        Two people close it by a proposal `case.close`; it moves nothing.

        Needs a session of `auditor`, `finance`, `operator`, `regulator`.
        """
        return cast("models.CaseWhole", self.call("GET", address("/v1/cases/{case_id}", [case_id])))

    def list_journals(
        self, *, book: Literal["", "trust", "ops"] | None = None, kind: str | None = None, limit: int | None = None
    ) -> Iterator[models.JournalOut]:
        """List what was posted, newest first. Nothing in the ledger is changed or deleted.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `operator`, `regulator`.
        """
        return cast(
            "Iterator[models.JournalOut]",
            self.items(address("/v1/journals", [], {"book": book, "kind": kind, "limit": limit})),
        )

    def read_journal(self, journal_id: str) -> models.JournalWhole:
        """Return one journal with its postings.

        Needs a session of `auditor`, `finance`, `operator`, `regulator`.
        """
        return cast("models.JournalWhole", self.call("GET", address("/v1/journals/{journal_id}", [journal_id])))

    def list_reconciliations(self, *, limit: int | None = None) -> Iterator[models.ReconciliationOut]:
        """List comparisons of the ledger with the rows behind it, newest first.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `operator`, `regulator`.
        """
        return cast(
            "Iterator[models.ReconciliationOut]", self.items(address("/v1/reconciliations", [], {"limit": limit}))
        )

    def reconcile(self, *, idempotency_key: str | None = None) -> models.ReconciledOut:
        """Compare each control account with its subledger now and keep what is found; nothing is corrected by itself.

        Needs a session of `finance`.
        """
        return cast("models.ReconciledOut", self.call("POST", address("/v1/reconciliations"), key=idempotency_key))

    def list_checks(self, *, limit: int | None = None) -> Iterator[models.CheckOut]:
        """List proofs of the books that were kept, newest first; the scheduler proves them every night.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `operator`, `regulator`.
        """
        return cast("Iterator[models.CheckOut]", self.items(address("/v1/checks", [], {"limit": limit})))

    def read_trust_book(self) -> models.TrustBookOut:
        """Return how far the trust book's own database has come. No payout leaves before it holds the payout's journal.

        Needs a session of `auditor`, `finance`, `operator`, `regulator`.
        """
        return cast("models.TrustBookOut", self.call("GET", address("/v1/trust-book")))

    def list_exports(self) -> models.TablesOut:
        """Return the tables that can be exported. A whole export as Parquet is the command `greenloop export`.

        Needs a session of `auditor`, `regulator`.
        """
        return cast("models.TablesOut", self.call("GET", address("/v1/exports")))

    def export_table(self, table: str, *, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Return rows of a table in its order, one JSON object a line. The header Next-After leads to the next ones.

        Needs a session of `auditor`, `regulator`.
        """
        return self.lines(address("/v1/exports/{table}.ndjson", [table], {"limit": limit}))

    def list_proposals(
        self, *, state: Literal["open", "closed", "all"] | None = None, limit: int | None = None
    ) -> Iterator[models.ProposalOut]:
        """List proposals, newest first; with `state=open` those that wait for a second person.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`, `risk`.
        """
        return cast(
            "Iterator[models.ProposalOut]", self.items(address("/v1/proposals", [], {"state": state, "limit": limit}))
        )

    def propose(self, body: models.ProposalIn, *, idempotency_key: str | None = None) -> models.ProposedOut:
        """Propose a change for another person to approve within 72 hours; nothing is changed.

        Rules are for operators or finance to propose, corrections and deposits for finance, rate cards for operators or
        marketing, keys and a client's further merchants for operators. The same proposal by the same person is kept
        once.

        Needs a session of `finance`, `marketing`, `operator`.
        """
        return cast("models.ProposedOut", self.call("POST", address("/v1/proposals"), body, key=idempotency_key))

    def read_proposal(self, proposal_id: str) -> models.ProposalOut:
        """Return one proposal with its content and the hash that whoever approves it sends.

        Needs a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`, `risk`.
        """
        return cast("models.ProposalOut", self.call("GET", address("/v1/proposals/{proposal_id}", [proposal_id])))

    def approve_proposal(
        self, proposal_id: str, body: models.ApproveIn, *, idempotency_key: str | None = None
    ) -> models.DecidedOut:
        """Make a proposed change, exactly as it was seen, as another person than who proposed it.

        Whoever approves has authenticated within the last minutes. Approving `key.rotate` shows the new key this once;
        an answer that is given again leaves it out.

        Needs a session of `finance`, `operator`.
        """
        return cast(
            "models.DecidedOut",
            self.call("POST", address("/v1/proposals/{proposal_id}/approve", [proposal_id]), body, key=idempotency_key),
        )

    def reject_proposal(
        self, proposal_id: str, body: models.RejectIn, *, idempotency_key: str | None = None
    ) -> models.DecidedOut:
        """Turn a proposal down, as another person than who proposed it; nothing is changed.

        Needs a session of `finance`, `operator`.
        """
        return cast(
            "models.DecidedOut",
            self.call("POST", address("/v1/proposals/{proposal_id}/reject", [proposal_id]), body, key=idempotency_key),
        )

    def withdraw_proposal(self, proposal_id: str, *, idempotency_key: str | None = None) -> models.DecidedOut:
        """Take back a proposal of one's own; nothing is changed.

        Needs a session of `finance`, `marketing`, `operator`.
        """
        return cast(
            "models.DecidedOut",
            self.call("POST", address("/v1/proposals/{proposal_id}/withdraw", [proposal_id]), key=idempotency_key),
        )

    def list_audit(
        self, *, actor: str | None = None, about: str | None = None, limit: int | None = None
    ) -> Iterator[models.AuditOut]:
        """List privileged acts, newest first: each was written in the transaction that did it, and can't be changed.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `operator`, `regulator`.
        """
        return cast(
            "Iterator[models.AuditOut]",
            self.items(address("/v1/audit", [], {"actor": actor, "about": about, "limit": limit})),
        )

    def list_runs(self, *, task: str | None = None, limit: int | None = None) -> Iterator[models.TaskRunOut]:
        """List the clock's work, newest first: what ran, when, for how long, and what came of it.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a session of `auditor`, `finance`, `marketing`, `operator`, `regulator`, `risk`.
        """
        return cast("Iterator[models.TaskRunOut]", self.items(address("/v1/runs", [], {"task": task, "limit": limit})))

    def read_checkpoint(self) -> models.CheckpointOut:
        """Return what was signed last of the public log; anybody finds the same at /log/checkpoint.

        Needs a key with `statements:read` or a session.
        """
        return cast("models.CheckpointOut", self.call("GET", address("/v1/log/checkpoint")))

    def list_leaves(self, *, limit: int | None = None) -> Iterator[models.LogLeafOut]:
        """List leaves in their order, oldest first; those that no checkpoint covers yet are among them.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `statements:read` or a session.
        """
        return cast("Iterator[models.LogLeafOut]", self.items(address("/v1/log/leaves", [], {"limit": limit})))

    def prove_inclusion(self, *, leaf: int | None = None, size: int | None = None) -> models.InclusionOut:
        """Return the proof that the log of a size holds a leaf, folded from O(log n) subtrees.

        Needs a key with `statements:read` or a session.
        """
        return cast(
            "models.InclusionOut",
            self.call("GET", address("/v1/log/proofs/inclusion", [], {"leaf": leaf, "size": size})),
        )

    def prove_consistency(self, *, earlier: int | None = None, size: int | None = None) -> models.ConsistencyOut:
        """Return the proof that nothing of an earlier log was changed, dropped or moved up to a later size.

        Needs a key with `statements:read` or a session.
        """
        return cast(
            "models.ConsistencyOut",
            self.call("GET", address("/v1/log/proofs/consistency", [], {"earlier": earlier, "size": size})),
        )

    def list_roots(self, *, limit: int | None = None) -> Iterator[models.RootOut]:
        """List published roots, newest first: what was owed to all holders after each settlement.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `wallets:read` or a session.
        """
        return cast("Iterator[models.RootOut]", self.items(address("/v1/roots", [], {"limit": limit})))

    def read_root(self, cycle: int) -> models.RootOut:
        """Return the root that was published after one cycle's settlement.

        Needs a key with `wallets:read` or a session.
        """
        return cast("models.RootOut", self.call("GET", address("/v1/roots/{cycle}", [cycle])))

    def read_proof(self, account_id: str, *, cycle: int | None = None) -> models.ProofOut:
        """Return the proof that what was owed to a holder is in a published root. `me` is whoever has signed in.

        Whoever asks recomputes the hashes: the page does so in the browser, check_inclusion.py anywhere.

        Needs a key with `wallets:read` or a session.
        """
        return cast(
            "models.ProofOut",
            self.call("GET", address("/v1/wallets/{account_id}/proof", [account_id], {"cycle": cycle})),
        )

    def trace_order(self, order_id: str, *, place: int | None = None, fen: int | None = None) -> models.TracedOrderOut:
        """Tell where the concession of an order is: how much was released in which cycle, drawn by how many, spent.

        Its merchant and its shopper may ask, and the platform's people. Nobody is told who the holders are. An answer
        follows as many of the fen as make a short one, and says at which place the next goes on.

        Needs a key with `orders:read` or a session.
        """
        return cast(
            "models.TracedOrderOut",
            self.call("GET", address("/v1/trace/orders/{order_id}", [order_id], {"place": place, "fen": fen})),
        )

    def trace_voucher(
        self, account_id: str, voucher_id: str, *, place: int | None = None, fen: int | None = None
    ) -> models.TracedVoucherOut:
        """Tell which orders paid for a voucher, fen by fen: each has exactly one. `me` is whoever has signed in.

        Needs a key with `wallets:read` or a session.
        """
        return cast(
            "models.TracedVoucherOut",
            self.call(
                "GET",
                address(
                    "/v1/trace/wallets/{account_id}/vouchers/{voucher_id}",
                    [account_id, voucher_id],
                    {"place": place, "fen": fen},
                ),
            ),
        )

    def list_kinds(self) -> list[models.KindOut]:
        """List what an endpoint may be told of.

        Needs a key with `webhooks:write` or a session of `auditor`, `operator`, `regulator`.
        """
        return cast("list[models.KindOut]", self.call("GET", address("/v1/event-kinds")))

    def register_webhook(self, body: models.EndpointIn, *, idempotency_key: str | None = None) -> models.EndpointOut:
        """Register where the calling client is told of which kinds of events, and get the secret, this once.

        The key needs, beside `webhooks:write`, the scope with which it could read what each kind tells. Once no live
        key of the client could register it any more, a revoked key's endpoint is ended.

        The same address again is the same endpoint, with the kinds that are named now and without its secret: who has
        lost that draws a new one.

        Needs a key with `webhooks:write`.
        """
        return cast("models.EndpointOut", self.call("POST", address("/v1/webhooks"), body, key=idempotency_key))

    def list_webhooks(self, *, limit: int | None = None) -> Iterator[models.EndpointOut]:
        """List the endpoints of the calling client, newest first; operators and auditors see all that have not ended.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `webhooks:write` or a session of `auditor`, `operator`, `regulator`.
        """
        return cast("Iterator[models.EndpointOut]", self.items(address("/v1/webhooks", [], {"limit": limit})))

    def read_webhook(self, webhook_id: str) -> models.EndpointOut:
        """Return an endpoint of the calling client.

        Needs a key with `webhooks:write` or a session of `auditor`, `operator`, `regulator`.
        """
        return cast("models.EndpointOut", self.call("GET", address("/v1/webhooks/{webhook_id}", [webhook_id])))

    def rotate_webhook_secret(self, webhook_id: str, *, idempotency_key: str | None = None) -> models.EndpointOut:
        """Draw a new secret for an endpoint and get it, this once. For 24 hours the old one signs beside it.

        Needs a key with `webhooks:write`.
        """
        return cast(
            "models.EndpointOut",
            self.call("POST", address("/v1/webhooks/{webhook_id}/secret", [webhook_id]), key=idempotency_key),
        )

    def end_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> models.EndpointOut:
        """End an endpoint: nothing is sent there any more. Ended twice is ended once.

        Needs a key with `webhooks:write` or a session of `operator`.
        """
        return cast(
            "models.EndpointOut",
            self.call("POST", address("/v1/webhooks/{webhook_id}/end", [webhook_id]), key=idempotency_key),
        )

    def list_deliveries(
        self, webhook_id: str, *, state: Literal["waiting", "done", "given_up"] | None = None, limit: int | None = None
    ) -> Iterator[models.DeliveryOut]:
        """List what was sent to an endpoint or is on its way, newest first.

        Pages are asked for as the iterator reaches them, `limit` rows at a time.

        Needs a key with `webhooks:write` or a session of `auditor`, `operator`, `regulator`.
        """
        return cast(
            "Iterator[models.DeliveryOut]",
            self.items(address("/v1/webhooks/{webhook_id}/deliveries", [webhook_id], {"state": state, "limit": limit})),
        )

    def replay_webhook(
        self, webhook_id: str, body: models.SinceIn, *, idempotency_key: str | None = None
    ) -> models.SentAgainOut:
        """Send again all that an endpoint was given up since an instant, under the same ids.

        Needs a key with `webhooks:write` or a session of `operator`.
        """
        return cast(
            "models.SentAgainOut",
            self.call("POST", address("/v1/webhooks/{webhook_id}/replay", [webhook_id]), body, key=idempotency_key),
        )

    def read_delivery(self, delivery_id: str) -> models.DeliveryWhole:
        """Return a delivery with what is sent, and each try.

        Needs a key with `webhooks:write` or a session of `auditor`, `operator`, `regulator`.
        """
        return cast("models.DeliveryWhole", self.call("GET", address("/v1/deliveries/{delivery_id}", [delivery_id])))

    def replay_delivery(self, delivery_id: str, *, idempotency_key: str | None = None) -> models.DeliveryWhole:
        """Send an event again that an endpoint has had, or was given up, under the same id.

        Needs a key with `webhooks:write` or a session of `operator`.
        """
        return cast(
            "models.DeliveryWhole",
            self.call("POST", address("/v1/deliveries/{delivery_id}/replay", [delivery_id]), key=idempotency_key),
        )
