"""The words that nobody may sell points with (guardrails.md, G12), however they are written."""

import re
import unicodedata

from greenloop.core.faults import Refusal, say

# What is written in traditional characters reads the same; only those that the words need are here.
SIMPLER = str.maketrans("賺靜態穩資報還現稅潤險無壓", "赚静态稳资报还现税润险无压") | {ord("×"): "x"}
CHINESE = re.compile(
    r"返本|躺赚|静态收益|静态分红|保本|保息|保收益|稳赚|稳赔不了|包赚|零风险|无风险|投资|增值(?!税)|收益率|年化|高回报"
    r"|(?:[5五伍]|[1-9][0-9]?)(?:倍|x)返[还现利本]"
)
# These stand for themselves wherever they are, letters apart or not.
ENGLISH_JOINED = re.compile(
    r"guaranteed?(?:return|profit|income|yield|payout)|passiveincome|staticincome|riskfree|(?:principal|capital)protected"
    r"|rateofreturn|returnoninvestment|highreturn|doubleyourmoney|getrichquick"
    r"|(?:[1-9][0-9]?|five|ten)(?:x|times|fold)(?:cashback|return|rebate|moneyback|payout)"
)
# These are too short for that: a satin vest is no promise.
ENGLISH_WORDS = re.compile(r"\b(?:invest(?:s|ed|ing|ors?|ments?)?|annuali[sz]ed)\b")


def refused_word(text: str) -> str | None:
    """Return what of a text G12 refuses, as it was found, or None.

    Full-width letters, capitals, traditional characters, blanks and signs between the letters make no difference, nor
    do characters that can't be seen.
    """
    plain = unicodedata.normalize("NFKC", text).translate(SIMPLER).casefold()
    joined = "".join(each for each in plain if each.isalnum())
    for pattern, written in ((CHINESE, joined), (ENGLISH_JOINED, joined), (ENGLISH_WORDS, plain)):
        if found := pattern.search(written):
            return found.group()
    return None


def check_copy(text: str, field: str) -> None:
    """Let a text that members and merchants will read pass only if it promises nothing.

    :raises Refusal: it holds a word that G12 refuses; `field` is where it stands.
    """
    if word := refused_word(text):
        message = say("“{word}” in {field_name} promises what points are not. Choose other words.")
        raise Refusal("copy.refused_word", message, field=field, field_name=field, word=word)
