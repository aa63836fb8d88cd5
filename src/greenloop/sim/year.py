"""The replay: a year of real shopping goes through the loop, day by day, as its stores and the centre would live it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby

from greenloop.core.cycle import Calendar
from greenloop.core.faults import Refusal, say
from greenloop.core.loop.presets import preset_document
from greenloop.core.loop.rules import RuleSet, rule_set
from greenloop.core.money import PPM
from greenloop.services.books.fees import transfer_fees
from greenloop.services.books.payout import deposit, pay_out
from greenloop.services.loop.confirm import confirm_cash
from greenloop.services.loop.expire import expire
from greenloop.services.loop.refund import RefundForm, refund
from greenloop.services.loop.rules import publish_rules, rulings
from greenloop.services.loop.settle import settle
from greenloop.services.loop.take import Sale, take
from greenloop.services.loop.vest import vest
from greenloop.services.people.enrol import enrol_members, enrol_merchants
from greenloop.sim import groceries, habits, tally
from greenloop.sim.clock import Clock, simulated
from greenloop.sim.groceries import Basket
from greenloop.sim.purchases import Purchases
from greenloop.sim.watch import Progress, Stopwatch, unwatched
