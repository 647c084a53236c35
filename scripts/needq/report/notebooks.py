"""Notebooks: percent scripts, executed in a kernel and shown as pages, the same bytes each time."""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode

from needq.common.errors import UserError
from needq.common.files import write_text
from needq.report import pages

LIBRARY = Path(__file__).parents[2]
PARAMETERS = "parameters"  # the tag of the cell that sets them
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
RICHEST = ("text/html", "text/markdown", "image/svg+xml", "text/plain")
CELLS = "notebook_cells.html.j2"  # how nbconvert shows code, in the folder of the pages' templates


def tables_of(files: Iterable[str]) -> list[str]:
    """The names of the tables among these files."""
    return sorted(Path(file).stem for file in files if Path(file).parent.name == "tables")


def chunks_of(files: Iterable[str]) -> dict[str, list[str]]:
    """For each backend, the names of its chunks among files BACKEND/PROCESS/CHUNK.*."""
    found: dict[str, set[str]] = {}
    for file in map(Path, files):
        found.setdefault(file.parts[-3], set()).add(file.name.partition(".")[0])
    return {backend: sorted(names) for backend, names in found.items()}


def publish(given: Any, params: Any, left: Any, parameters: Mapping[str, Any]) -> None:
    """Execute a percent script; write it as a notebook and as a page.

    `given` has the script `source` and the pages' `templates`, `left` the paths of the `notebook`,
    which lies in a folder of the run's, and of the `page`; `params` is what `pages.of_run` takes.
    """
    run = str(Path(left.notebook).parents[1])
    executed = execute(read(given.source, {"RUN": run, **parameters}))
    maker = pages.of_run(given.templates, params)
    shown = maker.notebook(heading(executed), body(executed, maker.folder), given.source)
    write_text(left.page, shown)
    write_text(left.notebook, text(executed))


def read(source: str | Path, parameters: Mapping[str, Any]) -> NotebookNode:
    """The notebook of a percent script, its parameters set to these values."""
    notebook = jupytext.read(source, fmt="py:percent")
    cells = [cell for cell in notebook.cells if PARAMETERS in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise UserError(f"{source}: needs one cell tagged {PARAMETERS}, and has {len(cells)}")
    cells[0].source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    return notebook


def execute(notebook: NotebookNode) -> NotebookNode:
    """Run every cell in a kernel of its own, and make what they left the same each time.

    The kernel is this Python, works in this folder, finds this library, and leaves nothing behind.
    Raises UserError for the first cell that fails; the whole traceback goes to the log.
    """
    with TemporaryDirectory(prefix="needq-") as folder:
        paths = [str(LIBRARY), os.environ.get("PYTHONPATH")]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "IPYTHONDIR": folder,
        }
        manager = AsyncKernelManager(
            # a socket in a folder of our own: no port that others could reach
            transport="ipc",
            connection_file=os.path.join(folder, "kernel.json"),
            # this Python's kernel, whatever kernels the user has installed
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        )
        client = NotebookClient(notebook, km=manager, record_timing=False, timeout=None)
        try:
            client.execute(env=environment, cleanup_kc=True)
        except CellExecutionError as error:
            logging.error("%s", strip_ansi(str(error)))
            raise UserError(f"the notebook stopped: {error.ename}: {error.evalue}") from None
    return settled(notebook)


def settled(notebook: NotebookNode) -> NotebookNode:
    """A notebook without what differs from run to run or from machine to machine.

    Cells are numbered, an output stays in its richest form, and warnings go to the log.
    """
    notebook.metadata = NotebookNode(
        kernelspec=KERNEL, language_info={"name": "python", "file_extension": ".py"}
    )
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index:03d}"
        cell.metadata = NotebookNode(
            {name: value for name, value in cell.metadata.items() if name == "tags"}
        )
        kept = []
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                logging.warning("%s: %s", cell.id, output["text"])
                continue
            if "data" in output:
                form = next(form for form in RICHEST if form in output["data"])
                output["data"] = {form: output["data"][form]}
            kept.append(output)
        if cell.cell_type == "code":
            cell.outputs = kept
    return notebook


def text(notebook: NotebookNode) -> str:
    """A notebook as the text of an .ipynb file."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def heading(notebook: NotebookNode) -> str:
    """The notebook's title: the heading that its first cell opens with."""
    return notebook.cells[0].source.partition("\n")[0].removeprefix("# ")


def body(notebook: NotebookNode, templates: str | Path) -> str:
    """A notebook's cells as HTML without its title, for the page to frame."""
    shown = NotebookNode(notebook)
    first = NotebookNode(notebook.cells[0])
    first.source = first.source.partition("\n")[2]
    shown.cells = [first, *notebook.cells[1:]]
    exporter = HTMLExporter(
        template_file=str(Path(templates, CELLS).resolve()),
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    return exporter.from_notebook_node(shown)[0].strip()
