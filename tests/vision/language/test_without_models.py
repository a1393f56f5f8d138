"""The room of language can be entered without any model, binding or network client installed."""

import subprocess
import sys

import pytest

MISSING = ("llama_cpp", "xllamacpp", "openai", "torch", "transformers", "gguf", "httpx", "requests", "aiohttp")
MODULES = ("fields", "grounding", "prompts", "crops", "compose", "digest", "template", "model")


@pytest.mark.parametrize("said", ["describe", "digest"])
def test_everything_here_works_without_a_model(said: str) -> None:
    lines = [
        "import sys",
        *(f"sys.modules[{name!r}] = None  # type: ignore" for name in MISSING),
        *(f"import vision.language.{name}" for name in MODULES),
        "from vision.events import Event",
        "from vision.language.compose import describe",
        "from vision.language.digest import digest",
        "from vision.language.fields import schema_for",
        "from vision.language.model import ScriptedModel",
        "from vision.language.prompts import facts_for, task_for",
        "event = Event(id='1', type='fall', camera='c', severity='alert', start=1, opened=2, at=2, end=3, state='closed')",
        "task, schema = task_for(event), schema_for('fall', ['posture', 'supports', 'threat'])",
        "model = ScriptedModel([{'posture': 'lying', 'supports': 'yes', 'threat': 2}])",
        "answer = model.ask(task, [], facts_for(event), schema, 1.0)",
        "print(describe(event, answer, task, schema).text)"
        if said == "describe"
        else "print(digest([event], 0, 9).text)",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = {
        "describe": "The model adds: lying down; the picture supports the alarm, threat 2 of 3.",
        "digest": "1 alert.",
    }
    assert told[said] in done.stdout
