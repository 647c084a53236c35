"""Notebooks: percent scripts that are executed and shown as pages, with equal bytes every time."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

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
from needq.report.pages import Pages

LIBRARY = Path(__file__).parents[2]
# Unix has at most 107 bytes for the path of a socket, and this needs /needq-12345678/kernel-ipc-5
LONGEST_FOLDER = 70
PARAMETERS = "parameters"  # the tag of the cell that sets them
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
RICHEST = ("text/html", "text/markdown", "image/svg+xml", "text/plain")
CELLS = "notebook_cells.html.j2"  # how nbconvert shows code, in the folder of the pages' templates


def publish(
    source: str | Path,
    parameters: Mapping[str, object],
    page: Pages,
    notebook_file: str | Path,
    page_file: str | Path,
) -> None:
    """Execute the percent script `source` with these parameters; write it as notebook and page."""
    executed = execute(read(source, parameters))
    shown = page.notebook(heading(executed), body(executed, page.folder), str(source))
    write_text(page_file, shown)
    write_text(notebook_file, text(executed))


def read(source: str | Path, parameters: Mapping[str, object]) -> NotebookNode:
    """The notebook of a percent script, with these values as its parameters."""
    notebook = jupytext.read(source, fmt="py:percent")
    cells = [cell for cell in notebook.cells if PARAMETERS in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise UserError(f"{source}: needs one cell tagged {PARAMETERS}, but has {len(cells)}")
    cells[0].source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    return notebook


def execute(notebook: NotebookNode) -> NotebookNode:
    """Execute all cells in a new kernel, and make their output the same every time.

    The kernel is this Python. It works in this folder, can import this library, and leaves no
    files. UserError for the first cell that fails; the whole traceback is in the log.
    """
    with TemporaryDirectory(prefix="needq-", dir=_socket_folder()) as folder:
        paths = [str(LIBRARY), os.environ.get("PYTHONPATH")]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "IPYTHONDIR": folder,
        }
        manager = AsyncKernelManager(
            # sockets in a private folder: no port that others could reach
            transport="ipc",
            connection_file=os.path.join(folder, "kernel.json"),
            # this Python's kernel, not one that the user has installed
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        )
        client = NotebookClient(notebook, km=manager, record_timing=False, timeout=None)
        try:
            client.execute(env=environment, cleanup_kc=True)
        except CellExecutionError as error:
            logging.error("%s", strip_ansi(str(error)))
            raise UserError(f"the notebook stopped: {error.ename}: {error.evalue}") from None
    return make_reproducible(notebook)


def _socket_folder() -> str:
    """The folder for temporary files, or another if its path is too long for a kernel's sockets."""
    folders = [gettempdir(), "/tmp", "/var/tmp", "/dev/shm"]
    for folder in folders:
        if len(os.fsencode(folder)) <= LONGEST_FOLDER and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise UserError(
        f"the notebook needs a folder for its sockets: {folders[0]} has a path of more than "
        f"{LONGEST_FOLDER} bytes, and /tmp is not writable; set TMPDIR to a shorter one"
    )


def make_reproducible(notebook: NotebookNode) -> NotebookNode:
    """A notebook without anything that differs between runs or machines.

    Cells are numbered, each output keeps its richest form, and warnings go to the log.
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
    """The title of a notebook: the heading at the start of its first cell."""
    return notebook.cells[0].source.partition("\n")[0].removeprefix("# ")


def body(notebook: NotebookNode, templates: str | Path) -> str:
    """The cells of a notebook as HTML, without its title, which the page shows."""
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
