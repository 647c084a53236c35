"""Notebooks: each executes on a run, says what its tables say, and leaves the same bytes twice."""

import base64
import hashlib
import math
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import fake_run
import fake_tables
import nbformat
import psutil
import pytest
from needq.common import published, schemas, tables
from needq.common.errors import UserError
from needq.report import cells, notebooks, pages
from page_reader import Reader

ROOT = Path(__file__).parents[3]
TEMPLATES = sorted((ROOT / "report/templates").iterdir())
PAGE_SCRIPT = ROOT / "report/templates/page.js"
WALK, HEADLINE = ROOT / "report/notebooks/walk.py", ROOT / "report/notebooks/headline.py"


def page_of(notebook):
    maker = pages.Pages(TEMPLATES, "fake", ["cpu", "cpu_float64"], cuda=False)
    body = notebooks.body(notebook, maker.folder)
    return maker.notebook(notebooks.heading(notebook), body, "report/notebooks/x.py")


SWEEPS = {
    "cumulative": "W_Q of the first blocks: Gaussian noise",
    "keys": "W_K of the first blocks: Gaussian noise",
    "single": "W_Q, one block at a time: Gaussian noise",
}


def walked(run, names=None, cuda=False):
    parameters = {"RUN": str(run), "TABLES": names, "CUDA": cuda}
    parameters |= {"SWEEP": "cumulative", "N_BLOCKS": 12, "NAMES": SWEEPS}
    return notebooks.execute(notebooks.read(WALK, parameters))


def again(run, chunks=None):
    """The headline notebook, executed."""
    return notebooks.execute(notebooks.read(HEADLINE, {"RUN": str(run), "CHUNKS": chunks}))


def shown(notebook):
    """The words on a notebook's page without its code."""
    parts = page_of(notebook).split("<details>")
    return " ".join(Reader("".join(p.split("</details>")[-1] for p in parts)).text.split())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fake_tables.write_run(folder)
    return folder


@pytest.fixture
def copy(run, tmp_path):
    return Path(shutil.copytree(run, tmp_path / "run"))


@pytest.fixture(scope="module")
def walk(run):
    return walked(run)


@pytest.fixture(scope="module")
def headline(run):
    return again(run)


def test_the_walk_says_what_the_tables_say(walk, run):
    text = shown(walk)
    table = published.read_table(run / "tables/degradation.tsv")
    cpu = table[table["backend"] == "cpu"].set_index("blocks_replaced")
    one, cost = cpu.loc[1], cpu["rise"]
    interval = " to ".join(f"{one[f'rise_{end}']:#.3g}" for end in ("low", "high"))
    assert f"One block replaced raises it by {one['rise']:#.3g} ({interval})" in text
    assert f"{100 * cost[1] / cost[12]:#.3g}".rstrip(".") + "% of what 12 blocks cost" in text
    assert "texts are identical. So what differs below is no accident of a run." in text
    steep = cpu["nll"].diff().idxmax()
    assert f"The steepest step is from {steep - 1} to {steep} block" in text
    labelled = cpu["label"][7:10]
    assert (
        f"repetitive: {sum(labelled == 'repetitive')} of the 3 steps there have this label" in text
    )
    first, last = (cells.number(cpu["cloze"][count]) for count in (0, 12))
    assert f"by the number of candidates) goes from {first} (" in text
    assert f" to {last} (" in text
    assert "12 blocks, and in each block W_Q has 1,024 weights" in text


def test_what_a_run_lacks_is_left_out(walk, run):
    text = shown(walk)
    assert "This run used no GPU." in text
    assert "so no claim is decided here" in text
    for absent in (
        "what each cause does",
        "predicted flips",
        "costs most",
        "Other matrices",
        "n-gram",
    ):
        assert absent not in text
    least = shown(walked(run, ["degradation", "divergence_summary"], cuda=True))
    assert "no GPU" not in least
    assert "W_Q has" not in least
    assert "earlier or later" not in least


