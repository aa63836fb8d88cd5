"""Addresses of this room."""

from django.urls import URLPattern, path

from greenloop.web import addresses  # noqa: F401  registers what <text:…> matches
from greenloop.web.loop import bound, claims, order, overview, search, settlements, tracing, wallet

urlpatterns: list[URLPattern] = [
    path("overview/", overview.page, name="overview"),
    path("settlements/", settlements.runs, name="settlements"),
    path("settlements/<int:cycle>/", settlements.one, name="settlement"),
    path("settlements/<int:cycle>/approve/", settlements.approve, name="settlement_approve"),
    path("settlements/<int:cycle>/reject/", settlements.reject, name="settlement_reject"),
    path("claims/", claims.listing, name="claims"),
    path("claims/<int:number>/", claims.one, name="claim"),
    path("claims/<int:number>/approve/", claims.approve, name="claim_approve"),
    path("claims/<int:number>/reject/", claims.reject, name="claim_reject"),
    path("wallet/claims/<int:number>/withdraw/", claims.withdraw, name="claim_withdraw"),
    path("search/", search.find, name="search"),
    path("bound/", bound.bound, name="bound"),
    path("orders/<str:merchant>/<text:order_no>/", order.order, name="order"),
    path("orders/<text:merchant>/<text:order_no>/", order.order, name="order"),
    path("trace/orders/<int:number>/", tracing.order, name="trace_order"),
    path("trace/vouchers/<int:number>/", tracing.voucher, name="trace_voucher"),
    path("wallet/", wallet.wallet, name="wallet"),
    path("wallet/quote/", wallet.quote, name="wallet_quote"),
    path("wallet/orders/", wallet.orders, name="wallet_orders"),
    path("wallet/points/", wallet.points, name="wallet_points"),
    path("wallet/ledger/", wallet.ledger, name="wallet_ledger"),
    path("holders/<text:ref>/orders/", wallet.holder_orders, name="holder_orders"),
    path("holders/<text:ref>/points/", wallet.holder_points, name="holder_points"),
    path("holders/<text:ref>/ledger/", wallet.holder_ledger, name="holder_ledger"),
    path("holders/<text:ref>/", wallet.holder, name="holder_wallet"),
]
