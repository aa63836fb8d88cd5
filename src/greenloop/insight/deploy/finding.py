"""What a look at an installation finds: what is wrong, why that matters, and the way out."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. The three sentences are English templates, filled from `facts` after a door translates them.

    `code` is stable for programs.
    """

    code: str
    what: str
    why: str
    way_out: str
    facts: Mapping[str, object] = field(default_factory=dict)
