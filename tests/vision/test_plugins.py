"""Files of a folder that make themselves known."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from vision.plugins import Plugins, kind_of


def test_files_of_a_package_are_found_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "made_up_plugins"
    folder.mkdir()
    (folder / "__init__.py").write_text("from vision.plugins import Plugins\nFOUND = Plugins('made_up_plugins')\n")
    for name in ("zebra", "ant"):
        (folder / f"{name}.py").write_text(f"from made_up_plugins import FOUND\nFOUND.add('{name}', {len(name)})\n")
    monkeypatch.syspath_prepend(tmp_path)
    found: Plugins[int] = __import__("made_up_plugins").FOUND
    assert list(found.all().items()) == [("ant", 3), ("zebra", 5)]
    assert found.all() == found.all()
    for name in [name for name in sys.modules if name.startswith("made_up_plugins")]:
        monkeypatch.delitem(sys.modules, name)


def test_a_name_is_given_once() -> None:
    plugins: Plugins[int] = Plugins("vision.rules")
    plugins.add("a", 1)
    with pytest.raises(TypeError, match=r"vision\.rules has two of 'a'"):
        plugins.add("a", 2)


def test_a_plugin_needs_a_name_in_its_parameters() -> None:
    class Nameless:
        class Params(BaseModel):
            type: str

    with pytest.raises(TypeError, match=r"Nameless: Params\.type needs a default of its own"):
        kind_of(Nameless)
