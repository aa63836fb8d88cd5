"""Sentences send people to pages that are there."""

import re

import pytest
from django.urls import Resolver404, resolve

from greenloop.api.urls import nothing
from tests.house.test_words import marked

ADDRESS = re.compile(r"(?<![\w<>./])/[a-z0-9]+(?:[-/][a-z0-9]+)*/?(?![\w/*{<])")


def leads_nowhere(address: str) -> bool:
    try:
        return resolve(address).func is nothing
    except Resolver404:
        return True


def test_each_address_in_a_sentence_leads_to_a_page() -> None:
    told = {address for sentence in marked() for address in ADDRESS.findall(sentence)}
    assert {"/sign-in/again/", "/sign-in/staff/"} <= told
    assert [address for address in sorted(told) if leads_nowhere(address)] == []


@pytest.mark.parametrize("address", ["/sign-in/reauthenticate/", "/v1/nothing"])
def test_an_address_that_leads_nowhere_is_found_out(address: str) -> None:
    assert ADDRESS.findall(f"Confirm who you are first: open {address} in this browser.") == [address]
    assert leads_nowhere(address)
