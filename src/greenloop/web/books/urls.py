"""Addresses of this room."""

from django.urls import URLPattern, path

from greenloop.web import addresses  # noqa: F401  registers what <text:…> matches
from greenloop.web.books import cases, statement, supervision

urlpatterns: list[URLPattern] = [
    path("cases/", cases.listing, name="cases"),
    path("cases/<int:number>/", cases.one, name="case"),
    path("cases/<int:number>/close/", cases.close, name="case_close"),
    path("reports/", supervision.page, name="reports"),
    path("reports/report.pdf", supervision.as_print, name="report_pdf"),
    path("reports/report.xlsx", supervision.as_workbook, name="report_xlsx"),
    path("statement/", statement.statement, name="statement"),
    path("merchants/<text:ref>/statement/", statement.of_period, name="merchant_statement"),
    path("merchants/<text:ref>/statement/<str:day>/", statement.of_day, name="merchant_statement_day"),
    path("merchants/<text:ref>/statement.csv", statement.as_text, name="merchant_statement_csv"),
    path("merchants/<text:ref>/statement.xlsx", statement.as_workbook, name="merchant_statement_xlsx"),
]
