import os
import signal

import pytest

from study.interrupt import Interrupt


def strike(number=signal.SIGINT):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_met_only_when_it_suits(number):
    with Interrupt() as interrupt:
        interrupt.check()
        strike(number)
        written = "whole"
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()

    assert written == "whole"


def test_the_second_signal_ends_at_once():
    with Interrupt():
        strike()
        with pytest.raises(KeyboardInterrupt):
            strike()


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    with Interrupt():
        assert signal.getsignal(signal.SIGINT) != before[0]

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
