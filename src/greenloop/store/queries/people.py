"""Who somebody is: accounts by what people sign in with, names of staff, and what a visitor may see."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from greenloop.store import sealed, sql

LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who has signed in: roles at the platform, the member they are, the merchants they act for.

    `merchants` are (ref, relation) pairs, relation being owner or clerk.
    """

    account_id: int
    staff: frozenset[str]
    member_ref: str | None
    merchants: tuple[tuple[str, str], ...]
    has_second_factor: bool

    @property
    def merchant_refs(self) -> tuple[str, ...]:
        """Return the refs of the merchants they act for."""
        return tuple(ref for ref, _relation in self.merchants)

    @property
    def owns(self) -> tuple[str, ...]:
        """Return the refs of the merchants that they own."""
        return tuple(ref for ref, relation in self.merchants if relation == "owner")


@dataclass(frozen=True, slots=True)
class StaffRow:
    """Somebody of the platform; without a role it is somebody who was dismissed."""

    account_id: int
    name: str
    roles: tuple[str, ...]
    has_second_factor: bool
    signed_in_at: datetime | None


def account_by(kind: str, value: str) -> int | None:
    """Return whose phone or name this is, given in its normalised form; None if it is nobody's."""
    found = sql.value(
        "SELECT account_id FROM identifier WHERE kind = %s AND lookup = %s", [kind, sealed.look_up(kind, value)]
    )
    return None if found is None else int(found)


def look_up_of(account_id: int, kind: str) -> str | None:
    """Return what an account's phone or name is found by, without opening it."""
    found = sql.value("SELECT lookup FROM identifier WHERE account_id = %s AND kind = %s", [account_id, kind])
    return None if found is None else str(found)


def identifier(account_id: int, kind: str) -> str | None:
    """Return an account's phone or name at work; None if it has none, or was forgotten."""
    return _opened([account_id], kind).get(account_id)


def verified(account_id: int) -> bool:
    """Say whether an account's phone has ever been signed in by."""
    found = sql.rows("SELECT verified_at FROM identifier WHERE account_id = %s AND kind = 'phone'", [account_id])
    return bool(found) and found[0][0] is not None


def names(account_ids: Collection[int]) -> dict[int, str]:
    """Return the names at work of those accounts that have one."""
    return _opened(account_ids, "name")


def visitor(account_id: int) -> Visitor:
    """Return what an account may see, in one statement: it is asked at every request."""
    found = sql.rows(_VISITOR, [account_id] * 4)
    told = {kind: [(first, second) for each, first, second in found if each == kind] for kind, _, _ in found}
    member = told.get("member")
    return Visitor(
        account_id=account_id,
        staff=frozenset(role for role, _ in told.get("staff", ())),
        member_ref=member[0][0] if member else None,
        merchants=tuple(sorted(told.get("merchant", ()))),
        has_second_factor="factor" in told,
    )


def staff(*, after: int = 0, limit: int = LAST) -> list[StaffRow]:
    """Return who works or worked for the platform, in order of their appointment, of accounts above `after`."""
    found: dict[int, list[sql.Row]] = {}
    for row in sql.rows(_STAFF, [after, limit]):
        found.setdefault(row[0], []).append(row)
    shown = names(found)
    return [
        StaffRow(
            account_id=account_id,
            name=shown.get(account_id, ""),
            roles=tuple(role for _, role, _, _ in rows if role),
            has_second_factor=bool(rows[0][2]),
            signed_in_at=None if rows[0][3] is None else sql.moment(rows[0][3]),
        )
        for account_id, rows in found.items()
    ]


def _opened(account_ids: Collection[int], kind: str) -> dict[int, str]:
    found = sql.rows_in(_SEALED, account_ids, [kind])
    return {
        account_id: sealed.unseal(text, sealed.unwrap(key, account_id), f"{kind}/{account_id}")
        for account_id, text, key in found
    }


_SEALED = """
    SELECT i.account_id, i.sealed, k.sealed_key FROM identifier i JOIN person_key k ON k.account_id = i.account_id
    WHERE i.kind = %s AND i.account_id IN ({keys})
"""
_VISITOR = """
    SELECT 'staff', role, '' FROM staff_role WHERE account_id = %s
    UNION ALL SELECT 'member', ref, '' FROM member WHERE account_id = %s
    UNION ALL SELECT 'merchant', m.ref, l.relation FROM merchant_link l JOIN merchant m ON m.id = l.merchant_id
        WHERE l.account_id = %s AND l.relation IN ('owner', 'clerk')
    UNION ALL SELECT 'factor', type, '' FROM mfa_authenticator WHERE user_id = %s AND type = 'totp'
"""
_STAFF = """
    SELECT i.account_id, r.role, f.id, a.last_login
    FROM identifier i JOIN account a ON a.id = i.account_id LEFT JOIN staff_role r ON r.account_id = i.account_id
        LEFT JOIN mfa_authenticator f ON f.user_id = i.account_id AND f.type = 'totp'
    WHERE i.kind = 'name' AND i.account_id IN (
        SELECT account_id FROM identifier WHERE kind = 'name' AND account_id > %s ORDER BY account_id LIMIT %s
    )
    ORDER BY i.account_id, r.role
"""
