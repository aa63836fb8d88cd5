"""The merchants that a client of the API acts for: named by one person at first, more of them later by two."""

from collections.abc import Collection
from dataclasses import dataclass

from greenloop.core.faults import Refusal, say
from greenloop.store import sql
from greenloop.store.models import ApiClient, ClientMerchant, Merchant


@dataclass(frozen=True, slots=True)
class Reach:
    """Merchants that a client could act for beside those that it acts for."""

    client_id: int
    added: tuple[int, ...]


def locked(client: str) -> ApiClient:
    """Return a client, locked until the transaction ends.

    :raises Refusal: there is none of that name.
    """
    clients = ApiClient.objects.select_for_update() if sql.is_postgresql() else ApiClient.objects
    found = clients.filter(name=client).first()
    if found is None:
        raise Refusal("client.unknown", say("There is no client {name}."), field="client", name=client)
    return found


def merchants_of(client: ApiClient) -> dict[str, int]:
    """Return the merchants that a client acts for, numbers by ref."""
    acts = ClientMerchant.objects.filter(client_id=client.id).values("merchant_id")
    return dict(Merchant.objects.filter(id__in=acts).values_list("ref", "id"))


def enrolled(merchants: Collection[str]) -> dict[str, int]:
    """Return the numbers of merchants by ref.

    :raises Refusal: one of them is not enrolled.
    """
    numbers = dict(Merchant.objects.filter(ref__in=merchants).values_list("ref", "id"))
    if unknown := set(merchants) - set(numbers):
        message = say("The merchant {ref} is not enrolled.")
        raise Refusal("merchant.unknown", message, field="merchants", ref=min(unknown))
    return numbers


def checked(*, client: str, merchants: Collection[str]) -> Reach:
    """Return what a partner could act for; the client is locked until the transaction ends.

    :raises Refusal: the client or a merchant is unknown, or the client is a merchant's own and acts for no other.
    """
    found = locked(client)
    if found.kind != "partner":
        message = say("The client {name} is known as another merchant's. Choose another name.")
        raise Refusal("client.known", message, field="client", name=client)
    added = set(enrolled(merchants).values()) - set(merchants_of(found).values())
    return Reach(found.id, tuple(sorted(added)))


def write(reach: Reach) -> None:
    """Let a client act for the merchants that were checked in the same transaction."""
    ClientMerchant.objects.bulk_create(
        ClientMerchant(client_id=reach.client_id, merchant_id=each) for each in reach.added
    )
