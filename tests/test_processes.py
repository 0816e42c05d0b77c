"""Work that processes share: in order, as in one, and over when the block is."""

import os
import signal
import time
from functools import partial
from operator import add, truediv

import pytest

from narrows.errors import DataError, NarrowsError, SettingError
from narrows.processes import Workers

posix = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("jobs", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 20])
def test_results_come_in_the_order_of_the_items(jobs, n):
    with Workers(jobs) as workers:
        assert list(workers.in_order(partial(add, 1), range(n))) == list(range(1, n + 1))
        assert list(workers.in_order(partial(add, 2), range(n))) == list(range(2, n + 2))


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_before_an_error_comes_before_it(jobs):
    def items():
        yield from (1, 2, 3)
        raise DataError("the fourth")

    seen = []
    with Workers(jobs) as workers, pytest.raises(DataError, match="the fourth"):
        seen.extend(workers.in_order(partial(add, 0), items()))
    assert seen == [1, 2, 3]
    seen = []
    with Workers(jobs) as workers, pytest.raises(ZeroDivisionError):
        seen.extend(workers.in_order(partial(truediv, 6), [1, 2, 0, 4]))
    assert seen == [6, 3]


@pytest.mark.parametrize("jobs", [2, 3])
def test_threads_of_this_process_do_what_they_are_said_to(jobs):
    """What they do need not be pickled, and results come in order all the same."""
    main = os.getpid()

    def of(item):
        time.sleep(0.01 * (item % 3))
        return item, os.getpid()

    with Workers(jobs) as workers:
        found = list(workers.in_order(of, range(12), in_thread=lambda item: True))
        assert found == [(item, main) for item in range(12)]
        mixed = workers.in_order(partial(add, 1), range(9), in_thread=lambda item: item % 2 == 0)
        assert list(mixed) == list(range(1, 10))
        with pytest.raises(ZeroDivisionError):
            list(workers.in_order(partial(truediv, 1), [2, 1, 0], in_thread=lambda item: True))


@posix
def test_a_process_that_is_killed_is_told_and_another_takes_its_place():
    with Workers(2) as workers:
        first, *_ = workers.in_order(eval, ["__import__('os').getpid()"] * 4)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(NarrowsError, match=r"was ended by SIGKILL.*fewer jobs"):
            list(workers.in_order(eval, ["1", "2", "3", "4"] * 4))
        assert list(workers.in_order(eval, ["1", "2", "3"])) == [1, 2, 3]


@posix
def test_no_process_outlives_the_block_however_it_ends():
    asleep = ["__import__('time').sleep(99)"] * 2
    with Workers(2) as workers:
        process = next(workers.in_order(eval, ["__import__('os').getpid()"] * 3 + asleep))
        assert is_alive(process)
    assert not is_alive(process)


@posix
def test_processes_end_with_the_program_even_if_it_is_killed(tmp_path):
    import subprocess
    import sys

    code = (
        "from narrows.processes import Workers\n"
        "with Workers(2) as workers:\n"
        "    work = ['print(__import__(\"os\").getpid(), flush=True)'] * 2\n"
        "    list(workers.in_order(eval, work + ['__import__(\"time\").sleep(99)'] * 2))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as program:
        process = int(program.stderr.readline())  # what is printed there is no result
        program.kill()
        deadline = time.monotonic() + 20
        while is_alive(process) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not is_alive(process)


@pytest.mark.parametrize("jobs", [0, -1, 1.5, True, "2"])
def test_jobs_are_a_whole_number_of_at_least_one(jobs):
    with pytest.raises(SettingError, match="at least 1"):
        Workers(jobs)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("(_ for _ in ())", "cannot pickle 'generator'"),
        ("(_ for _ in ()).throw(type('Own', (Exception,), {})('why'))", "Own: why"),
        ("1 / 0", "division by zero"),
    ],
)
def test_what_fails_in_a_process_is_raised_here_and_the_process_goes_on(code, told):
    with Workers(2) as workers:
        for _ in range(3):
            with pytest.raises((TypeError, RuntimeError, ZeroDivisionError), match=told):
                list(workers.in_order(eval, [code, "1", "2"]))
        assert len({*workers.in_order(eval, ["__import__('os').getpid()"] * 9)}) <= 2
