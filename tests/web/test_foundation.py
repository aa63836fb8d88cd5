"""What every page has: language, theme, a strict policy for the browser, and a page for every no."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.databases import Database


@pytest.fixture
def stranger(database: Database) -> Client:
    del database
    return Client()


def test_the_front_door_speaks_the_browsers_language(stranger: Client) -> None:
    english = stranger.get("/", headers={"accept-language": "en-GB"}).content.decode()
    chinese = stranger.get("/", headers={"accept-language": "zh-CN,zh;q=0.9"}).content.decode()
    assert '<html lang="en"' in english
    assert '<html lang="zh-Hans"' in chinese
    assert "See where every fen went" in english
    assert "See where every fen went" not in chinese


def test_a_choice_of_language_and_theme_is_kept_and_leads_back(stranger: Client) -> None:
    answer = stranger.post("/choose/", {"back": "/design/", "language": "zh-hans", "theme": "dark"})
    assert (answer.status_code, answer["Location"]) == (302, "/design/")
    page = stranger.get("/design/").content.decode()
    assert '<html lang="zh-Hans" data-theme="dark"' in page
    stranger.post("/choose/", {"back": "/", "theme": "device"})
    assert "data-theme" not in stranger.get("/design/").content.decode()


@pytest.mark.parametrize("back", ["https://example.org/", "//example.org", "javascript:alert(1)"])
def test_a_choice_never_leads_to_another_site(stranger: Client, back: str) -> None:
    assert stranger.post("/choose/", {"back": back, "theme": "dark"})["Location"] == "/"


def test_an_unknown_language_or_theme_is_not_kept(stranger: Client) -> None:
    answer = stranger.post("/choose/", {"back": "/", "language": "xx", "theme": "<b>"})
    assert not answer.cookies


def test_nothing_may_load_but_our_own_and_every_script_carries_this_answers_nonce(stranger: Client) -> None:
    seen = set()
    for _ in range(2):
        answer = stranger.get("/design/")
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        page = answer.content.decode()
        scripts = re.findall(r"<script\b[^>]*>", page)
        nonces = set(re.findall(r"'nonce-([^']+)'", policy))
        assert all(f'nonce="{nonce}"' in script for script in scripts for nonce in nonces)
        assert not re.search(r"\sstyle=|\son\w+=|javascript:", page)
        seen |= nonces
    assert len(seen) in {0, 2}


def test_answers_tell_the_browser_to_keep_nothing_and_to_frame_nothing(stranger: Client) -> None:
    answer = stranger.get("/")
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/nowhere/", "/orders/nobody/1/", "/holders/nobody/"])
def test_what_is_not_there_and_what_is_not_yours_show_a_page_or_lead_to_the_sign_in(
    stranger: Client, path: str
) -> None:
    answer = stranger.get(path)
    assert answer.status_code in {302, 404}
    if answer.status_code == 302:
        assert answer["Location"] == f"{reverse('account_login')}?next={path}"
    else:
        assert "<h1>" in answer.content.decode()


def test_a_form_from_elsewhere_is_refused_with_a_page(database: Database) -> None:
    del database
    answer = Client(enforce_csrf_checks=True).post("/choose/", {"back": "/", "theme": "dark"})
    assert answer.status_code == 403
    assert "out of date" in answer.content.decode()


def test_search_engines_are_asked_to_stay_out(stranger: Client) -> None:
    assert "Disallow: /" in stranger.get("/robots.txt").content.decode()
