"""Calls that schemathesis makes up over a whole OpenAPI document, for as long as one likes, and what is heard of them.

Its phases: the bounds of each parameter and field, one by one; values at large; and chains of calls, in which one names
what another has answered.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schemathesis import Case, Config, Response
from schemathesis.engine import events, from_schema
from schemathesis.generation.meta import TestPhase

from tests.support.full import Full

PHASES = ("examples", "coverage", "fuzzing", "stateful")


@dataclass(slots=True)
class Heard:
    """What was heard: statuses by operation, each kind of fault of an operation once, how many calls in each phase."""

    statuses: dict[str, set[int]] = field(default_factory=dict)
    faults: dict[tuple[str, str], str] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)

    def answered(self, _: object, case: Case[Any], answer: Response) -> None:
        """Note an answer."""
        self.calls[case.meta.phase.name.value if case.meta else "other"] += 1
        self.statuses.setdefault(case.operation.definition.raw["operationId"], set()).add(answer.status_code)

    def fault(self, label: str, kind: str, told: str) -> None:
        """Note a fault of an operation."""
        self.faults.setdefault((label, kind), f"{label}: {kind}: {told}")

    def happened(self, event: events.EngineEvent) -> None:
        """Note the faults that the engine tells of."""
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.NonFatalError):
            self.fault(event.label, "error", event.info.format())
        if isinstance(event, events.ScenarioFinished):
            for number, checks in event.recorder.checks.items():
                label = event.recorder.cases[number].value.operation.label
                for check in checks:
                    if check.failure_info:
                        told = f"{check.failure_info.failure}\n{check.failure_info.code_sample}"
                        self.fault(label, check.name, told)

    def assert_no_fault(self) -> None:
        """Fail with all faults."""
        assert not self.faults, "\n\n".join(
            [f"{len(self.faults)} faults in {dict(self.calls)} calls", *self.faults.values()]
        )


def settled(*, seconds: int, checks: Sequence[str], own: list[dict[str, Any]]) -> Config:
    """Return how schemathesis is set: for how long, by which checks; `own` are the settings of single operations."""
    return Config.from_dict(
        {
            "max-time": max(seconds, 1),
            "continue-on-failure": True,
            "checks": {"enabled": False} | {name: {"enabled": True} for name in checks},
            "operations": own,
            "generation": {"database": "none", "no-shrink": True, "with-security-parameters": False},
            "phases": {each: {"enabled": True} for each in PHASES},
        }
    )


def ask_all(document: Any, full: Full, heard: Heard) -> None:
    """Ask in all phases, and go round again as long as there is time.

    Every other call that is not one of a chain names what the town knows.
    """
    dice = random.Random(7)

    def named(_: object, case: Case[Any]) -> Case[Any]:
        chained = case.meta is not None and case.meta.phase.name is TestPhase.STATEFUL
        return case if chained or dice.random() < 0.5 else full.named(case, dice.randrange(12))

    document.hooks.register_hook_with_name(named, "map_case")
    document.hooks.register_hook_with_name(heard.answered, "after_call")
    for event in from_schema(document).execute():
        heard.happened(event)