def test_what_other_configs_add_has_its_sections(copy):
    fake_tables.write_more(copy)
    text = shown(walked(copy))
    assert "C1, supported. One block replaced: still coherent." in text
    assert "n too small" in text
    assert "one and two: 100% of 42 texts diverge. Shares of the causes: token draws 50%" in text
    assert "cpu_keyed: 40 of 366 texts diverge; predicted 42.5" in text
    assert text.count("as predicted.") == 2
    assert text.count("not as predicted.") == 1
    assert "block 2 costs most" in text
    assert "∞" in text
    others = "Other matrices, other replacement methods and other orders of blocks"
    assert f"{others} (backend cpu_float64)" in text
    assert "The model predicts worse than a 5-gram: from 1 block on; a 4-gram: from 1 block" in text
    assert "a bigram: from 2 blocks on; a unigram: from" in text


def test_sweeps_have_words_in_place_of_ids(copy):
    """In sentences, tables and answers, and in figures, whose SVG has each text as a comment."""
    fake_tables.write_more(copy)
    walk = walked(copy)
    drawn = re.findall("<!-- (.*?) -->", page_of(walk))
    for text in (shown(walk), " ".join(answers(walk).values()), " ".join(drawn)):
        assert "W_K of the first" in text
        assert not re.search(r"\b(keys|cumulative)\b|sweep .?single", text)
    assert "Gaussian noise" in drawn
    assert "Blocks differ (W_Q, one block at a time: Gaussian noise)" in shown(walk)


def test_a_sweep_without_words_is_called_by_its_id(copy):
    fake_tables.write_more(copy)
    parameters = {"RUN": str(copy), "TABLES": None, "CUDA": False}
    parameters |= {"SWEEP": "cumulative", "N_BLOCKS": 12, "NAMES": {}}
    assert "in keys" in shown(notebooks.execute(notebooks.read(WALK, parameters)))


def test_no_page_loads_or_runs_anything(walk, headline):
    for page in map(page_of, (walk, headline)):
        reader = Reader(page)
        assert not {"img", "link", "iframe", "object", "math"} & set(reader.tags)
        links = [value for name, value in reader.values if name.endswith(("href", "src"))]
        assert all(link.startswith("#") or link == "../index.html" for link in links)
        assert "@import" not in page
        assert "url(http" not in page
        assert not [name for name, _ in reader.values if name.startswith("on")]
        # the page's own script, and no other
        (script,) = re.findall("<script>(.*?)</script>", page, re.S)
        assert script.strip() == PAGE_SCRIPT.read_text(encoding="utf-8").strip()
        assert reader.tags.count("script") == 1
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        assert ("content", f"{policy}; script-src 'sha256-{digest}'") in reader.values


def test_hostile_text_is_shown_as_text(walk):
    page = page_of(walk)
    assert "&lt;script&gt;alert" in page
    assert page.count("<script") == 1
    assert "<img" not in page


def test_the_same_bytes_twice_and_no_trace_of_the_machine(walk, headline, run):
    for first, second in ((walk, walked(run)), (headline, again(run))):
        text = notebooks.text(first)
        assert notebooks.text(second) == text
        assert page_of(second) == page_of(first)
        assert "object at 0x" not in text
        assert "<IPython" not in text
        assert 'Z"' not in text
        # but for the folder that this test hands over as an absolute path
        assert str(ROOT) not in text
        assert "/tmp" not in text.replace(str(run), "")
        nbformat.validate(nbformat.reads(text, as_version=4))


def test_no_process_is_left(walk, headline):
    assert [p for p in psutil.Process().children(True) if "ipykernel" in str(p.cmdline())] == []


def test_headline_agrees_with_the_published_table(headline, run):
    table = published.read_table(run / "tables/degradation.tsv")
    assert f"All {7 * len(table)} means agree" in shown(headline)


@pytest.mark.parametrize("measure", ["nll", "rise", "seq_rep_4", "pristine_nll"])
def test_headline_fails_on_a_number_that_does_not_follow(copy, measure):
    table = published.read_table(copy / "tables/degradation.tsv")
    table.loc[3, measure] += 1e-4
    tables.write_table(copy / "tables/degradation.tsv", table, tables.MEASURED)
    with pytest.raises(UserError, match=f"{measure} differs in {table['intervention'][3]}"):
        again(copy)


