"""What tests share: no display, property tests that draw the same examples every time, the command line in a folder."""

import signal

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import settings

from command_line import PLANT, Outcome
from twolayer import cli

mpl.use("Agg")
settings.register_profile("repeatable", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("repeatable")

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background deaf to Ctrl-C


@pytest.fixture
def twolayer_cli(tmp_path, monkeypatch, capsys):
    """The command line, run in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(command: str) -> Outcome:
        capsys.readouterr()
        code = cli.run(command.split())
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def planted(twolayer_cli):
    """The command line, in a folder with `samples.npz` and `teacher.npz`."""
    assert twolayer_cli(PLANT).code == 0
    return twolayer_cli


@pytest.fixture
def rng():
    return np.random.default_rng(0)
