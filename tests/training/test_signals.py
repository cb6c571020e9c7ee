import os
import signal

import pytest

from tumorboard.training.signals import ending_after_current, ending_on_signals


def test_a_scheduler_s_signal_ends_with_its_number_and_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with pytest.raises(SystemExit) as ended, ending_on_signals():
        os.kill(os.getpid(), signal.SIGUSR1)
    assert ended.value.code == 128 + signal.SIGUSR1
    assert signal.getsignal(signal.SIGUSR1) == before


def test_the_first_signal_waits_and_a_second_from_the_keyboard_does_not() -> None:
    earlier = signal.getsignal(signal.SIGINT)
    with ending_after_current() as ending:
        os.kill(os.getpid(), signal.SIGTERM)
        assert ending.is_asked
        os.kill(os.getpid(), signal.SIGTERM)  # a scheduler that repeats itself
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is earlier
