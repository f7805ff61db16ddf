"""What several sections of a study's page need, worked out once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.choices import chances_of
from analysis.front import Candidate, ConfirmedFront, confirmed_fronts
from analysis.load import Study
from analysis.settings import cells, details
from analysis.statistics import Interval
from analysis.summary import trial_configs


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """A loaded study, and what follows from its tables.

    Attributes:
        study: as it was loaded.
        letter: tells it from others on the same page; empty where there are none.
    """

    study: Study
    letter: str = ""

    def card_id(self, candidate: Candidate) -> str:
        """Returns the name of a candidate's card, which no other on the page has."""
        return f"{self.letter}:{candidate.trial_id}" if self.letter else candidate.trial_id

    @cached_property
    def fronts(self) -> tuple[ConfirmedFront, ...]:
        """The confirmed front of every architecture, also where it is empty."""
        return confirmed_fronts(self.study)

    @cached_property
    def confirmed(self) -> tuple[Candidate, ...]:
        """The candidates that count on any of them."""
        return tuple(candidate for front in self.fronts for candidate in front.candidates)

    @cached_property
    def pointed_at(self) -> tuple[Candidate, ...]:
        """These and the doubtful ones, which charts show too."""
        return self.confirmed + tuple(candidate for front in self.fronts for candidate in front.flagged)

    @cached_property
    def members(self) -> frozenset[str]:
        """Trial ids of the candidates that lie on a front."""
        return frozenset(candidate.trial_id for front in self.fronts for candidate in front.members)

    @cached_property
    def configs(self) -> Mapping[str, Mapping[str, Any]]:
        """Every trial's configuration by its id."""
        return trial_configs(self.study)

    @cached_property
    def settings(self) -> Mapping[str, list[str]]:
        """By trial what stands in the columns of `analysis.settings.titles`."""
        return cells(self.study, self.configs)

    @cached_property
    def details(self) -> Mapping[str, list[tuple[str, str]]]:
        """By trial what else its configuration says, see `analysis.settings.details`."""
        return details(self.study, self.configs)

    @cached_property
    def chances(self) -> Mapping[str, Interval]:
        """By candidate that counts how probably it is on its front when all are trained with one more seed."""
        return {trial: chance for front in self.fronts for trial, chance in chances_of(front).items()}
