"""The check that anybody can make: the whole log hashed again from its published files, against what was seen before.

It needs the files, a key, and what the checker has kept: no database, and no trust in who publishes. What it can't see
is a log that shows each checker another history: compare checkpoints with others for that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from greenloop.core.faults import Refusal, say
from greenloop.core.trust import canonical, log
from greenloop.core.trust.checkpoint import SIZE, Checkpoint, Key, Note, read_key, read_note
from greenloop.core.trust.log import EMPTY, Frontier, leaf_hash
from greenloop.insight.public_log.files import CHECKPOINT, KEYS, SIZES, TOPS, checkpoint_at, tile_at
from greenloop.insight.public_log.source import Source
from greenloop.store.queries.log import TILE, TILE_LEVEL
from greenloop.store.signer import signed_by

MISSING = say("The file {name} is missing.")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong: `code` is stable for programs, `message` a marked sentence that takes `facts`."""

    code: str
    message: str
    facts: dict[str, object]

    def __str__(self) -> str:
        return self.message.format(**self.facts)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a checker keeps: the keys it goes by, and the newest checkpoint that it has found in order."""

    keys: tuple[Key, ...] = ()
    note: Note | None = None


@dataclass(slots=True)
class Checked:
    """What a check has come to. `trusted` says that no key was known, so the log's own word was taken for it."""

    note: Note
    keys: tuple[Key, ...]
    trusted: bool
    findings: list[Finding] = field(default_factory=list)
    leaves: int = 0
    beyond: int = 0
    checkpoints: int = 0

    def finds(self, code: str, message: str, **facts: object) -> None:
        """Note something wrong."""
        self.findings.append(Finding(code, message, facts))

    @property
    def seen(self) -> Seen:
        """Return what the checker keeps, where nothing is wrong."""
        return Seen(self.keys, self.note)


def check(found: Source, *, seen: Seen) -> Checked:
    """Check a published log and return what was found.

    Keys that `seen` has are the ones gone by; where it has none, the log's own are taken, this once.

    :raises Refusal: there is no log there, or its checkpoint or key can't be read.
    """
    note = read_note(_needed(found, CHECKPOINT))
    keys = seen.keys or tuple(read_key(line) for line in _needed(found, KEYS).splitlines())
    checked = Checked(note, keys, trusted=not seen.keys)
    _signed(checked, note)
    before = seen.note.checkpoint if seen.note else None
    if before and not _goes_on(checked, before):
        return checked
    earlier = _earlier(found, checked, before)
    wanted = {note.checkpoint.size} | {each.size for each in earlier} | ({before.size} if before else set())
    roots, tops = _hashed(found, checked, wanted)
    _compare(checked, roots, earlier, before)
    if not checked.findings:
        _as_told(found, checked, tops)
    return checked


def _needed(found: Source, name: str) -> str:
    told = found.text(name)
    if told is None:
        raise Refusal(
            "log.none", say("There is no published log: the file {name} isn't there."), field="FOLDER", name=name
        )
    return told


def _signed(checked: Checked, note: Note) -> None:
    # A key signs for the log that it is named after: one that you go by for another log proves nothing here.
    if not signed_by(note, [key for key in checked.keys if key.name == note.checkpoint.origin]):
        message = say("The checkpoint of {size} leaves isn't signed by a key that you go by.")
        checked.finds("signature", message, size=note.checkpoint.size)


def _goes_on(checked: Checked, before: Checkpoint) -> bool:
    """Tell whether the log is the one that was seen, and no shorter than then."""
    now = checked.note.checkpoint
    if now.origin != before.origin:
        message = say("This is the log {now}; the one that you saw was {before}.")
        checked.finds("origin", message, now=now.origin, before=before.origin)
    elif now.size < before.size:
        message = say("The log was cut: its checkpoint covers {now} leaves, the one that you saw {before}.")
        checked.finds("cut", message, now=now.size, before=before.size)
    return not any(each.code in {"origin", "cut"} for each in checked.findings)


def _earlier(found: Source, checked: Checked, before: Checkpoint | None) -> list[Checkpoint]:
    """Return the checkpoints of sizes since the one that was seen, each checked for its signature."""
    listed, least, size = found.text(SIZES), before.size if before else 0, checked.note.checkpoint.size
    if listed is None:
        checked.finds("missing", MISSING, name=SIZES)
    sizes = {int(line) for line in (listed or "").splitlines() if SIZE.fullmatch(line)}
    earlier = [_checkpoint(found, checked, each) for each in sorted(sizes) if least < each < size]
    checked.checkpoints = 1 + sum(each is not None for each in earlier)
    return [each for each in earlier if each]


