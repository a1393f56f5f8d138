"""The model's process: real models answer, and whatever happens to the process, the agent hears of it in time."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_agent.language.child import ChildModel
from edge_agent.language.child_process import environment
from tests.conftest import ROOT
from tests.language_peers import SCHEMA, TASK, open_files, picture, smollm2, threads, tiny, valid, wait_for
from vision.language.backends.base import ModelSettings
from vision.language.model import Answer, NoAnswer

FAKE = ModelSettings(backend="xllamacpp")


def fake(behaviour: str, **more: Any) -> ChildModel:
    """A process that misbehaves; never waits before it is started again."""
    settings = FAKE.model_copy(update=more)
    program = str(Path(__file__).with_name("fake_child.py"))
    return ChildModel(settings, command=(sys.executable, program, behaviour), chance=lambda: 0.0)


def ask(model: ChildModel, *images: bytes, deadline_s: float = 60.0) -> Answer:
    return model.ask(TASK, images, {"part": "L-7"}, SCHEMA, deadline_s)


def failure(model: ChildModel, deadline_s: float = 60.0) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        ask(model, deadline_s=deadline_s)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    return caught.value


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # Reaped by whoever adopted it, or about to be
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    files = open_files()
    yield
    assert wait_for(lambda: not threads()), threads()
    assert wait_for(lambda: open_files() <= files)


def test_a_real_model_is_loaded_answers_is_let_go_and_comes_back(shared_data: Path) -> None:
    with closing(ChildModel(tiny(shared_data))) as model:
        assert model.state().pid is None  # nothing before the first question
        assert model.warm_up() > 0
        first = ask(model, picture())
        assert valid(first.values)
        state = model.state()
        assert state.loaded
        assert state.answers == 1
        assert state.prompt_rate is not None
        assert state.answer_rate is not None
        assert state.rss_bytes > 10 << 20
        pid = state.pid
        assert pid is not None
        assert not model.unload_if_pressed()
        assert not model.unload_if_pressed(1 << 40)
        assert model.unload_if_pressed(1 << 20)
        assert wait_for(lambda: gone(pid))
        assert not model.state().loaded
        assert ask(model, picture()).values == first.values
        assert model.state().unloads == 1
        assert model.state().restarts == 0
    assert model.state().pid is None


def test_the_process_goes_last_in_line(shared_data: Path) -> None:
    with closing(ChildModel(tiny(shared_data), cpus=(0,), behind=True)) as model:
        model.warm_up(question=False)
        pid = model.state().pid
        assert pid is not None
        for task in Path(f"/proc/{pid}/task").iterdir():  # each of its threads
            assert os.getpriority(os.PRIO_PROCESS, int(task.name)) == 10
            assert os.sched_getscheduler(int(task.name)) == os.SCHED_BATCH
            assert os.sched_getaffinity(int(task.name)) == {0}
        group = Path(f"/proc/{pid}/autogroup")  # where the kernel shares out by session, the session must be nice
        assert not group.exists() or group.read_text(encoding="ascii").split()[-1] == "10"
        assert Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="ascii").strip() == "900"


def test_secrets_of_the_environment_stay_outside() -> None:
    kept = environment({"PATH": "/bin", "YARD_PASSWORD": "secret", "HOME": "/root", "AWS_SECRET_ACCESS_KEY": "secret"})
    assert "secret" not in "".join(kept.values())
    assert kept["PATH"] == "/bin"


def test_idle_models_are_let_go(shared_data: Path) -> None:
    with closing(fake("good", idle_unload_s=0.2)) as model:
        ask(model)
        assert wait_for(lambda: model.state().unloads == 1)
        assert wait_for(lambda: model.state().pid is None)
        ask(model)
        assert model.state().restarts == 0


BAD: list[tuple[str, str, int]] = [
    # behaviour, what whoever asks is told, restarts
    ("exit", "crashed", 1),
    ("dies loading", "crashed", 1),
    ("garbage", "crashed", 1),  # a library that prints into the protocol
    ("huge", "crashed", 1),  # a frame of two gigabytes
    ("another", "crashed", 1),  # an answer to another question
    ("lies", "invalid", 0),  # not valid, whatever the process says
    ("more", "invalid", 0),
    ("empty", "invalid", 0),
    ("bare", "invalid", 0),
    ("odd", "crashed", 0),
    ("unusable", "unusable", 0),
]


@pytest.mark.parametrize(("behaviour", "told", "restarts"), BAD)
def test_a_process_that_misbehaves(behaviour: str, told: str, restarts: int) -> None:
    with closing(fake(behaviour)) as model:
        assert failure(model).failure == told
        assert failure(model).failure == told  # and once more
        state = model.state()
        assert state.failures == {told: 2}
        assert state.restarts == 2 * restarts


ENDLESS = [("hang", 1), ("busy", 1), ("half", 1), ("deaf", 0)]


@pytest.mark.parametrize(("behaviour", "restarts"), ENDLESS)
def test_endless_work_ends_with_its_deadline(behaviour: str, restarts: int) -> None:
    with closing(fake(behaviour)) as model:
        if restarts:
            model.warm_up(question=False)
        start = time.monotonic()
        told = failure(model, deadline_s=0.3).failure
        took = time.monotonic() - start
        assert told == ("timeout" if restarts else "busy")  # one that never loads is still being loaded
        assert 0.3 <= took < 15  # the deadline, a second of grace, and the noise of a shared machine
        assert model.state().restarts == restarts
        assert (model.state().pid is None) == bool(restarts)


def test_a_model_that_never_stops_in_time_is_loaded_less_often() -> None:
    program = str(Path(__file__).with_name("fake_child.py"))
    command = (sys.executable, program, "hang")
    with closing(ChildModel(FAKE, command=command, chance=lambda: 1.0)) as model:
        for number in range(2):
            model.warm_up(question=False)
            assert failure(model, deadline_s=0.1).failure == "timeout"
            assert model.state().restarts == number + 1
        assert "started again in" in str(failure(model, deadline_s=0.01))


def test_a_question_during_loading_is_told_so_and_loading_goes_on() -> None:
    with closing(fake("slow")) as model:
        assert failure(model, deadline_s=0.1).failure == "busy"
        pid = model.state().pid
        assert model.state().loading
        assert ask(model).values["verdict"] == "pass"
        assert model.state().pid == pid


def test_memory_beyond_the_share_ends_the_process(caplog: pytest.LogCaptureFixture) -> None:
    with closing(fake("eat", memory_mb=100)) as model, caplog.at_level(logging.WARNING, "sightline.language"):
        assert failure(model).failure == "memory"
        assert model.state().peak_bytes > 100 << 20
        assert model.state().pid is None
    assert "its share is 104 MB" in caplog.text or "its share is 100 MB" in caplog.text


def test_memory_that_is_taken_all_at_once_meets_the_kernels_limit() -> None:
    with closing(fake("gulp", memory_mb=100)) as model:
        assert failure(model).failure in {"memory", "crashed"}
        assert model.state().peak_bytes < 1 << 30


def test_a_real_model_beyond_its_share_is_refused_or_ended(shared_data: Path) -> None:
    with closing(ChildModel(tiny(shared_data, memory_mb=32), chance=lambda: 0.0)) as model:
        told = failure(model)
        assert told.failure == "memory"
        assert "weights + " in str(told)
        assert model.state().pid is None
    with closing(ChildModel(tiny(shared_data, memory_mb=32, force=True), chance=lambda: 0.0)) as model:
        assert failure(model).failure in {"memory", "crashed"}  # Python alone takes more


def test_stderr_is_drained_and_bounded(caplog: pytest.LogCaptureFixture) -> None:
    with closing(fake("noisy")) as model, caplog.at_level(logging.DEBUG, "sightline.language"):
        ask(model)
        assert "\x1b" not in caplog.text


@pytest.mark.slow
def test_fifty_kills_in_mid_answer(shared_data: Path) -> None:
    """Killed at another moment each time: while starting, loading, answering; every question is told within its time."""
    files, answered, crashed = open_files(), 0, 0
    with closing(ChildModel(tiny(shared_data), chance=lambda: 0.0)) as model:
        long = replace(TASK, max_tokens=160)
        for number in range(50):
            if number % 2:
                model.warm_up(question=False)
            pid = model.state().pid if number % 2 else None
            killer = threading.Thread(target=kill_soon, args=(model, pid, number % 7 * 0.004))
            killer.start()
            try:
                assert valid(model.ask(long, [picture(seed=number)], {}, SCHEMA, 60.0).values)
                answered += 1
            except NoAnswer as error:
                assert error.failure == "crashed"  # noqa: PT017  # some are quicker than the kill
                crashed += 1
            killer.join()
        assert crashed >= 20
        assert valid(ask(model, picture()).values)
        assert open_files() <= files + 6
        assert model.state().failures == {"crashed": crashed}


def kill_soon(model: ChildModel, pid: int | None, after_s: float) -> None:
    """As soon as there is a process, and then so many seconds later."""
    wait_for(lambda: model.state().pid is not None, 5.0)
    time.sleep(after_s)
    target = pid or model.state().pid
    if target is not None:
        try:
            os.kill(target, signal.SIGKILL)
        except ProcessLookupError:
            return
        assert wait_for(lambda: gone(target), 60.0)  # on a busy machine it takes its time to die


def test_back_off_after_crashes() -> None:
    waits = [1.0]
    program = str(Path(__file__).with_name("fake_child.py"))
    command = (sys.executable, program, "exit")
    with closing(ChildModel(FAKE, command=command, chance=lambda: waits[0])) as model:
        assert failure(model).failure == "crashed"
        told = failure(model, deadline_s=0.01)  # it would have to wait longer than that
        assert told.failure == "crashed"
        assert "started again in" in str(told)
        assert model.state().restarts == 1
        waits[0] = 0.0
        assert failure(model).failure == "crashed"  # waits, tries, crashes once more
        assert model.state().restarts == 2


def test_a_damaged_model_is_unusable_until_it_is_replaced(shared_data: Path, tmp_path: Path) -> None:
    good = tiny(shared_data)
    assert good.path is not None
    whole = good.path.read_bytes()
    path = tmp_path / "model.gguf"
    settings = good.model_copy(update={"path": path})
    with closing(ChildModel(settings, chance=lambda: 0.0)) as model:
        assert "no such model file" in str(failure(model))
        path.write_bytes(whole[: len(whole) // 2])
        told = failure(model)
        assert told.failure == "unusable"
        assert "cut off" in str(told)
        assert model.state().pid is None
        path.write_bytes(whole)
        assert valid(ask(model, picture()).values)


def test_damage_that_only_llama_cpp_finds(shared_data: Path, tmp_path: Path) -> None:
    """A header that reads well, of a model that makes no sense: it ends in a line, not in a crash of the agent."""
    good = tiny(shared_data)
    assert good.path is not None
    path = tmp_path / "model.gguf"
    path.write_bytes(good.path.read_bytes().replace(b"output_norm.weight", b"output_nose.weight"))
    with closing(ChildModel(good.model_copy(update={"path": path}), chance=lambda: 0.0)) as model:
        told = failure(model)
        assert told.failure == "unusable"
        assert "tensor 'output_norm.weight' not found" in str(told)
        assert failure(model).failure == "unusable"


def test_weights_that_are_noise_never_break_the_agent(shared_data: Path, tmp_path: Path) -> None:
    good = tiny(shared_data)
    assert good.path is not None
    data = bytearray(good.path.read_bytes())
    data[-400_000:] = os.urandom(400_000)
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    with closing(ChildModel(good.model_copy(update={"path": path}), chance=lambda: 0.0)) as model:
        try:
            assert valid(ask(model, picture(), deadline_s=20.0).values)
        except NoAnswer as error:
            assert error.failure in {"invalid", "crashed", "timeout", "refused"}  # noqa: PT017  # any of both is fine


def test_close_in_the_middle_of_an_answer() -> None:
    model = fake("hang")
    model.warm_up(question=False)
    pid = model.state().pid
    assert pid is not None
    threading.Timer(0.2, model.close).start()
    assert failure(model).failure == "refused"
    assert wait_for(lambda: gone(pid))
    assert failure(model).failure == "refused"
    model.close()


def test_a_second_question_waits_its_turn_or_is_told() -> None:
    with closing(fake("hang")) as model:
        model.warm_up(question=False)
        first: list[str] = []
        thread = threading.Thread(target=lambda: first.append(failure(model, deadline_s=1.0).failure))
        thread.start()
        assert wait_for(lambda: not model.unload())  # it is answering
        assert failure(model, deadline_s=0.1).failure == "busy"
        thread.join()
        assert first == ["timeout"]


PARENT = """
import sys, time
from pathlib import Path
from edge_agent.language.child import ChildModel
from vision.language.backends.base import ModelSettings
model = ChildModel(ModelSettings(backend="xllamacpp"), command=(sys.executable, sys.argv[1], sys.argv[2]))
if __name__ == "__main__":
    model.warm_up(question=False)
    print(model.state().pid, flush=True)
    if sys.argv[2] == "busy":
        from tests.language_peers import SCHEMA, TASK
        model.ask(TASK, [], {}, SCHEMA, 60.0)
    time.sleep(60)
"""


@pytest.mark.parametrize("behaviour", ["good", "busy"])
def test_the_process_ends_with_the_agent(behaviour: str) -> None:
    program = str(Path(__file__).with_name("fake_child.py"))
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, program, behaviour],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.kill()
        parent.wait()
    assert wait_for(lambda: gone(pid))


def test_a_text_model_that_comes_in_a_package() -> None:
    settings = ModelSettings(backend="llama_cpp", path=smollm2(), n_ctx=1024, threads=1)
    with closing(ChildModel(settings)) as model:
        assert not model.sees
        answer = ask(model)
        assert valid(answer.values)
        with pytest.raises(NoAnswer, match="takes no pictures"):
            ask(model, picture())
        assert model.state().rss_bytes < 400 << 20
