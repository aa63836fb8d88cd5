"""What the public form of a supervision report doesn't tell: what few people, or few shops, did."""

from greenloop.insight.supervision import as_parquet, as_pdf
from greenloop.insight.supervision.pools import OTHERS
from greenloop.insight.supervision.report import PUBLIC
from tests.support.databases import Database
from tests.support.supervising import over
from tests.support.town import found_town, plain_rules


def test_small_pools_are_told_together_and_their_sums_stay(database: Database) -> None:
    del database
    rules = plain_rules()
    rules["pools"]["village"] = dict(rules["pools"]["green"])
    rules["plans"]["village"] = dict(rules["plans"]["short"])
    multiples = {"member_multiple_ppm": 1_000_000, "merchant_multiple_ppm": 1_000_000}
    rules["routes"].insert(0, {"pool": "village", "plan": "village", "cities": ["Village"], **multiples})
    town = found_town(rules)
    town.merchant("tailor", city="Village", rate_ppm=100_000)
    town.merchant("butcher")
    for number in range(12):
        town.member(f"m{number}")
        town.sell(f"m{number}", ("grocer", "baker", "butcher")[number % 3], 10_000)
    town.sell("mei", "tailor", 70_000)
    town.close_all((1, 2))
    staff, public = over(1, 14), over(1, 14, PUBLIC)
    assert [line.pool for line in staff.pools] == ["green", "village", "red"]
    # The village's pool has two holders. Alone it could be told from the sum, so the others join it.
    assert [line.pool for line in public.pools] == [OTHERS, "red"]
    assert sum(line.inflow_fen for line in public.pools) == sum(line.inflow_fen for line in staff.pools)
    assert public.compared == staff.compared
    assert not any("village" in flow.debit + flow.credit for flow in public.flows)
    assert "village" not in repr((public.steps, public.cycles))


def test_what_a_few_did_cannot_be_told_from_other_figures_of_the_public_form(database: Database) -> None:
    del database
    rules = plain_rules()
    rules["pools"]["village"] = dict(rules["pools"]["green"])
    rules["plans"]["village"] = dict(rules["plans"]["short"])
    multiples = {"member_multiple_ppm": 1_000_000, "merchant_multiple_ppm": 1_000_000}
    rules["routes"].insert(0, {"pool": "village", "plan": "village", "cities": ["Village"], **multiples})
    town = found_town(rules)
    for number in range(4):
        town.merchant(f"stall-{number}", city="Village", rate_ppm=100_000)
    town.merchant("butcher")
    town.member("lu", referrer="mei")
    for number in range(12):
        town.member(f"m{number}")
        town.sell(f"m{number}", ("grocer", "baker", "butcher")[number % 3], 10_000)
        town.sell("lin" if number < 6 else f"m{number}", f"stall-{number % 4}", 10_000)
    town.sell("lu", "grocer", 50_000)
    town.close_all((1, 2))
    public = over(1, 14, PUBLIC)
    # The village has seven buyers, and the red pool one referrer. The red pool is told with it, and isn't told apart by
    # what vested, which would tell the village's; and its holder is no tenth person.
    assert {line.pool for line in public.pools} == {OTHERS}
    labels = [each.label for step in public.steps for each in step.figures]
    assert "green and red pools" in labels
    assert "red pool" not in labels
    assert as_pdf.document(public, language="zh")
    staff = over(1, 14)
    assert "red pool" in [each.label for each in staff.steps[2].figures]
    # How often something moved is told from five times on: once may be one refund.
    flows = dict(as_parquet.tables(public))["flows"]
    assert {row[4] for part in flows.parts for row in part if row[0] == "vest"} == {None}
    assert min(flow.journals for flow in staff.flows) == 1


def test_two_shops_are_not_told_together_where_a_third_can_be(database: Database) -> None:
    del database
    rules = plain_rules()
    multiples = {"member_multiple_ppm": 1_000_000, "merchant_multiple_ppm": 1_000_000}
    for village in ("east", "west"):
        rules["pools"][village] = dict(rules["pools"]["green"])
        rules["plans"][village] = dict(rules["plans"]["short"])
        rules["routes"].insert(0, {"pool": village, "plan": village, "cities": [village], **multiples})
    town = found_town(rules)
    town.merchant("butcher")
    for village in ("east", "west"):
        town.merchant(village, city=village, rate_ppm=100_000)
    for number in range(12):
        town.member(f"m{number}")
        for shop in ("east", "west", ("grocer", "baker", "butcher")[number % 3]):
            town.sell(f"m{number}", shop, 10_000)
    # Each village has twelve buyers at one shop: together they would tell either shop what the other sold.
    assert [line.pool for line in over(1, 7, PUBLIC).pools] == [OTHERS, "red"]
