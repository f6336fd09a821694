"""The notebook runs from top to bottom."""

import os
import pathlib

import nbclient
import nbformat
import pytest

NOTEBOOK = pathlib.Path(__file__).resolve().parents[1] / "notebooks" / "delta.ipynb"


def run(monkeypatch, tmp_path, folder):
    # No history, no configuration of the user, no guess at the shared folder.
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("CONURB_SHARED", folder)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(tmp_path))
    texts = [out.get("text", "") for cell in notebook.cells for out in cell.get("outputs", [])]
    return "".join(texts)


def test_the_notebook_runs_on_a_synthetic_region(monkeypatch, tmp_path):
    said = run(monkeypatch, tmp_path, "")
    assert "SYNTHETIC" in said and "losers first" in said and "in the core: True" in said


def test_the_notebook_runs_on_the_timetable_of_2016(shared, monkeypatch, tmp_path):
    said = run(monkeypatch, tmp_path, os.fspath(shared.parent))
    assert "SYNTHETIC" not in said and "2016" in said and "losers first" in said and "in the core: True" in said


@pytest.mark.parametrize("part", ["outputs", "execution_count"])
def test_outputs_are_not_kept(part):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get(part) for cell in notebook.cells)
