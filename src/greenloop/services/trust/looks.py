"""What those who only read look at, written down before it is shown to them."""

from datetime import datetime

from greenloop.services import trail
from greenloop.services.verb import verb
from greenloop.store.models import PortalView

PAGE_MAX, ABOUT_MAX = 64, 160


@verb
def note_look(*, account_id: int, method: str, page: str, about: str, at: datetime) -> int:
    """Write one look and return its number; `about` tells nothing of who a person is."""
    made = PortalView.objects.create(
        at=at,
        account_id=account_id,
        method=method[:8],
        page=page[:PAGE_MAX],
        about=about[:ABOUT_MAX],
        request_id=trail.request_id()[:64],
    )
    return int(made.id)
