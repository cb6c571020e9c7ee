import os
import signal

import pytest

from tumorboard.training.signals import ending_on_signals


def test_a_scheduler_s_signal_ends_with_its_number_and_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with pytest.raises(SystemExit) as ended, ending_on_signals():
        os.kill(os.getpid(), signal.SIGUSR1)
    assert ended.value.code == 128 + signal.SIGUSR1
    assert signal.getsignal(signal.SIGUSR1) == before
