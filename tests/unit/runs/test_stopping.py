from __future__ import annotations

import os
import signal
import threading

import pytest

from giftping.runs.stopping import stopping


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_noted_and_the_run_goes_on(number: signal.Signals, exit_code: int) -> None:
    before = signal.getsignal(number)
    with stopping() as stop:
        assert (stop.asked(), stop.exit_code) == (False, 0)
        os.kill(os.getpid(), number)
        assert (stop.asked(), stop.exit_code) == (True, exit_code)
    assert signal.getsignal(number) is before


def test_a_second_signal_does_what_it_always_does() -> None:
    def told_twice() -> None:
        with stopping():
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        told_twice()


def test_a_signal_that_is_to_be_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert not stop.asked()
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_than_the_main_one_has_no_signals() -> None:
    asked: list[bool] = []

    def work() -> None:
        with stopping() as stop:
            asked.append(stop.asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [False]
