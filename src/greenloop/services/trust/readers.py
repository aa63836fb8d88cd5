"""The role by which auditors' and regulators' requests reach a server, made and renewed."""

from greenloop.services.verb import verb
from greenloop.store.reader.role import Granted, grant


@verb
def grant_reader(*, role: str) -> Granted:
    """Make the role, or renew what it may read: again after tables have changed.

    :raises Refusal: the database is a file, or the role may do more than read.
    """
    return grant(role)