def test_headline_copes_with_short_texts_and_with_sweeps_without_texts(copy):
    for file in copy.glob("generate/*/first/*.parquet"):
        rows = tables.read_rows(file)
        for row in rows[40::17]:
            row["tokens"] = row["tokens"][:2]
        for row in rows:  # a prompt of which one noise leaves no 4-gram at all
            if (row["noise_seed"], row["prompt"], row["blocks_replaced"]) == (1, 2, 5):
                row["tokens"] = row["tokens"][:3]
        tables.write_rows(file, rows, schemas.TEXTS)
    for file in copy.glob("score/*/first/*.evaluation.parquet"):
        rows = tables.read_rows(file)
        names = {"sweep": "keys", "intervention": "k/keys/00"}
        rows += [row | names for row in rows if row["blocks_replaced"] == 0]
        tables.write_rows(file, rows, schemas.EVALUATION)
    table = fake_tables.degradation(copy)
    assert list(table.loc[table["sweep"] == "keys", "texts"]) == [0, 0]
    tables.write_table(copy / "tables/degradation.tsv", table, tables.MEASURED)
    assert f"All {7 * len(table) - 3 * 2} means agree" in shown(again(copy))


def test_headline_reads_the_chunks_that_it_is_given(copy):
    for backend in fake_tables.BACKENDS:
        for stage, ending in (("generate", ""), ("score", ".texts"), ("score", ".evaluation")):
            first = copy / stage / backend / "first"
            shutil.copy(first / f"{0:012x}{ending}.parquet", first / f"stale{ending}.parquet")
    with open(copy / "generate/cpu/first/stale.parquet", "wb") as file:
        file.write(b"not parquet")
    chunks = {name: [f"{0:012x}"] for name in fake_tables.BACKENDS}
    assert "means agree" in shown(again(copy, chunks))


@pytest.mark.parametrize("source", [WALK, HEADLINE], ids=lambda path: path.name)
def test_its_script_opens_in_jupyter(source, run, tmp_path):
    """As a user has it: converted beside the script, run from there on the default run."""
    folder = tmp_path / "report/notebooks"
    folder.mkdir(parents=True)
    (tmp_path / "Snakefile").touch()
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    (tmp_path / "results").mkdir()
    (tmp_path / "results/pocket-gpt2").symlink_to(run)
    shutil.copy(source, folder)
    command = ["jupytext", "--to", "ipynb", source.name]
    subprocess.run([sys.executable, "-m", *command], cwd=folder, check=True, capture_output=True)
    notebook = folder / f"{source.stem}.ipynb"
    command = ["nbconvert", "--to", "notebook", "--execute", "--inplace", notebook.name]
    subprocess.run([sys.executable, "-m", *command], cwd=folder, check=True, capture_output=True)
    cells = nbformat.read(notebook, as_version=4).cells
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code")
    assert notebooks.heading(nbformat.read(notebook, as_version=4)) in source.read_text()


def test_a_script_needs_one_cell_of_parameters(tmp_path):
    script = tmp_path / "none.py"
    script.write_text("# %%\nx = 1\n")
    with pytest.raises(UserError, match="one cell tagged parameters, but has 0"):
        notebooks.read(script, {})


def test_what_differs_from_run_to_run_is_removed():
    cell = nbformat.v4.new_code_cell("1", id="random", metadata={"execution": {"at": "now"}})
    cell.outputs = [
        nbformat.v4.new_output("stream", name="stderr", text="/some/path: warning"),
        nbformat.v4.new_output(
            "display_data", {"text/plain": "<X at 0x7f>", "image/svg+xml": "<svg/>"}
        ),
    ]
    notebook = notebooks.make_reproducible(nbformat.v4.new_notebook(cells=[cell]))
    assert cell.id == "cell-000"
    assert cell.metadata == {}
    assert [output["data"] for output in cell.outputs] == [{"image/svg+xml": "<svg/>"}]
    assert "version" not in notebook.metadata.language_info


def test_the_made_up_run_has_texts_that_must_be_escaped(run):
    assert fake_run.HOSTILE in set(published.read_table(run / "tables/degradation.tsv")["example"])


def test_a_long_folder_for_temporary_files_is_no_obstacle(tmp_path, monkeypatch):
    """A socket's path has at most 107 bytes."""
    folder = tmp_path / ("x" * 140)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    cell = nbformat.v4.new_code_cell("print(6 * 7)")
    executed = notebooks.execute(nbformat.v4.new_notebook(cells=[cell]))
    assert executed.cells[0].outputs[0]["text"] == "42\n"
    assert list(folder.iterdir()) == []


