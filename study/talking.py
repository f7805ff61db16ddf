"""What the command line says while it starts."""

import os
import sys

from study.errors import Refused


def say(text: str) -> None:
    """Prints a line at once.

    Raises:
        Refused: if there is nowhere to print to.
    """
    try:
        print(text, flush=True)
    except OSError as error:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - what could not be written would be tried again at the end
        raise Refused(
            f"what is said must have a place to go; stdout: {error.strerror}; redirect it elsewhere"
        ) from error
