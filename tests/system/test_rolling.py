"""Restarting every program, again and again, while requests come: none of them fails."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

from counts import soak, times
from notebooks import notebook
from running import RunningSite

PROGRAMS = ["nbhookd", "nbhook-runner", "nbhook-fcgi@1", "nbhook-fcgi@2", "nbhook-api@1",
            "nbhook-api@2"]
ROUNDS = times(3, 20)
ROUND_S = 2.2  # the supervisor takes a program that ends within 2 s for one that cannot start
REQUESTS_PER_S = 20
CALLS_PER_S = 1  # of these; a kernel takes its time


class Traffic(threading.Thread):
    """Requests at a fixed rate, until it is told to end."""

    def __init__(self, site: RunningSite) -> None:
        super().__init__()
        self.site = site
        self.hook = site.add(notebook(["import naas; naas.webhook.respond_text(params['n'])"]))
        job = site.get(self.hook, params={"n": "0"}).headers["X-Nbhook-Job"]
        self.reads = [f"{self.hook.url}/status/{job}", f"{self.hook.url}/results/{job}",
                      f"{site.layout.url}/env", f"{site.layout.url}/job"]
        self.answers: Counter[str] = Counter()
        self.ending = threading.Event()
        self.start()

    def run(self) -> None:
        begun = time.monotonic()
        with ThreadPoolExecutor(64) as pool:
            for number in itertools.count():
                if self.ending.wait(max(0.0, begun + number / REQUESTS_PER_S - time.monotonic())):
                    return
                pool.submit(self.request, number)

    def request(self, number: int) -> None:
        try:
            self.answers[self.outcome(number)] += 1
        except Exception as error:  # any of them is a request that failed
            self.answers[repr(error)] += 1

    def outcome(self, number: int) -> str:
        if number % (REQUESTS_PER_S // CALLS_PER_S) == 0:
            answer = self.site.get(self.hook, params={"n": str(number)})
            good, what = (200, str(number)) == (answer.status_code, answer.text), "call"
        else:
            url = self.reads[number % len(self.reads)]
            answer = self.site.request("GET", url, headers={"Authorization": f"Bearer {self.site.key}"})
            good, what = answer.status_code == 200, "read"
        return f"good {what}" if good else f"{what}: {answer.status_code} {answer.text[:200]}"

    def end(self) -> Counter[str]:
        self.ending.set()
        self.join()
        return self.answers


@soak
def test_rolling_restarts_fail_no_request(make_site: Callable[..., RunningSite]) -> None:
    site = make_site()
    before = {name: site.supervised.pid(name) for name in PROGRAMS}
    traffic = Traffic(site)
    begun = time.monotonic()
    restarts: Counter[str] = Counter()
    try:
        for round_number in range(ROUNDS):
            for name in PROGRAMS:
                site.supervised.restart(name)
                after = site.supervised.pid(name)
                restarts[name] += after != before[name]
                before[name] = after
            time.sleep(max(0.0, begun + (round_number + 1) * ROUND_S - time.monotonic()))
    finally:
        answers = traffic.end()
    assert restarts == {name: ROUNDS for name in PROGRAMS}
    assert set(answers) == {"good call", "good read"}, answers
    assert sum(answers.values()) > 0.9 * ROUNDS * ROUND_S * REQUESTS_PER_S
