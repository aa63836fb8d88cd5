"""Addresses of this room."""

from django.urls import URLPattern, path

from greenloop.web.books import statement

urlpatterns: list[URLPattern] = [
    path("statement/", statement.statement, name="statement"),
    path("merchants/<path:ref>/statement/", statement.of_period, name="merchant_statement"),
    path("merchants/<path:ref>/statement/<str:day>/", statement.of_day, name="merchant_statement_day"),
    path("merchants/<path:ref>/statement.csv", statement.as_text, name="merchant_statement_csv"),
    path("merchants/<path:ref>/statement.xlsx", statement.as_workbook, name="merchant_statement_xlsx"),
]
