"""Publish rule sets, and know which one is in force."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import lru_cache

from greenloop.core import instants
from greenloop.core.faults import Refusal, say
from greenloop.core.loop.plan import Plan as PlanTerms
from greenloop.core.loop.plan import PoolTerms
from greenloop.core.loop.rules import RuleSet, document_of, rule_set
from greenloop.core.trust.words import check_copy
from greenloop.services.again import begun_again
from greenloop.services.books.post import open_pool_accounts
from greenloop.services.outbox import news
from greenloop.services.trust.log.steps import append_leaves
from greenloop.services.trust.steps import canonical, note
from greenloop.services.verb import verb
from greenloop.store import sql
from greenloop.store.models import Plan, Pool, RuleVersion
from greenloop.store.queries import logged


@dataclass(frozen=True, slots=True)
class Ruling:
    """A rule set in force, with the ids of its pools and plans."""

    id: int
    rules: RuleSet
    effective_at: datetime
    pools: Mapping[str, int]
    plans: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Draft:
    """Rules that may be published; `earlier_id` is the number under which they are already, if they are."""

    rules: RuleSet
    effective_at: datetime
    earlier_id: int | None

    @property
    def text(self) -> str:
        """Return the document as it is kept."""
        return canonical(document_of(self.rules))


@begun_again
@verb
def publish_rules(*, document: Mapping[str, object], effective_at: datetime, by: str, at: datetime) -> int:
    """Publish a rule set whole and return its number; the same document from the same instant on is published once.

    Running cohorts keep their plan: a plan or a pool that exists can't be published with other terms.

    :raises Refusal: the rules are not sound, a name in them promises a return (G12), or an existing plan or pool would
        change.
    """
    draft = checked_rules(document=document, effective_at=effective_at)
    number = write_rules(draft, by=by, at=at)
    if draft.earlier_id is None:
        detail = {"effective_at": effective_at.isoformat()}
        note(act="rules.publish", about=f"rules/{number}", detail=detail, at=at, by=by)
    return number


def checked_rules(*, document: Mapping[str, object], effective_at: datetime) -> Draft:
    """Return rules that could be published as things stand, which nobody has written yet.

    :raises Refusal: the rules are not sound, they hold from a year that is none of ours, a name in them promises a
        return (G12), or an existing plan or pool would change.
    """
    instants.check(effective_at, "effective_at")
    draft = Draft(rule_set(document), effective_at, None)
    if earlier := RuleVersion.objects.filter(effective_at=effective_at).first():
        if earlier.document == draft.text:
            return replace(draft, earlier_id=earlier.id)
        raise Refusal(
            "rules.taken",
            say("Other rules are already published from {effective_at} on. Choose a later instant."),
            field="effective_at",
            effective_at=effective_at,
        )
    _check_words(draft.rules)
    latest = RuleVersion.objects.order_by("-effective_at").first()
    if latest and latest.effective_at > effective_at:
        raise Refusal(
            "rules.late",
            say("Rules from {latest} on are already published. Choose a later instant."),
            field="effective_at",
            latest=latest.effective_at,
        )
    if latest:
        _check_calendar(draft.rules, _parsed(latest.document))
    _check_plans(draft.rules.plans)
    _check_pools(_pools_of(draft.rules), red=draft.rules.red_pool)
    return draft


def write_rules(draft: Draft, *, by: str, at: datetime) -> int:
    """Write rules that were checked in the same transaction, with the plans and pools that are new in them."""
    if draft.earlier_id is not None:
        return draft.earlier_id
    rules = draft.rules
    _open_plans(rules.plans)
    _open_pools(_pools_of(rules), red=rules.red_pool, first=max(1, rules.calendar.cycle_at(at)))
    number = RuleVersion.objects.create(
        document=draft.text,
        red_pool_id=Pool.objects.get(name=rules.red_pool).id,
        red_plan_id=Plan.objects.get(name=rules.red_plan).id,
        effective_at=draft.effective_at,
        published_by=by,
        published_at=at,
    ).id
    news.rules_published(number, draft.effective_at, at=at)
    append_leaves(logged.rules(number), at=at)
    return number


def _pools_of(rules: RuleSet) -> Mapping[str, PoolTerms]:
    return {**rules.pools, rules.red_pool: rules.red_terms}


def _check_words(rules: RuleSet) -> None:
    """Look at names as they are given, never as they are read: rules that were published can always be read."""
    check_copy(rules.name, "name")
    for pool in _pools_of(rules):
        check_copy(pool, f"pools.{pool}")
    for plan in rules.plans:
        check_copy(plan, f"plans.{plan}")


def _check_calendar(rules: RuleSet, before: RuleSet) -> None:
    """Keep the calendar that cycles were numbered by."""
    if rules.calendar != before.calendar:
        message = say("The calendar of an alliance stays as it began. Publish the rules with the old one.")
        raise Refusal("rules.calendar", message, field="calendar")


def _check_plans(plans: Mapping[str, PlanTerms]) -> None:
    known = dict(Plan.objects.values_list("name", "terms"))
    for name, terms in plans.items():
        text = canonical(asdict(terms))
        if known.get(name, text) != text:
            raise Refusal(
                "rules.plan_changed",
                say("The plan {plan} is running with other terms. Give the new plan a name of its own."),
                field=f"plans.{name}",
                plan=name,
            )


def _check_pools(pools: Mapping[str, PoolTerms], *, red: str) -> None:
    known = {pool.name: pool for pool in Pool.objects.all()}
    for name, terms in pools.items():
        pool = known.get(name)
        if pool and (pool.terms != canonical(asdict(terms)) or pool.is_red != (name == red)):
            raise Refusal(
                "rules.pool_changed",
                say("The pool {pool} is running with other terms. Give the new pool a name of its own."),
                field=f"pools.{name}",
                pool=name,
            )


def _open_plans(plans: Mapping[str, PlanTerms]) -> None:
    known = set(Plan.objects.values_list("name", flat=True))
    Plan.objects.bulk_create(
        Plan(name=name, terms=canonical(asdict(terms))) for name, terms in plans.items() if name not in known
    )


def _open_pools(pools: Mapping[str, PoolTerms], *, red: str, first: int) -> None:
    known = set(Pool.objects.values_list("name", flat=True))
    new = [name for name in pools if name not in known]
    Pool.objects.bulk_create(
        Pool(name=name, is_red=name == red, terms=canonical(asdict(pools[name])), first_cycle=first) for name in new
    )
    open_pool_accounts(new)


@lru_cache(maxsize=64)
def _parsed(document: str) -> RuleSet:
    return rule_set(json.loads(document))


def rulings() -> Sequence[Ruling]:
    """Return all published rule sets with the ids of their pools and plans, oldest first."""
    return rulings_of(*sql.together(RULING_ASKS))


def rulings_of(named: Sequence[sql.Row], published: Sequence[sql.Row]) -> Sequence[Ruling]:
    """Return the rule sets as the answers to `RULING_ASKS` describe them."""
    pools: dict[str, int] = {}
    plans: dict[str, int] = {}
    for is_pool, name, number in named:
        (pools if is_pool else plans)[name] = number
    return [
        Ruling(number, _parsed(document), sql.moment(effective_at), pools, plans)
        for number, document, effective_at in published
    ]


RULING_ASKS = (
    sql.Ask("SELECT 1, name, id FROM pool UNION ALL SELECT 0, name, id FROM plan"),
    sql.Ask("SELECT id, document, effective_at FROM rule_version ORDER BY effective_at"),
)


def in_force(known: Sequence[Ruling], at: datetime) -> Ruling:
    """Return the rule set of `known` that is in force at an instant.

    :raises Refusal: none is.
    """
    for ruling in reversed(known):
        if ruling.effective_at <= at:
            return ruling
    raise Refusal("rules.none", say("No rules are in force at {at}. Publish a rule set first."), field="paid_at", at=at)
