"""nbhook-exec and a kernel that misbehaves: each run ends with the right status and reason, in its time.

make soak plays each conversation 20 times.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any, Callable, Iterator, Optional

import pytest

from counts import soak, times
from executor import Bench, Run, code, eventually, notebook, program
from running import open_folder
from scripted import ScriptedKernels

pytestmark = soak
DEATH_S = 2.0


@pytest.fixture(params=range(times(1, 20)), autouse=True)
def turn(request: pytest.FixtureRequest) -> int:
    """Which time it is that a conversation is played."""
    return request.param


@pytest.fixture(scope="module")
def kernels() -> Iterator[ScriptedKernels]:
    with open_folder() as folder:
        yield ScriptedKernels(folder)


@pytest.fixture
def make_bench(kernels: ScriptedKernels) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**settings: str) -> Bench:
        made.append(Bench(kernel_path=kernels.path, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


def play(bench: Bench, *cells: Any, kernel: str = "scripted") -> Run:
    run = bench.play(notebook(*cells, kernel=kernel), kernel=kernel).finish()
    assert bench.processes() == []
    return run


def ending(run: Run) -> tuple[str, Optional[str]]:
    return run.outcome["status"], run.outcome.get("reason")


def assert_played(run: Run, text: str, complete: bool = True) -> None:
    assert ending(run) == ("succeed", None)
    assert run.text() == text
    assert run.outcome["outputs_complete"] is complete


def test_a_kernel_that_behaves(bench: Bench) -> None:
    run = play(bench, 'send stream "hi\\n"', 'send result {"text/plain": "2"}', 'respond "done"')
    assert_played(run, "hi\n")
    assert run.response == b"done"


def test_a_script_with_a_mistake_is_an_error(bench: Bench) -> None:
    run = play(bench, "sned stream")
    assert ending(run) == ("failed", "cell_error")
    assert 'no statement "sned"' in run.log


# Deaths.


@pytest.mark.parametrize("death, words", [
    ("die 9", "signal 9"), ("die 11", "signal 11"), ("exit 3", "exit code 3"), ("exit 0", "exit code 0")])
def test_a_kernel_dies_at_its_start(bench: Bench, kernels: ScriptedKernels, death: str, words: str) -> None:
    run = play(bench, "reply", kernel=kernels.named(f"at start {death}", death))
    assert ending(run) == ("failed", "kernel_died")
    assert words in run.outcome["error"]["evalue"]
    assert run.ended_after < DEATH_S
    assert "cell" not in run.outcome["error"] or run.outcome["error"]["cell"] is None


@pytest.mark.parametrize("cell, text", [
    ("die 9", ""),                                      # before anything else
    ('send stream "last words"; die 9', "last words"),
    ('send stream "last words"; reply; die 9', "last words"),
    ("without busy input; die 11", ""),
])
def test_a_kernel_dies_in_a_cell(bench: Bench, cell: str, text: str) -> None:
    run = play(bench, 'send stream "1 "', cell, "reply")
    assert ending(run) == ("failed", "kernel_died")
    assert run.outcome["error"]["cell"]["index"] == 1
    assert run.text() == "1 " + text
    assert run.ended_after < DEATH_S


def test_a_kernel_dies_between_two_cells(bench: Bench) -> None:
    run = play(bench, 'send stream "1"; end; die 9', "reply")
    assert ending(run) == ("failed", "kernel_died")
    assert run.outcome["progress"]["done"] == 1
    assert run.ended_after < DEATH_S


def test_a_kernel_that_dies_after_the_last_cell_has_played_it(bench: Bench) -> None:
    assert_played(play(bench, 'send stream "1"; end; die 9'), "1")


def test_a_kernel_that_exits_because_the_notebook_asked(bench: Bench) -> None:
    run = play(bench, 'send stream "1"; reply exit; exit 0', 'send stream "never"')
    assert_played(run, "1")


# Starts.


def test_a_kernel_that_is_never_ready(make_bench: Callable[..., Bench], kernels: ScriptedKernels) -> None:
    for never in ('on kernel_info_request "without busy reply idle"', "sleep forever",
                  'on kernel_info_request "without reply"', 'on kernel_info_request "without busy idle"'):
        run = play(make_bench(start_timeout="1"), "reply", kernel=kernels.named(f"never {never}", never))
        assert ending(run) == ("failed", "kernel_failed")
        assert "start_timeout" in run.outcome["error"]["evalue"]
        assert 1 <= run.ended_after < 3


def test_the_first_iopub_pair_is_lost(bench: Bench, kernels: ScriptedKernels) -> None:
    lost = 'on kernel_info_request "without busy idle"; on kernel_info_request ""'
    assert_played(play(bench, 'send stream "1"', kernel=kernels.named("first pair lost", lost)), "1")


def test_the_first_answer_is_lost(bench: Bench, kernels: ScriptedKernels) -> None:
    lost = 'on kernel_info_request "without reply"; on kernel_info_request ""'
    assert_played(play(bench, 'send stream "1"', kernel=kernels.named("first answer lost", lost)), "1")


def test_a_slow_start_is_waited_for(bench: Bench, kernels: ScriptedKernels) -> None:
    run = play(bench, 'send stream "1"', kernel=kernels.named("slow", "sleep 1.5"))
    assert_played(run, "1")
    assert run.ended_after >= 1.5


# Cells that end wrongly, or never.


def test_idle_is_lost(bench: Bench) -> None:
    run = play(bench, 'without idle; send stream "1"', 'send stream "2"')
    assert_played(run, "12", complete=False)
    assert 4 <= run.ended_after < 6


def test_idle_comes_before_the_reply(bench: Bench) -> None:
    assert_played(play(bench, 'without idle; send stream "1"; send status idle; sleep 0.1; reply',
                       'send stream "2"'), "12")


def test_the_reply_never_comes(make_bench: Callable[..., Bench]) -> None:
    run = play(make_bench(cell_timeout="1"), "without reply", 'send stream "never"')
    assert ending(run) == ("failed", "timed_out")
    assert "cell_timeout" in run.outcome["error"]["evalue"]
    assert run.outcome["error"]["cell"]["index"] == 0
    assert run.ended_after < 4
    assert run.text() == ""


@pytest.mark.parametrize("status", ["abort", "aborted", "error", "nonsense"])
def test_a_status_that_is_not_ok_is_a_failure(bench: Bench, status: str) -> None:
    run = play(bench, f"reply {status}", 'send stream "never"')
    assert ending(run) == ("failed", "cell_error")
    assert run.text() == ""


def test_an_abort_is_expected_where_an_exception_is(bench: Bench) -> None:
    assert_played(play(bench, code("reply abort", tags=["raises-exception"]), 'send stream "1"'), "1")


def test_a_cell_is_answered_twice(bench: Bench) -> None:
    run = play(bench, 'send stream "1"; reply; reply error A b; end; send status idle; reply',
               'send stream "2"')
    assert_played(run, "12")


# Messages that are none.


@pytest.mark.parametrize("flaw", ["bad-hmac", "no-hmac"])
def test_an_output_with_a_wrong_signature_is_left_out(bench: Bench, flaw: str) -> None:
    run = play(bench, f'send stream "forged" {flaw}; send stream "1"')
    assert_played(run, "1")
    assert "signature" in run.log


@pytest.mark.parametrize("flaw", ["cut", "short", "no-delimiter", "many-parts"])
def test_an_output_that_is_no_message_is_missed(bench: Bench, flaw: str) -> None:
    run = play(bench, f'send stream "broken" {flaw}; send stream "1"')
    assert_played(run, "1", complete=False)
    assert "left out" in run.log


def test_frames_that_are_no_message_at_all(bench: Bench) -> None:
    run = play(bench, 'frames iopub ""; frames iopub "<IDS|MSG>"; frames iopub 100*"a" "b" "c"; '
               'frames iopub 20M*"x"; frames iopub "<IDS|MSG>" "" "" "" "" ""; send stream "1"')
    assert_played(run, "1", complete=False)


def test_a_forged_reply_is_no_reply(make_bench: Callable[..., Bench]) -> None:
    run = play(make_bench(cell_timeout="1"), "without reply; reply ok bad-hmac")
    assert ending(run) == ("failed", "timed_out")


@pytest.mark.parametrize("flaw", ["cut", "short", "no-delimiter", "many-parts"])
def test_a_reply_that_is_no_message_ends_the_run(bench: Bench, flaw: str) -> None:
    run = play(bench, f"reply ok {flaw}", 'send stream "never"')
    assert ending(run) == ("failed", "kernel_failed")
    assert run.ended_after < DEATH_S


def test_garbage_as_a_reply_ends_the_run(bench: Bench) -> None:
    run = play(bench, 'without reply; frames shell "garbage" "more"')
    assert ending(run) == ("failed", "kernel_failed")
    assert run.ended_after < DEATH_S


def test_content_of_the_wrong_shape_is_ignored(bench: Bench) -> None:
    run = play(bench, 'send raw stream "{}"; send raw stream "{\\"name\\": 1, \\"text\\": []}"; '
               'send raw display_data "{\\"data\\": 1}"; send raw status "{\\"execution_state\\": {}}"; '
               'send raw error "{}"; send raw clear_output "{\\"wait\\": 3}"; send stream "1"')
    assert_played(run, "1")


def test_a_deep_content_is_missed(bench: Bench) -> None:
    run = play(bench, 'send raw display_data "{\\"data\\": {\\"a/b\\": " 5000*"[" 5000*"]" "}}"; '
               'send stream "1"')
    assert_played(run, "1", complete=False)


def test_unknown_types_are_ignored(bench: Bench) -> None:
    run = play(bench, 'send raw debug_event "{}"; send raw nonsense "{\\"a\\": 1}"; send stream "1"; '
               'send raw comm_open "{\\"comm_id\\": \\"1\\", \\"target_name\\": \\"x\\", \\"data\\": {}}"')
    assert_played(run, "1")


# Messages of others, and late ones.


def test_output_without_a_parent_is_nobodys(bench: Bench) -> None:
    assert_played(play(bench, 'send status busy orphan; send stream "x" orphan; send stream "1"'), "1")


def test_output_of_an_unknown_parent_is_nobodys(bench: Bench) -> None:
    run = play(bench, 'send stream "x" stranger; send status idle stranger; send stream "1"; reply ok stranger; '
               'sleep 0.1; send stream "2"; reply', 'send stream "3"')
    assert_played(run, "123")


def test_late_output_goes_to_its_cell(bench: Bench) -> None:
    run = play(bench, 'send stream "1"; after 0.1 send stream " late"', 'sleep 0.5; send stream "2"')
    assert_played(run, "1 late2")
    assert ["".join(output["text"]) for output in run.outputs()] == ["1 late", "2"]


# Too much.


def test_a_flood_is_taken_whole(bench: Bench) -> None:
    run = play(bench, 'repeat 60K send stream "$i\\n"')
    assert_played(run, "".join(f"{i}\n" for i in range(60000)))


def test_a_flood_is_taken_whole_by_a_reader_that_stood_still(bench: Bench) -> None:
    run = stand_still(bench, '60K send stream "$i\\n"')
    run.process.send_signal(signal.SIGCONT)
    assert_played(run.finish(), "".join(f"{i}\n" for i in range(60000)))


def stand_still(bench: Bench, flood: str) -> Run:
    """Plays a flood; the executor is stopped while it comes, and still when all has come."""
    work = bench.folder / "work"
    os.mkfifo(work / "gate")
    bench.give(work / "gate")
    run = bench.play(notebook("reply", f'append begun "1"; append gate "1"; repeat {flood}; append flooded "1"',
                              kernel="scripted"), kernel="scripted")
    assert eventually((work / "begun").exists, 60)
    run.process.send_signal(signal.SIGSTOP)
    (work / "gate").read_text()
    assert eventually((work / "flooded").exists, 120)
    return run


def test_a_flood_without_end_ends_at_output_limit(make_bench: Callable[..., Bench]) -> None:
    run = play(make_bench(output_limit="1M"), 'repeat forever send stream 1K*"x"')
    assert ending(run) == ("failed", "output_limit")
    assert "output_limit" in run.outcome["error"]["evalue"]
    assert 0 < len(run.text()) <= 1 << 20


@pytest.mark.parametrize("flood", ['50K send stream 1K*"x"', '300 send stream 200K*"x"',
                                   '50K send display {"text/plain": "x"}'])
def test_a_flood_of_50_mb_is_bounded_in_memory(make_bench: Callable[..., Bench], flood: str) -> None:
    run = stand_still(make_bench(output_limit="1M"), flood)
    has_sanitizer = b"__asan_init" in program("nbhook-exec").read_bytes()
    assert peak_memory(run) < (128 if has_sanitizer else 48) << 20
    assert ending(run) == ("failed", "output_limit")


def peak_memory(run: Run) -> int:
    """In bytes, of an executor that was stopped and now goes on, looked at until its end. It is told so once: a leak
    check stops it by SIGSTOP at its end, which SIGCONT would undo each time."""
    run.process.send_signal(signal.SIGCONT)
    peak = 0
    while run.process.poll() is None:
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{run.process.pid}/status", encoding="utf-8") as file:
            peak = max([peak, *(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM:"))])
        time.sleep(0.001)
    assert peak > 0
    return peak


def test_a_huge_output_ends_at_output_limit(make_bench: Callable[..., Bench]) -> None:
    run = play(make_bench(output_limit="1M"), 'send stream "1"; send stream 20M*"x"')
    assert ending(run) == ("failed", "output_limit")
    assert run.text() == "1"


def test_too_many_outputs_end_the_run(make_bench: Callable[..., Bench]) -> None:
    run = play(make_bench(max_outputs="100"), 'repeat 60 send display {"text/plain": "x"}',
               'repeat 60 send display {"text/plain": "y"}')
    assert ending(run) == ("failed", "output_limit")
    assert "max_outputs" in run.outcome["error"]["evalue"]
    assert len(run.outputs()) == 100


def test_a_huge_message_ends_the_run(make_bench: Callable[..., Bench]) -> None:
    run = play(make_bench(message_limit="1M"), 'send stream "1"', 'send stream 2M*"x"; sleep 5')
    assert ending(run) == ("failed", "kernel_failed")
    assert "message_limit" in run.outcome["error"]["evalue"]
    assert run.outcome["outputs_complete"] is False
    assert run.ended_after < DEATH_S
    assert run.text() == "1"


def test_a_huge_reply_ends_the_run(make_bench: Callable[..., Bench]) -> None:
    run = play(make_bench(message_limit="1M"), 'without reply; frames shell "<IDS|MSG>" 2M*"x"; sleep 5')
    assert ending(run) == ("failed", "kernel_failed")
    assert "message_limit" in run.outcome["error"]["evalue"]


def test_a_huge_output_is_taken_where_there_is_room(bench: Bench) -> None:
    assert_played(play(bench, 'send stream 20M*"x"'), "x" * 20_000_000)


def test_a_flood_past_jupyter_disturbs_nobody(bench: Bench) -> None:
    assert_played(play(bench, 'repeat 20K print 100*"x"; send stream "1"'), "1")


# Interrupts.


def test_an_interrupt_ends_a_cell_that_times_out(make_bench: Callable[..., Bench]) -> None:
    run = play(make_bench(cell_timeout="1"), "sleep forever", 'send stream "never"')
    assert ending(run) == ("failed", "timed_out")
    assert [output["ename"] for output in run.outputs()] == ["KeyboardInterrupt"]
    assert run.ended_after < 2


def test_an_interrupt_by_message(make_bench: Callable[..., Bench], kernels: ScriptedKernels) -> None:
    kernel = kernels.named("by message", "ignore 2", interrupt_mode="message")
    run = play(make_bench(cell_timeout="1"), "sleep forever", kernel=kernel)
    assert ending(run) == ("failed", "timed_out")
    assert [output["ename"] for output in run.outputs()] == ["KeyboardInterrupt"]


def test_a_kernel_that_ignores_interrupts_is_not_continued_on(make_bench: Callable[..., Bench]) -> None:
    run = play(make_bench(cell_timeout="1"), "ignore 2; sleep forever", 'send stream "never"')
    assert ending(run) == ("failed", "timed_out")
    assert run.text() == ""
    assert 2 <= run.ended_after < 6


def test_a_kernel_that_ignores_all_signals_is_killed(make_bench: Callable[..., Bench]) -> None:
    run = play(make_bench(cell_timeout="1"), "ignore 2; ignore 15; sleep forever")
    assert ending(run) == ("failed", "timed_out")
    assert run.ended_after < 9


def test_a_stop_ends_a_kernel_that_never_answers(bench: Bench) -> None:
    run = bench.play(notebook("send status busy; sleep forever", kernel="scripted"), kernel="scripted")
    run.watch_until(lambda event: event["state"] == "playing")
    run.stop("stopped_by_user")
    begun = time.monotonic()
    run.finish()
    assert ending(run) == ("stopped", "stopped_by_user")
    assert time.monotonic() - begun < 2


def test_a_call_is_answered_by_the_scripted_kernel(make_site, kernels: ScriptedKernels) -> None:
    site = make_site(kernels={"kernel_path": kernels.path})
    content = notebook('respond "hello $name"', kernel="scripted")
    hook = site.add(content)
    assert site.get(hook, params={"name": "Ada"}).text == "hello Ada"
