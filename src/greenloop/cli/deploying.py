"""May this installation go live: what a look at it finds, with why and the way out, for people and for programs."""

from datetime import datetime, timedelta
from time import monotonic

from greenloop.cli.answer import DONE, REFUSED, Answer, moment, pairs, text
from greenloop.cli.words import gettext
from greenloop.core.faults import say

DECLARED = {
    "licence": say("payment licence"),
    "payment_contract": say("payment contract"),
    "opinion": say("counsel's opinion"),
    "declared_by": say("declared by"),
    "declared_on": say("declared on"),
}


def deployed(now: datetime) -> Answer:
    """Look at everything; exit code 1 if anything is to be mended."""
    from greenloop.insight.deploy import configured, database, running, trust
    from greenloop.insight.deploy.declaration import declared
    from greenloop.insight.deploy.finding import Finding

    began = monotonic()
    told, missing = declared()
    found: list[Finding] = [*configured.findings()]
    found += database.findings(lambda: now + timedelta(seconds=monotonic() - began))
    if not any(each.code == "database.migrations" for each in found):
        found += [*running.findings(now), *trust.findings(now)]
    found += missing

    def said(sentence: str, finding: Finding) -> str:
        facts = {name: moment(fact) if isinstance(fact, datetime) else fact for name, fact in finding.facts.items()}
        return gettext(sentence).format(**facts)

    findings = [
        {
            "code": each.code,
            "what": said(each.what, each),
            "why": said(each.why, each),
            "way_out": said(each.way_out, each),
        }
        for each in found
    ]
    shown = [text(f"✗ {each['what']} [{each['code']}]\n  {each['why']}\n  → {each['way_out']}") for each in findings]
    if told:
        title = gettext("What the operator declares. It is a declaration, not a check.")
        shown.append(pairs(title, [(gettext(name), told[field]) for field, name in DECLARED.items() if field in told]))
    if findings:
        sentence = gettext("{count} things are to be mended before this goes live.").format(count=len(findings))
        shown.append(text(sentence, "bold red"))
    else:
        shown.append(text(gettext("Nothing stands in the way of going live."), "green"))
    facts = {"ready": not findings, "findings": findings, "declared": told}
    return Answer(facts, shown, REFUSED if findings else DONE)
