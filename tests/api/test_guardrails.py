"""What can be called at all: nothing takes money to join, and nothing moves value between members (G4, G6)."""

from typing import Any

from tests.support.documented import document

MOVES = {
    **dict.fromkeys(["takeOrder", "takeOrders", "quoteOrder"], "a price, which vouchers and coupons may pay a part of"),
    **dict.fromkeys(
        ["confirmOrder", "confirmOrders", "confirmCash", "reconcile"], "nothing: it says what has happened"
    ),
    **dict.fromkeys(["cancelOrder", "refundOrder"], "a price back to who paid it, vouchers as vouchers"),
    "askPayment": "the price of a sale, from its payer to the payment institution",
    "endPayment": "nothing: a price that nobody has paid is asked for no more, and vouchers go back as vouchers",
    "draw": "what was released to the holder into the holder's own vouchers",
    "payOut": "a merchant's dues for goods it sold to others",
    "proposeDeposit": "a merchant's own money, for its refunds",
    **dict.fromkeys(["proposeGrant", "approveGrant"], "the platform's own money, by two people"),
    **dict.fromkeys(
        ["previewSettlement", "runSettlement"], "a pool's money to the holders of its points, by the rules"
    ),
    **dict.fromkeys(["approveSettlement", "rejectSettlement"], "the same, or less of it, by a second person"),
    **dict.fromkeys(["enrolMember", "enrolMembers", "enrolMerchant", "addShop"], "nothing: nobody pays to join"),
    **dict.fromkeys(["placeHold", "releaseHold"], "nothing"),
    **dict.fromkeys(["propose", "proposeRate", "proposeRules", "proposeKey", "withdrawProposal"], "nothing yet"),
    **dict.fromkeys(["approveProposal", "rejectProposal"], "what a proposal of one of the kinds below does"),
    **dict.fromkeys(["registerClient", "withdrawMerchant", "revokeKey"], "nothing: who may call"),
    **dict.fromkeys(["registerWebhook", "rotateWebhookSecret", "endWebhook"], "nothing: who is told"),
    **dict.fromkeys(["replayWebhook", "replayDelivery", "takeNotice"], "nothing: what is told"),
}
"""What value each operation that changes something moves. One that is new is judged by a person, then added here."""
KINDS = {
    *("rules.publish", "rate.set", "correction", "deposit.take", "key.rotate", "client.extend", "case.close"),
    *("mint.stop", "mint.resume"),
}
"""What two people may do together: of these, only a merchant's deposit and an advance to it move money."""
TO_SOMEBODY = {"recipient", "receiver", "payee", "beneficiary", "to_account", "to_member", "transfer_to"}


def changing() -> dict[str, Any]:
    return {
        told["operationId"]: told
        for methods in document()["paths"].values()
        for method, told in methods.items()
        if method != "get"
    }


def fields_of(part: Any) -> set[str]:
    """Return the names of all fields in the document's messages."""
    if isinstance(part, list):
        return {name for each in part for name in fields_of(each)}
    if not isinstance(part, dict):
        return set()
    own = set(part["properties"]) if isinstance(part.get("properties"), dict) else set()
    return own | {name for each in part.values() for name in fields_of(each)}


def test_every_call_that_changes_something_was_judged_against_g4_and_g6() -> None:
    assert set(changing()) == set(MOVES), "judge what is new: does it take money to join, or move value to a member?"


def test_two_people_may_do_nothing_beyond_what_was_judged() -> None:
    from greenloop.services.trust.executors import EXECUTORS

    assert set(EXECUTORS) == KINDS


def test_no_message_names_somebody_whom_value_could_go_to() -> None:
    known = fields_of(document())
    assert "cash_fen" in known
    assert known & TO_SOMEBODY == set()