def _checkpoint(found: Source, checked: Checked, size: int) -> Checkpoint | None:
    text = found.text(checkpoint_at(size))
    if text is None:
        checked.finds("missing", MISSING, name=checkpoint_at(size))
        return None
    try:
        note = read_note(text)
    except Refusal:
        note = None
    if note is None or (note.checkpoint.origin, note.checkpoint.size) != (checked.note.checkpoint.origin, size):
        message = say("The file {name} isn't this log's checkpoint of that size.")
        checked.finds("checkpoint", message, name=checkpoint_at(size))
        return None
    _signed(checked, note)
    return note.checkpoint


def _lines(found: Source, checked: Checked) -> Iterator[list[str]]:
    """Yield the leaves that the checkpoint covers, a file at a time."""
    size = checked.note.checkpoint.size
    for number in range(-(-size // TILE)):
        text = found.text(tile_at(number))
        if text is None:
            checked.finds("missing", MISSING, name=tile_at(number))
            return
        lines = text.split("\n")[:-1]
        most = min(TILE, size - number * TILE)
        checked.beyond += len(lines[most:])
        yield lines[:most]
        if len(lines) < most:
            return


def _hashed(found: Source, checked: Checked, wanted: set[int]) -> tuple[dict[int, bytes], list[bytes]]:
    """Hash the leaves; return the roots at the sizes that are wanted, as far as there are leaves, and of full files."""
    frontier, roots = Frontier(), {0: EMPTY}
    numbers: list[object] = []
    tops: list[bytes] = []
    told: dict[bytes, int] = {}
    for lines in _lines(found, checked):
        for line in lines:
            numbers.append(_number(checked, line, frontier.size, told))
            frontier, made = frontier.grown([leaf_hash(line.encode())])
            if frontier.size % TILE == 0:
                tops.append(made[log.place(TILE_LEVEL, len(tops))])
            if frontier.size in wanted:
                roots[frontier.size] = frontier.root
    checked.leaves = frontier.size
    size = checked.note.checkpoint.size
    if frontier.size < size:
        message = say("The log is truncated: its checkpoint covers {size} leaves, only {leaves} are there.")
        checked.finds("truncated", message, size=size, leaves=frontier.size)
    _in_order(checked, numbers)
    return roots, tops


def _as_told(found: Source, checked: Checked, tops: Sequence[bytes]) -> None:
    """Hold the roots over full files against those that are published for who reads only some; older logs have none."""
    told = found.text(TOPS)
    wrong = next(
        (place for place, (line, top) in enumerate(zip((told or "").split(), tops, strict=False)) if line != top.hex()),
        None,
    )
    if wrong is not None:
        message = say("The file {name} tells another root over {tile} than its leaves have.")
        checked.finds("tops", message, name=TOPS, tile=tile_at(wrong))


def _number(checked: Checked, line: str, place: int, told: dict[bytes, int]) -> object:
    """Return the number that a leaf says; `told` are the places of what leaves told of so far."""
    try:
        leaf = canonical.read(line)
    except Refusal:
        checked.finds("leaf", say("Leaf {leaf} isn't canonical JSON: it was changed."), leaf=place)
        return place
    kind, about = leaf.get("kind"), leaf.get("about")
    first = told.setdefault(sha256(repr((kind, about)).encode()).digest(), place)
    if first != place:
        message = say(
            "Leaf {leaf} tells of the {kind} {about} again, which leaf {first} told of: only one can be true."
        )
        checked.finds("twice", message, leaf=place, first=first, kind=kind, about=about)
    return leaf.get("number")


def _in_order(checked: Checked, numbers: Sequence[object]) -> None:
    """Name the first leaf that isn't where it says to be: what was dropped, or what was moved."""
    wrong = next((place for place, number in enumerate(numbers) if number != place), None)
    if wrong is None:
        return
    missing = sorted(set(range(len(numbers))) - {each for each in numbers if type(each) is int})
    facts: dict[str, object] = {"place": wrong, "leaf": numbers[wrong]}
    if missing:
        message = say("Leaf {missing} was dropped: leaf {leaf} stands in place {place}.")
        checked.finds("dropped", message, missing=missing[0], **facts)
    else:
        checked.finds("reordered", say("Leaves were reordered: leaf {leaf} stands in place {place}."), **facts)


def _compare(
    checked: Checked, roots: dict[int, bytes], earlier: Sequence[Checkpoint], before: Checkpoint | None
) -> None:
    """Compare the roots with what was seen and signed; name the first leaves that don't hash to it."""
    if before and roots.get(before.size, before.root) != before.root:
        message = say("The log was forked: its first {size} leaves aren't the ones that you saw.")
        checked.finds("forked", message, size=before.size)
    good = before.size if before and roots.get(before.size) == before.root else 0
    for each in (*earlier, checked.note.checkpoint):
        if each.size not in roots:
            continue
        if roots[each.size] != each.root:
            message = say("The leaves don't hash to the checkpoint of {size}: one of {first} to {last} was changed.")
            checked.finds("changed", message, size=each.size, first=good, last=each.size - 1)
            return
        good = each.size
