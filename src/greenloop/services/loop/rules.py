"""Publish rule sets, and know which one is in force."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.plan import Plan as PlanTerms
from greenloop.core.loop.plan import PoolTerms
from greenloop.core.loop.rules import RuleSet, document_of, rule_set
from greenloop.services.again import begun_again
from greenloop.services.books.post import open_pool_accounts
from greenloop.services.verb import verb
from greenloop.store.models import Plan, Pool, RuleVersion


@dataclass(frozen=True, slots=True)
class Ruling:
    """A rule set in force, with the ids of its pools and plans."""

    id: int
    rules: RuleSet
    effective_at: datetime
    pools: Mapping[str, int]
    plans: Mapping[str, int]


@begun_again
@verb
def publish_rules(*, document: Mapping[str, object], effective_at: datetime, by: str, at: datetime) -> int:
    """Publish a rule set whole and return its number; the same document from the same instant on is published once.

    Running cohorts keep their plan: a plan or a pool that exists can't be published with other terms.

    :raises Refusal: the rules are not sound, or an existing plan or pool would change.
    """
    rules = rule_set(document)
    text = _canonical(document_of(rules))
    if earlier := RuleVersion.objects.filter(effective_at=effective_at).first():
        if earlier.document == text:
            return earlier.id
        raise Refusal(
            "rules.taken",
            say("Other rules are already published from {effective_at} on. Choose a later instant."),
            field="effective_at",
            effective_at=effective_at,
        )
    latest = RuleVersion.objects.order_by("-effective_at").first()
    if latest and latest.effective_at > effective_at:
        raise Refusal(
            "rules.late",
            say("Rules from {latest} on are already published. Choose a later instant."),
            field="effective_at",
            latest=latest.effective_at,
        )
    if latest:
        _check_calendar(rules, _parsed(latest.document))
    _open_plans(rules.plans)
    _open_pools({**rules.pools, rules.red_pool: rules.red_terms}, red=rules.red_pool, first=_cycle_of(rules, at))
    return RuleVersion.objects.create(
        document=text,
        red_pool_id=Pool.objects.get(name=rules.red_pool).id,
        red_plan_id=Plan.objects.get(name=rules.red_plan).id,
        effective_at=effective_at,
        published_by=by,
        published_at=at,
    ).id


def _check_calendar(rules: RuleSet, before: RuleSet) -> None:
    """Keep the calendar that cycles were numbered by."""
    if rules.calendar != before.calendar:
        message = say("The calendar of an alliance stays as it began. Publish the rules with the old one.")
        raise Refusal("rules.calendar", message, field="calendar")


def _cycle_of(rules: RuleSet, at: datetime) -> int:
    return max(1, rules.calendar.cycle_at(at))


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _open_plans(plans: Mapping[str, PlanTerms]) -> None:
    known = dict(Plan.objects.values_list("name", "terms"))
    for name, terms in plans.items():
        text = _canonical(asdict(terms))
        if known.get(name, text) != text:
            raise Refusal(
                "rules.plan_changed",
                say("The plan {plan} is running with other terms. Give the new plan a name of its own."),
                field=f"plans.{name}",
                plan=name,
            )
    Plan.objects.bulk_create(
        Plan(name=name, terms=_canonical(asdict(terms))) for name, terms in plans.items() if name not in known
    )


def _open_pools(pools: Mapping[str, PoolTerms], *, red: str, first: int) -> None:
    known = {pool.name: pool for pool in Pool.objects.all()}
    for name, terms in pools.items():
        pool = known.get(name)
        if pool and (pool.terms != _canonical(asdict(terms)) or pool.is_red != (name == red)):
            raise Refusal(
                "rules.pool_changed",
                say("The pool {pool} is running with other terms. Give the new pool a name of its own."),
                field=f"pools.{name}",
                pool=name,
            )
    new = [name for name in pools if name not in known]
    Pool.objects.bulk_create(
        Pool(name=name, is_red=name == red, terms=_canonical(asdict(pools[name])), first_cycle=first) for name in new
    )
    open_pool_accounts(new)


@lru_cache(maxsize=64)
def _parsed(document: str) -> RuleSet:
    return rule_set(json.loads(document))


def rulings() -> Sequence[Ruling]:
    """Return all published rule sets with the ids of their pools and plans, oldest first."""
    pools = dict(Pool.objects.values_list("name", "id"))
    plans = dict(Plan.objects.values_list("name", "id"))
    return [
        Ruling(version.id, _parsed(version.document), version.effective_at, pools, plans)
        for version in RuleVersion.objects.order_by("effective_at")
    ]


def in_force(known: Sequence[Ruling], at: datetime) -> Ruling:
    """Return the rule set of `known` that is in force at an instant.

    :raises Refusal: none is.
    """
    for ruling in reversed(known):
        if ruling.effective_at <= at:
            return ruling
    raise Refusal("rules.none", say("No rules are in force at {at}. Publish a rule set first."), field="paid_at", at=at)
