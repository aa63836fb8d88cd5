"""The page of licences is true: every installed package stands there, with the licence that it states."""

import re

from tests.house import licences
from tests.house.test_dependencies import COPYLEFT, LOCKS, lock

ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)


def test_the_page_says_of_every_installed_package_what_the_package_says() -> None:
    told = dict(ROW.findall(licences.PAGE.read_text("utf-8")))
    wrong = {name: told.get(name) for name, text in ROW.findall(licences.page()) if told.get(name) != text}
    assert wrong == {}, "make licences"


def test_the_page_names_no_package_that_no_lock_holds() -> None:
    told = {name for name, _ in ROW.findall(licences.PAGE.read_text("utf-8"))}
    assert told - set().union(*map(lock, LOCKS)) == set()


def test_no_package_is_without_a_licence_or_under_one_that_binds_the_product() -> None:
    told = dict(ROW.findall(licences.PAGE.read_text("utf-8")))
    assert {name: text for name, text in told.items() if text == "not stated" or COPYLEFT.search(text)} == {}
