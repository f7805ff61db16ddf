"""Command lines that say what is wrong with them on one line."""

import argparse
import math
from collections.abc import Callable
from typing import NoReturn

from study.errors import Refused

MOST = 10_000_000  # of anything that is counted


class Parser(argparse.ArgumentParser):
    """Refuses with one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message}; see {self.prog} --help")


def whole(least: int, most: int = MOST) -> Callable[[str], int]:
    """Returns what reads a whole number in a range."""

    def parse(text: str) -> int:
        plain = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not plain or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"it is a whole number from {least} to {most}; got {text!r}")
        return int(text)

    return parse


def real(above: float, *, or_equal: bool = False) -> Callable[[str], float]:
    """Returns what reads a number above another, or equal to it."""

    def parse(text: str) -> float:
        try:
            number = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            number = math.nan
        if not (above < number < math.inf or (or_equal and number == above)):
            least = "of at least" if or_equal else "above"
            raise argparse.ArgumentTypeError(f"it is a number {least} {above:g}; got {text!r}")
        return number

    return parse
