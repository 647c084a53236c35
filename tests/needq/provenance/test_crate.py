"""The crate of a run: valid by its profiles' rules, every file there with its digest.

Read as linked data with the context of resources/rocrate, so nothing is fetched. What the profiles
say MUST hold is tested here one by one; docs/rocrate.md tells of their own validator.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from needq.common.errors import UserError
from needq.common.files import file_sha256, write_json
from needq.provenance import crate
from rdflib import RDF, Graph, Namespace, URIRef
from rocrate.rocrate import ROCrate

ROOT = Path(__file__).parents[3]
CONTEXT = ROOT / "resources/rocrate/ro-crate-1.1.jsonld"
BASE = "file:///crate/"
SCHEMA = Namespace("http://schema.org/")
CONFORMS = URIRef("http://purl.org/dc/terms/conformsTo")
RUN = "made-up"
CONFIG = {
    "run": RUN,
    "model": {"source": "folder", "location": "resources/pocket-gpt2", "digests": []},
    "evaluation": {
        "text": "resources/texts/stories.txt",
        "ngram_text": "resources/pocket-gpt2/corpus.txt.bz2",
    },
    "tasks": {
        "grammar": "resources/tasks/simple/grammar.jsonl",
        "cloze": "resources/tasks/simple/cloze.jsonl",
    },
    "healing": {"run": False, "text": None},
}


def write_project(folder):
    """The project's files, and what a run leaves that the crate tells of."""
    for name in (*crate.WORKFLOW, "resources/pocket-gpt2", "resources/texts", "resources/tasks"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    (folder / "docs").mkdir()
    for name in ("Snakefile", *crate.DOCUMENTS):
        shutil.copy(ROOT / name, folder / name)
    results = folder / "results" / RUN
    for name in ("tables/a.tsv", "figures/a.svg", "pages/a.html", "report.html", "tables/.partial"):
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text(f"content of {name}\n")
    record = {"needq": "0.1.0", "config": CONFIG, "platform": "Linux", "cuda": "no"}
    write_json(results / "provenance.json", record)
    write_json(results / "backup/manifest.json", {"files": {}})
    write_json(results / "generate/huge.json", {})
    (results / "logs/score").mkdir(parents=True)
    (results / "logs/backup.log").write_text("2026-01-02 03:04:05,678 root: Python\n")
    last = time.strftime("%Y-%m-%d %H:%M:%S,000 root: done\n")
    (results / "logs/score/x.log").write_text(f"2026-01-02 03:05:00,000 root: Python\n{last}")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return write_project(tmp_path_factory.mktemp("crate") / "project")


@pytest.fixture(scope="module")
def written(project):
    target = project / "results" / RUN / "rocrate"
    count = crate.write(project, RUN, target)
    assert count == sum(file.is_file() for file in target.rglob("*")) > 100
    return target


@pytest.fixture(scope="module")
def metadata(written):
    return json.loads((written / "ro-crate-metadata.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def entities(metadata):
    found = {entity["@id"]: entity for entity in metadata["@graph"]}
    assert len(found) == len(metadata["@graph"])
    return found


@pytest.fixture(scope="module")
def graph(metadata):
    """The crate as triples."""
    url, terms = metadata["@context"]
    assert url == "https://w3id.org/ro/crate/1.1/context"
    context = json.loads(CONTEXT.read_text(encoding="utf-8"))["@context"]
    data = json.dumps(metadata | {"@context": [context, terms]})
    return Graph().parse(data=data, format="json-ld", base=BASE)


def references(value):
    """Every {"@id": ...} within a value."""
    if isinstance(value, list):
        return [found for one in value for found in references(one)]
    return [value["@id"]] if isinstance(value, dict) else []


def test_every_entity_has_a_type_and_every_reference_resolves(entities):
    """RO-Crate 1.1, appendix JSON-LD: flat, each entity with @id and @type."""
    # what another vocabulary or site names needs no entity here
    outside = {"https://w3id.org/ro/crate/1.1", "https://doi.org/10.1093/bioinformatics/bts480"}
    outside |= {"https://snakemake.readthedocs.io"}
    for entity in entities.values():
        assert entity["@type"]
        for key, value in entity.items():
            missing = set(references(value)) - set(entities) - outside
            assert not missing, f"{entity['@id']}: {key}: {missing}"


def test_every_key_and_type_means_something(metadata, graph):
    """A key that the context does not know is dropped silently when read as linked data."""
    said = {
        str(predicate).rsplit("/", 1)[-1].rsplit("#", 1)[-1] for predicate in graph.predicates()
    }
    keys = {key for entity in metadata["@graph"] for key in entity if not key.startswith("@")}
    assert keys - said == set()
    assert URIRef(crate.SHA256) in set(graph.predicates())
    counts = sum("sha256" in entity for entity in metadata["@graph"])
    assert len(list(graph.subject_objects(URIRef(crate.SHA256)))) == counts > 100


def test_descriptor_and_root(entities, graph):
    """RO-Crate 1.1, Root Data Entity: the MUSTs of the descriptor and of the root."""
    descriptor, root = URIRef(f"{BASE}ro-crate-metadata.json"), URIRef(BASE)
    assert (descriptor, RDF.type, SCHEMA.CreativeWork) in graph
    assert (descriptor, SCHEMA.about, root) in graph
    assert (descriptor, CONFORMS, URIRef("https://w3id.org/ro/crate/1.1")) in graph
    assert (root, RDF.type, SCHEMA.Dataset) in graph
    datetime.fromisoformat(entities["./"]["datePublished"])
    assert entities["./"]["name"]
    assert entities["./"]["description"]
    assert entities["./"]["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    # every data entity is linked from the root by hasPart
    files = {name for name, entity in entities.items() if "File" in entity["@type"]}
    assert files <= set(references(entities["./"]["hasPart"]))


def test_main_workflow(graph):
    """Workflow RO-Crate 1.0: mainEntity with three types and a programming language."""
    (main,) = graph.objects(URIRef(BASE), SCHEMA.mainEntity)
    assert main == URIRef(f"{BASE}Snakefile")
    types = {str(kind).rsplit("/", 1)[-1] for kind in graph.objects(main, RDF.type)}
    assert types == {"MediaObject", "SoftwareSourceCode", "ComputationalWorkflow"}
    (language,) = graph.objects(main, SCHEMA.programmingLanguage)
    (name,) = graph.objects(language, SCHEMA.name)
    assert (language, RDF.type, SCHEMA.ComputerLanguage) in graph
    assert str(name) == "Snakemake"


def test_run(graph, entities):
    """Process and Workflow Run Crate 0.5: conformsTo, and an action whose instrument it is."""
    assert set(graph.objects(URIRef(BASE), CONFORMS)) == {URIRef(url) for url in crate.PROFILES}
    for url in crate.PROFILES:
        assert (URIRef(url), RDF.type, SCHEMA.CreativeWork) in graph
    (action,) = graph.subjects(RDF.type, SCHEMA.CreateAction)
    assert (URIRef(BASE), SCHEMA.mentions, action) in graph
    assert list(graph.objects(action, SCHEMA.instrument)) == [URIRef(f"{BASE}Snakefile")]
    used = {str(one).removeprefix(BASE) for one in graph.objects(action, SCHEMA.object)}
    assert used == {
        "config.yaml",
        "resources/texts/stories.txt",
        "resources/pocket-gpt2/corpus.txt.bz2",
        "resources/tasks/simple/grammar.jsonl",
        "resources/tasks/simple/cloze.jsonl",
        "resources/pocket-gpt2/",
        f"results/{RUN}/backup/manifest.json",
    }
    made = {str(one).removeprefix(BASE) for one in graph.objects(action, SCHEMA.result)}
    names = ("tables/a.tsv", "figures/a.svg", "pages/a.html", "report.html", "provenance.json")
    assert made == {f"results/{RUN}/{name}" for name in names}
    parts = references(entities["resources/pocket-gpt2/"]["hasPart"])
    assert "resources/pocket-gpt2/model.safetensors" in parts


def test_every_file_is_there_with_its_digest_and_no_other(entities, written):
    files = {name: entity for name, entity in entities.items() if "File" in entity["@type"]}
    for name, entity in files.items():
        assert file_sha256(written / name) == entity["sha256"], name
    there = {f.relative_to(written).as_posix() for f in written.rglob("*") if f.is_file()}
    assert there - set(files) == {"ro-crate-metadata.json"}


def test_rocrate_reads_it_back(written):
    read = ROCrate(written)
    assert read.mainEntity.id == "Snakefile"
    assert read.name == "needq: do we really need Q? Run made-up"
    assert [entity.type for entity in read.contextual_entities].count("CreateAction") == 1
    assert read.root_dataset["author"]["name"] == "The needq developers"
    assert read.get("resources/texts/stories.txt")["license"].id.endswith("CC0-1.0")
    corpus = read.get("resources/pocket-gpt2/corpus.txt.bz2")
    assert corpus["encodingFormat"] == "application/x-bzip2"


def test_the_config_is_the_runs(written):
    assert yaml.safe_load((written / "config.yaml").read_text()) == CONFIG


def test_the_same_bytes_twice(project, written, tmp_path):
    crate.write(project, RUN, tmp_path / "again")
    name = "ro-crate-metadata.json"
    assert (tmp_path / "again" / name).read_bytes() == (written / name).read_bytes()
    assert str(project) not in (written / name).read_text()


def test_texts_and_tasks_of_the_config(tmp_path):
    (tmp_path / "blimp").mkdir()
    for name in ("b.jsonl", "a.jsonl"):
        (tmp_path / "blimp" / name).write_text("{}\n")
    settings = {"evaluation": {"text": "a.txt", "ngram_text": None}, "tasks": {"grammar": "blimp"}}
    expected = [tmp_path / name for name in ("a.txt", "blimp/a.jsonl", "blimp/b.jsonl")]
    assert crate.input_texts(tmp_path, settings) == expected
    trained = settings | {"healing": {"text": "b.txt"}}
    assert crate.input_texts(tmp_path, trained) == [*expected, tmp_path / "b.txt"]
    twice = settings | {"healing": {"text": "a.txt"}}
    assert crate.input_texts(tmp_path, twice) == expected


def test_times_are_the_logs(entities, tmp_path):
    action = entities[f"#run-{RUN}"]
    # the last log was written when it says so: local time is known, and with it the offset
    start = datetime.fromisoformat(action["startTime"])
    assert start.replace(tzinfo=None) == datetime(2026, 1, 2, 3, 4, 5)
    assert start.tzinfo
    assert abs(datetime.fromisoformat(action["endTime"]).timestamp() - time.time()) < 600
    (tmp_path / "a.log").write_text("2026-01-02 03:04:05,678 root: Python\nno time here\n")
    assert crate.times(tmp_path) == ("2026-01-02T03:04:05", "2026-01-02T03:04:05")
    assert crate.times(tmp_path / "nothing") == (None, None)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            {"source": "hub", "location": "a/b", "revision": "0123"},
            "https://huggingface.co/a/b/tree/0123",
        ),
        (
            {"source": "wheel", "location": "some-lm==0.1.2"},
            "https://pypi.org/project/some-lm/0.1.2/",
        ),
        ({"source": "folder", "location": "/somewhere/else"}, None),
    ],
)
def test_models_from_elsewhere_are_named_not_copied(project, model, expected):
    model = model | {"digests": [{"file": "m.safetensors", "sha256": "ab" * 32}]}
    path = project / "results" / RUN / "provenance.json"
    record = json.loads(path.read_text())
    try:
        write_json(path, record | {"config": CONFIG | {"model": model}})
        made = crate.build(project, RUN)
    finally:
        write_json(path, record)
    used = [entity.id for entity in made.get(f"#run-{RUN}")["object"]]
    assert (expected in used) if expected else len(used) == 6
    assert made.get("resources/pocket-gpt2/") is None
    if expected:
        assert f"m.safetensors (sha256 {'ab' * 32})" in made.get(expected)["description"]


def test_without_a_run_it_is_one_line(project):
    script = [sys.executable, str(ROOT / "scripts/make_crate.py"), "absent"]
    done = subprocess.run(script, cwd=project, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 1
    assert done.stderr == (
        "needq: error: no finished run in results/absent: run the workflow first (make run)\n"
    )
    with pytest.raises(UserError):
        crate.build(project, "absent")


def test_people_of_the_citation_file_are_persons():
    made = ROCrate(version="1.1")
    person = {"given-names": "Ada", "family-names": "L", "orcid": "https://orcid.org/0"}
    entity = crate._author(made, person)
    assert (entity.id, entity.type, entity["name"]) == ("https://orcid.org/0", "Person", "Ada L")
