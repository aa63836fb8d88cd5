"""Guardrails that need no database: pools apart (G10), words that promise (G12)."""

import pytest

from greenloop.core.books.accounts import ALLOWED, PER_POOL, pool_of
from greenloop.core.books.posting import draft
from greenloop.core.faults import Breach, Refusal
from greenloop.core.trust.words import check_copy, refused_word

WITHIN = sorted((kind, debit, credit) for kind, debit, credit in ALLOWED if {debit, credit} <= set(PER_POOL))


def test_a_pool_is_named_in_the_accounts_that_are_one_pool_s() -> None:
    assert pool_of("trust:accrued:west:new") == "west:new"
    assert pool_of("trust:bank") == pool_of("ops:bank") == ""


@pytest.mark.parametrize(("kind", "debit", "credit"), WITHIN)
def test_no_posting_joins_two_pools(kind: str, debit: str, credit: str) -> None:
    assert draft(key="k", kind=kind, amounts=[(f"{debit}:a", f"{credit}:a", 1)]).postings
    with pytest.raises(Breach, match="two pools"):
        draft(key="k", kind=kind, amounts=[(f"{debit}:a", f"{credit}:b", 1)])


# Each word of G12 as a copywriter would try to slip it past. Cut in two, so that this file may be read by all.
@pytest.mark.parametrize(
    "written",
    [
        *(
            "返" + "本",
            "消费返 " + "本",
            "躺" + "賺",
            "躺·" + "赚",
            "静态" + "收益",
            "靜態" + "收益",
            "保" + "本保" + "息",
        ),
        *("稳" + "赚", "穩" + "賺不賠", "投" + "資", "投\u200b" + "资", "增" + "值", "收益" + "率", "收 益 " + "率"),
        *(
            "5 倍" + "返还",
            "５倍" + "返還",
            "五倍" + "返现",
            "5×" + "返还",
            "⑤倍" + "返利",
            "零" + "风险",
            "年" + "化8%",
        ),
        *(
            "Guaranteed Returns",
            "GUARANTEED  INCOME",
            "ｐａｓｓｉｖｅ income",
            "risk-free",
            "5x cash back",
            "5× rebate",
        ),
        *("five-fold returns", "Invest now", "smart INVESTMENT", "i n v e s t m e n t, rate of return"),
    ],
)
def test_a_word_that_promises_is_found_however_it_is_written(written: str) -> None:
    assert refused_word(written)
    with pytest.raises(Refusal) as refused:
        check_copy(written, "name")
    assert (refused.value.code, refused.value.field) == ("copy.refused_word", "name")


@pytest.mark.parametrize(
    "written",
    [
        *(
            "杭州·西湖店",
            "增值税" + "发票",
            "绿色积分",
            "本返",
            "Satin vests",
            "green",
            "steady-2026",
            "满25返现",
            "7-Eleven",
            "",
        ),
        *("West Harvest Market", "Returns desk", "五倍子药房", "宝本堂"),
    ],
)
def test_an_innocent_name_is_let_through(written: str) -> None:
    assert refused_word(written) is None
    check_copy(written, "name")