def test_without_a_folder_for_sockets_the_notebook_says_so(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/" + "x" * 140)
    monkeypatch.setattr(notebooks.os, "access", lambda folder, mode: False)
    with pytest.raises(UserError, match=r"a path of more than 70 bytes, and /tmp is not writable"):
        notebooks.execute(nbformat.v4.new_notebook(cells=[]))


def test_a_cut_file_is_named(copy):
    for run, pattern in (
        (again, "generate/cpu/first/*.parquet"),
        (walked, "tables/degradation.tsv"),
    ):
        file = next(copy.glob(pattern))
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
        line = (
            rf"the notebook stopped: .*{re.escape(str(file))}: is damaged or cut short \(.*again$"
        )
        with pytest.raises(UserError, match=line):
            run(copy)
        file.write_bytes(content)


def answers(notebook):
    """The answers of the walk's exercises, folded, by their numbers."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            html = output.get("data", {}).get("text/html", "")
            match = re.fullmatch(
                r"<details><summary>answer (\d)</summary>((?:<p>[^<]*</p>)+)</details>", html
            )
            if match:
                found[int(match[1])] = " ".join(re.findall("<p>(.*?)</p>", match[2]))
    return found


def test_the_exercises_compute_their_answers(copy):
    fake_tables.write_more(copy)
    walk = walked(copy)
    table = published.read_table(copy / "tables/degradation.tsv")
    wide = table[table["backend"] == "cpu_float64"]
    curve = wide[wide["sweep"] == "cumulative"].set_index("blocks_replaced")
    alone = wide[wide["block"].notna()].set_index("block")["rise"]
    text, found = shown(walk), answers(walk)
    assert [int(n) for n in re.findall(r"Exercise (\d)[. ]", text)] == list(found)
    assert set(found) >= {3, 4, 5, 6, 7, 8}
    assert f"Block {alone.idxmin():.0f} costs least" in found[4]
    assert f"{alone.idxmax():.0f} most" in found[4]
    count = curve.index[(curve.index > 0) & (curve.index <= 12)].max()
    total = alone[alone.index < count].sum()
    together = curve.loc[count, "rise"]
    said = f"{cells.number(total)} in all. Together: {cells.number(together)}, "
    assert said + f"{cells.number(together / total)} times as much." in text
    start = curve.index[curve["rise_low"] > 0.1].min()
    assert f"The 95% interval of the rise is above 0.1 from {start} block" in text
    factor = cells.number(math.exp(together))
    assert f"For one token it is a factor of {factor}: as if" in found[8]


def test_exercises_without_their_tables_are_left_out(run, walk):
    assert set(answers(walk)) >= {1, 2, 3, 7, 8}
    assert not {4, 5, 6} & set(answers(walk))
    text = shown(walk)
    assert "Exercise 3" in text
    assert "Exercise 4" not in text


def test_each_exercise_has_a_setting_to_change():
    source = WALK.read_text(encoding="utf-8")
    settings = re.findall(r"^# %%\n([A-Z_]+) = \S+  # change me: ", source, re.M)
    assert len(settings) == len(set(settings)) == 7  # exercises 1 and 2 share theirs


OTHER_SETTINGS = {"PAIR": 5, "READ_AT": 99, "BLOCK": 0, "FIRST": 1, "OTHER": 9, "SMALLEST": 1e9}
OTHER_SETTINGS |= {"TOKENS": 3}


def test_settings_may_be_changed(copy):
    fake_tables.write_more(copy)
    text = WALK.read_text(encoding="utf-8").replace("Path.cwd()", f"Path({str(ROOT)!r})")
    for name, value in OTHER_SETTINGS.items():
        text, count = re.subn(rf"^{name} = \S+  # change", f"{name} = {value}  #", text, flags=re.M)
        assert count == 1
    (copy / "walk.py").write_text(text, encoding="utf-8")
    parameters = {"RUN": str(copy), "TABLES": None, "CUDA": False}
    parameters |= {"SWEEP": "cumulative", "N_BLOCKS": 12, "NAMES": SWEEPS}
    walk = notebooks.execute(notebooks.read(copy / "walk.py", parameters))
    assert set(answers(walk)) >= {3, 4, 5, 6, 7, 8}
    assert "above 1e+09 from no number of blocks on" in shown(walk)
    assert "for a text of 3 tokens?" in shown(walk)
