"""What every whole-system test may use: `site`, a running nbhook, and `make_site` for one with settings
of its own. They need NBHOOK_PREFIX, the prefix of an installation; ./quickstart check sets it.

    def test_something(site):
        hook = site.add(notebook(["import naas", "naas.webhook.respond_json(params)"]))
        assert site.get(hook, params={"a": "1"}).json() == {"a": "1"}
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any, Callable, Iterator

import pytest

import running
from running import RunningSite

_sites: list[RunningSite] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: it has a larger count, for make soak (counts.py)")
    # Who started the tests may ignore these (nohup, a shell's "&"), and what the tests start would as well.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def site() -> Iterator[RunningSite]:
    """One nbhook for all tests that need no settings of their own."""
    with running.running_site() as made:
        _sites.append(made)
        yield made
        _sites.remove(made)


@pytest.fixture
def make_site() -> Iterator[Callable[..., RunningSite]]:
    """make_site(http={"response_limit": "2"}) starts an nbhook with these settings, for one test."""
    with contextlib.ExitStack() as stack:
        def make(pool_size: int = running.layout.POOL_SIZE, **settings: dict[str, str]) -> RunningSite:
            made = stack.enter_context(running.running_site(settings, pool_size=pool_size))
            _sites.append(made)
            stack.callback(_sites.remove, made)
            return made

        yield make


@pytest.fixture
def open_folder() -> Iterator[str]:
    """A folder that all accounts can reach."""
    with running.open_folder() as folder:
        yield folder


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start programs as several accounts")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Iterator[None]:
    """A failure shows the ends of the logs."""
    report = (yield).get_result()
    if report.failed:
        for each in _sites:
            for name, text in each.log_tails():
                report.sections.append((name, text))
