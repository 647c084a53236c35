"""Which modules of this library a script uses, so that Snakemake re-runs it when one changes."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path


def library_files(script: Path, root: Path | None = None) -> list[Path]:
    """The files of package `needq` that `script` imports, directly or through others.

    The package lies in the folder `root`, unless given that of the script. Found by reading the
    import statements, so a module named only at run time is not seen.
    """
    root = root or script.parent
    found: set[Path] = set()
    todo = [script]
    while todo:
        for file in _imported(todo.pop(), root) - found:
            found.add(file)
            todo.append(file)
    return sorted(found)


def executed(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module, without those that only a type checker reads."""
    yield tree
    nodes: Iterable[ast.AST] = ast.iter_child_nodes(tree)
    if isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
        nodes = tree.orelse
    for node in nodes:
        yield from executed(node)


@cache  # a workflow asks for the same files rule after rule
def _imported(file: Path, root: Path) -> frozenset[Path]:
    """The library files that the import statements of one file name, packages included."""
    names: set[str] = set()
    for node in executed(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    files: set[Path] = set()
    for name in names:
        parts = name.split(".")
        if parts[0] != "needq":
            continue
        for depth in range(1, len(parts) + 1):
            base = root.joinpath(*parts[:depth])
            files.update(f for f in (base.with_suffix(".py"), base / "__init__.py") if f.is_file())
    return frozenset(files)
