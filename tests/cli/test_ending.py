"""The end of a business at the command line: minting is stopped by two people, and how it stands is said."""

from datetime import UTC, datetime, timedelta

from tests.cli.conftest import Town

WHY = ("--by", "Wu", "--reason", "we close")


def test_minting_is_stopped_by_two_people_and_everybody_may_ask(town: Town) -> None:
    for name, role in (("Lin", "finance"), ("Wu", "operator")):
        town.call("staff", name, "--role", role)
    assert town.call("wind-down", "--json").json == {"mints": True, "since_at": None, "changes_at": None}
    made = town.call("wind-down", "--propose", *WHY, "--json").json
    assert town.call("wind-down", "--json").json["changes_at"] is None
    town.call("decide", made["proposal"], "--approve", made["sha256"], "--by", "Lin")
    assert town.call("wind-down", "--json").json["changes_at"]
    assert "From" in town.call("wind-down").out
    again = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%dT%H:%M:%S+00:00}"
    made = town.call("wind-down", "--resume", "--from", again, *WHY, "--json").json
    town.call("decide", made["proposal"], "--approve", made["sha256"], "--by", "Lin")


def test_what_can_t_be_proposed_is_refused(town: Town) -> None:
    town.call("staff", "Wu", "--role", "operator")
    both = town.call("wind-down", "--propose", "--resume", *WHY, "--json", code=1).json
    nobody = town.call("wind-down", "--propose", "--json", code=1).json
    nothing = town.call("wind-down", "--resume", "--from", "2099-01-01T00:00:00+08:00", *WHY, "--json", code=1).json
    early = town.call("wind-down", "--propose", "--from", "2020-01-01T00:00:00+08:00", *WHY, "--json", code=1).json
    assert [each["code"] for each in (both, nobody, nothing, early)] == [
        *("minting.what", "proposal.missing", "proposal.nothing", "minting.early")
    ]
