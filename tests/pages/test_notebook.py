"""The notebook does what it shows."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))


def shown(notebook) -> list[list[object]]:
    """Returns what its cells show; of a picture, that there is one."""

    def one(output):
        if output.output_type == "stream":
            return output.text
        assert output.output_type != "error", output
        return {kind: kind.startswith("image/") or said for kind, said in output.data.items()}

    return [[one(output) for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.costly
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_shows_what_it_does(path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    kept = nbformat.read(path, as_version=4)
    nbformat.validate(kept)
    before = shown(kept)
    assert all(before)
    ran = NotebookClient(
        kept, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    assert shown(ran.execute()) == before


def test_there_is_one():
    assert NOTEBOOKS
