"""Addresses of this room."""

from django.urls import URLPattern, path

from greenloop.web.loop import bound, order, overview, search, settlements, wallet

urlpatterns: list[URLPattern] = [
    path("overview/", overview.page, name="overview"),
    path("settlements/", settlements.runs, name="settlements"),
    path("settlements/<int:cycle>/", settlements.one, name="settlement"),
    path("settlements/<int:cycle>/approve/", settlements.approve, name="settlement_approve"),
    path("settlements/<int:cycle>/reject/", settlements.reject, name="settlement_reject"),
    path("search/", search.find, name="search"),
    path("bound/", bound.bound, name="bound"),
    path("orders/<str:merchant>/<path:order_no>/", order.order, name="order"),
    path("orders/<path:merchant>/<path:order_no>/", order.order, name="order"),
    path("wallet/", wallet.wallet, name="wallet"),
    path("wallet/quote/", wallet.quote, name="wallet_quote"),
    path("wallet/orders/", wallet.orders, name="wallet_orders"),
    path("wallet/points/", wallet.points, name="wallet_points"),
    path("wallet/ledger/", wallet.ledger, name="wallet_ledger"),
    path("holders/<path:ref>/orders/", wallet.holder_orders, name="holder_orders"),
    path("holders/<path:ref>/points/", wallet.holder_points, name="holder_points"),
    path("holders/<path:ref>/ledger/", wallet.holder_ledger, name="holder_ledger"),
    path("holders/<path:ref>/", wallet.holder, name="holder_wallet"),
]
