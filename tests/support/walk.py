"""Every page of the product: who sees it, and how one gets there by following links."""

from dataclasses import dataclass

from playwright.sync_api import Page, Response


@dataclass(frozen=True, slots=True)
class Stop:
    """One page: its name, who looks at it, where to begin, and the links to follow from there."""

    name: str
    role: str
    path: str
    through: tuple[str, ...] = ()
    status: int = 200


ORDER = 'main a[href^="/orders/"]'
STOPS = (
    Stop("front", "stranger", "/"),
    Stop("sign-in", "stranger", "/sign-in/"),
    Stop("sign-in-staff", "stranger", "/sign-in/staff/"),
    Stop("bound", "stranger", "/bound/"),
    Stop("disclosures", "stranger", "/disclosures/"),
    Stop("design", "stranger", "/design/"),
    Stop("proof", "stranger", "/proof/"),
    Stop("log", "stranger", "/log/"),
    Stop("not-found", "stranger", "/nowhere/", status=404),
    Stop("wallet", "member", "/wallet/"),
    Stop("wallet-quote", "member", "/wallet/?amount=20.00"),
    Stop("wallet-orders", "member", "/wallet/orders/"),
    Stop("wallet-points", "member", "/wallet/points/"),
    Stop("wallet-ledger", "member", "/wallet/ledger/"),
    Stop("wallet-coupons", "member", "/wallet/ledger/?of=coupons"),
    Stop("order-of-a-member", "member", "/wallet/orders/", (ORDER,)),
    Stop("proof-of-a-member", "member", "/proof/"),
    Stop("forbidden", "member", "/overview/", status=403),
    Stop("statement", "merchant", "/statement/"),
    Stop("statement-day", "merchant", "/statement/", ('main a[href*="/statement/20"]',)),
    Stop("order-of-a-merchant", "merchant", "/statement/", ('main a[href*="/statement/20"]', ORDER)),
    Stop("overview", "operator", "/overview/"),
    Stop("overview-of-a-pool", "operator", "/overview/", ('main a[href*="pool="] >> nth=0',)),
    Stop("settlements", "operator", "/settlements/"),
    Stop("settlement-held", "operator", "/settlements/", ('main a[href^="/settlements/"] >> nth=0',)),
    Stop("settlement-posted", "operator", "/settlements/", ('main tr:nth-child(2) a[href^="/settlements/"]',)),
    Stop("claims", "risk", "/claims/"),
    Stop("claim", "risk", "/claims/", ('main th a[href^="/claims/"]',)),
    Stop("proposals", "marketing", "/proposals/"),
    Stop("proposal-of-rules", "finance", "/proposals/", ('main a[href^="/proposals/"] >> nth=0',)),
    Stop("proposal-of-a-rate", "operator", "/proposals/", ('main a[href^="/proposals/"] >> nth=1',)),
    Stop("proposal-decided", "risk", "/proposals/", ('main a[href^="/proposals/"] >> nth=2',)),
    Stop("keys", "operator", "/keys/"),
    Stop("key-proposed", "operator", "/keys/", ('main a[href^="/keys/"]',)),
    Stop("audit", "auditor", "/audit/"),
    Stop("portal", "regulator", "/portal/"),
    Stop("portal-rules", "regulator", "/portal/rules/"),
    Stop("portal-held", "regulator", "/portal/held/"),
    Stop("portal-concentration", "regulator", "/portal/concentration/"),
    Stop("portal-exports", "regulator", "/portal/exports/"),
    Stop("portal-views", "operator", "/portal/views/"),
    Stop("portal-reveal", "regulator", "/portal/reveal/"),
    Stop("portal-complaints", "regulator", "/complaints/all/"),
    Stop("complaints", "member", "/complaints/"),
    Stop("clock", "operator", "/clock/"),
    Stop("webhooks", "operator", "/webhooks/"),
    Stop("webhooks-of-a-merchant", "merchant", "/webhooks/"),
    Stop("audit-of-one", "operator", "/audit/?actor=Marketing"),
    Stop("reports", "finance", "/reports/"),
    Stop("search", "operator", "/search/"),
    Stop("search-found", "operator", "/search/?q={member}"),
    Stop("holder", "operator", "/holders/{member}/"),
    Stop("statement-for-staff", "operator", "/merchants/{merchant}/statement/"),
    Stop("order-for-staff", "operator", "/holders/{member}/", (ORDER,)),
    Stop("own-sign-in", "operator", "/my/sign-in/"),
    Stop("held-for-an-auditor", "auditor", "/settlements/", ('main a[href^="/settlements/"] >> nth=0',)),
)


def go(page: Page, stop: Stop, names: dict[str, str]) -> Response:
    """Go to a page as a person would, and return the server's last answer."""
    response = page.goto(stop.path.format(**names))
    for link in stop.through:
        href = page.locator(link).first.get_attribute("href")
        assert href, f"{stop.name}: nothing leads on at {page.url} by {link}"
        response = page.goto(href)
    assert response is not None
    assert response.status == stop.status, f"{stop.name}: {response.status} at {page.url}"
    return response
