"""Notices of the payment institution: no key and no session, but its signature."""

from typing import Any, ClassVar

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.security.base import AuthBase

from greenloop.api import clock, limits
from greenloop.api.problems import Problem
from greenloop.core.faults import Refusal, say
from greenloop.services.books.institution import named
from greenloop.services.books.institution.gateway import Said
from greenloop.services.books.institution.notices import take_notices

router = Router(tags=["notices"])


class NoticeOut(Schema):
    """That a notice is kept, now or since it first came."""

    kept: bool


class Institution(AuthBase):
    """Lets in what the named institution has signed; what it says is `request.auth`. It needs no scope and no role."""

    openapi_type = "apiKey"
    openapi_in = "header"
    openapi_name = "Institution-Signature"
    needs: ClassVar[list[str]] = []

    def __call__(self, request: HttpRequest) -> Said:
        """Return what a notice says.

        :raises Problem: it isn't the institution's, isn't of these minutes, or can't be read; which of them isn't told.
        """
        limits.may_try(request.META)
        match, gateway = request.resolver_match, named.gateway()
        name = match.kwargs["institution"] if match else ""
        if gateway is None or name != named.called():
            raise _nobody(request)
        try:
            return gateway.verified(dict(request.headers), request.body, at=clock.now())
        except Refusal as refusal:
            raise _nobody(request) from refusal


def _nobody(request: HttpRequest) -> Problem:
    limits.failed(request.META)
    return Problem(401, "auth.notice", say("This is no notice that the institution has signed just now."))


def _said(request: HttpRequest) -> Said:
    found: Any = request
    said: Said = found.auth
    return said


@router.post(
    "/notices/{institution}",
    auth=Institution(),
    response=NoticeOut,
    summary="Take a notice of the payment institution",
    operation_id="takeNotice",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
def take_notice(request: HttpRequest, institution: str) -> NoticeOut:
    """Keep what the institution has signed, each notice once; told again, the answer is the same.

    `sandbox` signs by the headers `Institution-Timestamp`, `Institution-Nonce` and `Institution-Signature`, `wechat` by
    its own. What isn't signed within five minutes of now is 401 `auth.notice`. Notices move no money.
    """
    take_notices(said=[_said(request)], at=clock.now())
    return NoticeOut(kept=True)
