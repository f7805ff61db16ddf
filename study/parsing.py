"""Command lines that say what is wrong with them on one line."""

import argparse
from typing import NoReturn

from study.errors import Refused


class Parser(argparse.ArgumentParser):
    """Refuses with one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message}; see {self.prog} --help")
