"""The list of guardrails, after guardrails.md. A test of the house proves that each test named here exists and runs."""

from dataclasses import dataclass

from greenloop.core.faults import say


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One guardrail: what holds always, by what it is enforced, and the tests that show it, as pytest names them.

    `lacking` says what of it isn't there yet; empty where it is whole.
    """

    number: str
    holds: str
    enforced: tuple[str, ...]
    tests: tuple[str, ...]
    lacking: str = ""


def _of(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/{file}::{name}" for name in names)


GUARDRAILS = (
    Guardrail(
        "G1",
        say("Vouchers issued in a cycle are never more than the confirmed cash of their pool."),
        (
            say("core: a settlement moves its budget at most, and the budget is the pool's own money"),
            say("core: an order enters a pool only once its cash is confirmed"),
            say("database: no posting tops up a pool, and no account may fall below nothing"),
        ),
        (
            *_of(
                "core/test_settlement_laws.py",
                "test_every_cycle_keeps_its_budget_its_caps_and_its_money",
            ),
            *_of(
                "services/test_reconciling.py",
                "test_cash_that_no_line_confirms_never_funds_a_cycle",
            ),
            *_of(
                "services/test_two_books.py",
                "test_a_grant_needs_two_people_and_money_that_is_there",
            ),
        ),
    ),
    Guardrail(
        "G2",
        say("Points promise nothing: without inflow every position ends at what it has, without error."),
        (
            say("core: a release is cut to the money that is there"),
            say("pages: points are shown with what they have released, never with what they might"),
        ),
        (
            *_of(
                "services/test_settling.py",
                "test_points_are_worth_what_inflow_paid_for_and_nothing_breaks_when_inflow_ends",
            ),
            *_of(
                "web/test_wallet.py",
                "test_points_are_shown_with_what_they_released_never_with_what_they_might",
            ),
        ),
    ),
    Guardrail(
        "G3",
        say("Nothing releases more than its cap times its points."),
        (
            say("core: the last release is cut to the cap"),
            say("database: a CHECK on the cohort, index at most its cap"),
        ),
        (
            *_of(
                "core/test_increments.py",
                "test_the_last_release_is_cut_to_the_cap",
            ),
            *_of(
                "services/test_database_guards.py",
                "test_no_row_can_hold_what_can_t_be_true",
            ),
        ),
    ),
    Guardrail(
        "G4",
        say("Nobody pays to join, to rise or to refer; points and vouchers can't be bought."),
        (
            say("database: a trigger lets postings of the allow-list pass, and none of it is a top-up or a sale"),
            say("services: enrolling and referring post nothing"),
        ),
        (
            *_of(
                "services/test_database_guards.py",
                "test_a_posting_off_the_allow_list_is_refused",
                "test_the_allow_list_lets_nothing_pass_that_domain_md_doesn_t_name",
            ),
            *_of(
                "services/test_referral.py",
                "test_enrolling_and_referring_pays_nobody_anything",
            ),
            *_of(
                "api/test_guardrails.py",
                "test_every_call_that_changes_something_was_judged_against_g4_and_g6",
            ),
        ),
    ),
    Guardrail(
        "G5",
        say("A referral pays one level, out of real purchases, for a limited time and up to a monthly limit."),
        (
            say("database: an order has room for its shopper's direct referrer and nothing above"),
            say("services: the month's limit is counted under a lock, and ends a year after enrolment"),
        ),
        (
            *_of(
                "services/test_referral.py",
                "test_an_order_row_has_room_for_one_referrer_and_nothing_above",
                "test_a_referral_pays_one_level_what_bo_buys_gives_lin_red_points_and_mei_nothing",
                "test_a_referrer_s_red_points_stop_at_the_month_s_limit_and_start_anew_the_next_month",
            ),
        ),
    ),
    Guardrail(
        "G6",
        say("Points and vouchers meet only a price: no cash-out, transfer, gift or trade, and not at one's own shop."),
        (
            say("database: the allow-list has no posting from member to member or from vouchers to a bank"),
            say("services: vouchers are refused at a shop of the same owner, its staff or linked accounts"),
        ),
        (
            *_of(
                "services/test_spending.py",
                "test_vouchers_and_coupons_are_refused_at_a_shop_of_the_same_owner_its_staff_or_linked_accounts",
            ),
            *_of(
                "core/test_refund_tender.py",
                "test_rounding_never_turns_a_voucher_into_cash",
            ),
            *_of(
                "api/test_guardrails.py",
                "test_every_call_that_changes_something_was_judged_against_g4_and_g6",
            ),
        ),
    ),
    Guardrail(
        "G7",
        say("Every point comes from a paid order with a concession of 3–20 %, and a refund takes it back."),
        (
            say("core: rates outside 3–20 % are refused"),
            say("services: only confirmed, delivered orders that nobody holds vest"),
            say("services: what a refund can't take back is a debt that the next draws repay first"),
        ),
        (
            *_of(
                "core/test_concessions.py",
                "test_rates_outside_3_to_20_percent_are_refused",
            ),
            *_of(
                "services/test_vesting.py",
                "test_only_delivered_confirmed_unheld_orders_whose_window_has_passed_vest",
            ),
            *_of(
                "services/test_over_claims.py",
                "test_a_debt_is_repaid_by_the_holder_s_draws_from_any_pool",
            ),
        ),
    ),
    Guardrail(
        "G8",
        say("Buying from oneself loses money: points made by a yuan conceded times what they released is below 1."),
        (
            say("core: rules whose caps and rates could pay more than they take in are refused"),
            say("services: a day's releases above the daily cap wait for a second person"),
            say("services: a wallet's draws or spends of a day above the rules' threshold wait for a second person"),
            say("live: a gauge of each pool for who watches, and the highest in this command"),
            say("pages: an alarm on the overview from 0.8 on"),
            say("services: two people lower the multiples of new concessions by a proposal of rules"),
        ),
        (
            *_of(
                "services/test_over_claims.py",
                "test_pumping_a_pool_and_refunding_gains_nothing",
            ),
            *_of(
                "services/test_held_settlements.py",
                "test_a_release_above_the_daily_cap_moves_nothing_until_another_person_approves_it",
            ),
            *_of(
                "services/test_claims.py",
                "test_a_draw_up_to_the_fence_is_drawn_and_one_above_it_is_held",
                "test_a_spend_cut_into_many_orders_is_held_where_the_day_s_sum_passes_the_fence",
            ),
            *_of(
                "insight/test_guardrails.py",
                "test_what_a_yuan_conceded_has_brought_back_is_measured_pool_by_pool",
                "test_what_a_yuan_conceded_has_brought_back_is_a_gauge_for_who_watches",
            ),
            *_of(
                "web/test_overview.py",
                "test_a_pool_in_which_buying_from_oneself_is_close_to_paying_is_an_alarm_on_top",
            ),
            *_of(
                "services/test_routing.py",
                "test_a_route_s_multiples_make_more_or_fewer_points_and_never_more_money",
            ),
        ),
    ),
    Guardrail(
        "G9",
        say("Trade money flows through the payment institution, and the trust book pays the platform three ways only."),
        (
            say("trust book: a database of its own with its own roles and its own allow-list"),
            say("services: no instruction leaves before the trust book holds its journal"),
        ),
        (
            *_of(
                "separation/test_separation.py",
                "test_with_the_business_s_credentials_every_attempt_fails_at_the_trust_book",
            ),
            *_of(
                "services/test_instructions.py",
                "test_nothing_leaves_before_the_trust_book_holds_its_journal",
            ),
            *_of(
                "services/test_database_guards.py",
                "test_a_posting_that_joins_the_two_books_is_refused_in_either",
            ),
        ),
    ),
    Guardrail(
        "G10",
        say("Each pool balances by itself; nothing crosses from one pool to another."),
        (
            say("core: a posting between the accounts of two pools is refused"),
            say("database: a trigger refuses it too"),
            say("services: an order's money goes to the pool of its own route"),
        ),
        (
            *_of(
                "core/test_guardrails.py",
                "test_no_posting_joins_two_pools",
            ),
            *_of(
                "services/test_guardrails.py",
                "test_the_database_itself_refuses_a_posting_between_two_pools",
            ),
            *_of(
                "services/test_routing.py",
                "test_each_pool_takes_in_and_releases_the_money_of_its_own_orders_only",
            ),
        ),
    ),
    Guardrail(
        "G11",
        say("Rules change by two people, seven days ahead, and never for cohorts that are running."),
        (
            say("services: a proposal of rules names an instant at least 7 days away, and another person approves it"),
            say("console: one person publishes the first rules, and none once anybody has bought by them"),
            say("services: a plan or a pool that exists keeps its terms"),
        ),
        (
            *_of(
                "services/test_two_people.py",
                "test_rules_are_published_when_another_person_approves_them",
                "test_rules_are_known_for_seven_days_before_they_are_in_force",
            ),
            *_of(
                "services/test_publishing_rules.py",
                "test_a_running_plan_or_pool_keeps_its_terms",
            ),
            *_of(
                "cli/test_guarding.py",
                "test_one_person_changes_no_rules_that_anybody_has_bought_by",
            ),
        ),
    ),
    Guardrail(
        "G12",
        say("Words that promise a return are refused, in the product and in what operators write."),
        (
            say("house: no page, message or translation holds one"),
            say("services: names in rules, of merchants, stores, clients and grants are refused that hold one"),
        ),
        (
            *_of(
                "house/test_words.py",
                "test_no_refused_word_is_shown_to_anyone",
            ),
            *_of(
                "core/test_guardrails.py",
                "test_a_word_that_promises_is_found_however_it_is_written",
            ),
            *_of(
                "services/test_guardrails.py",
                "test_operators_can_t_write_a_promise_into_any_name",
            ),
        ),
    ),
    Guardrail(
        "G13",
        say("Each benefit has a tax class from its birth, and withholding files can be produced."),
        (
            say("core: the class follows from the source and the holder, and neither ever changes"),
            say("services: who takes a quarter's files is noted before they leave"),
            say("live: what the files count is compared with the ledger"),
        ),
        (
            *_of(
                "core/test_tax.py",
                "test_every_source_and_holder_has_one_class",
            ),
            *_of(
                "services/test_taxes.py",
                "test_each_class_has_what_came_into_its_holders_hands",
                "test_in_a_town_where_everything_happens_the_tax_sums_are_the_ledger_s",
                "test_the_files_say_the_same_and_the_manifest_holds_their_hashes",
            ),
        ),
    ),
    Guardrail(
        "G14",
        say("When business ends, what was issued stays covered and can be spent, and coverage is published."),
        (
            say("core: what a pool owes is set aside when it is issued"),
            say("database: the money of a pool can't fall below nothing"),
            say("services: two people stop minting, and what is paid from then on concedes nothing and earns nothing"),
            say("pages: coverage is published, pool by pool, and every page says so once minting stops"),
        ),
        (
            *_of(
                "services/test_guardrails.py",
                "test_after_inflow_falls_by_90_percent_every_voucher_is_still_covered",
            ),
            *_of(
                "services/test_minting.py",
                "test_any_life_goes_on_after_the_stop_until_every_voucher_is_spent",
                "test_it_takes_two_people_with_the_roles",
            ),
            *_of(
                "web/test_disclosures.py",
                "test_anybody_reads_the_live_figures",
            ),
        ),
    ),
    Guardrail(
        "G15",
        say("Ledger ids say nothing about a person; erasure destroys a person's key and leaves the books whole."),
        (
            say("database: what somebody signs in by is sealed under a key per person, beside a keyed hash"),
            say("services: forgetting somebody destroys the key and ends the sessions"),
            say("database: what is deleted is written over in SQLite's file"),
            say("restore: whom a list outside the database names is forgotten again"),
        ),
        (
            *_of(
                "services/test_canary.py",
                "test_of_a_person_who_is_forgotten_no_byte_is_left_in_files_or_logs",
            ),
            *_of(
                "cli/test_forgotten.py",
                "test_a_restore_of_an_older_copy_forgets_again_and_says_how_many",
                "test_the_archive_names_them_when_all_else_is_lost_and_so_does_a_copy_of_it",
            ),
            *_of(
                "services/test_forgotten.py",
                "test_what_a_process_that_died_left_out_is_written_by_the_clock",
            ),
            *_of(
                "services/test_signing_in.py",
                "test_the_database_alone_tells_no_phone_and_no_name",
                "test_who_is_forgotten_can_not_be_read_or_found_and_the_books_stay_whole",
            ),
            *_of(
                "services/test_audit.py",
                "test_the_log_says_nothing_about_a_person",
            ),
        ),
        say(
            "A backup made before still opens with the product's own key until it is deleted too, "
            "and brings a person back where it is restored and no list at hand names them."
        ),
    ),
)
