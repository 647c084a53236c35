"""Write the config of a run with another model, and say what the run costs. --help says how."""

import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from needq.backup.facts import read_facts
from needq.backup.overlay import overlay_text, run_name
from needq.common.errors import PREFIX, UserError
from needq.common.files import write_text
from needq.exact.supported import lacking
from needq.plan import new_run

PROJECT = Path(__file__).resolve().parents[1]


def main(asked: new_run.Asked) -> None:
    """Write the overlay that is asked for, and print what the user has to know."""
    default = new_run.read_overlay("{}", PROJECT)
    file = new_run.free_file(asked.output or f"{run_name(asked.model, default.run)}.yaml")
    with TemporaryDirectory(prefix="needq-") as scratch:
        facts = read_facts(asked.model, Path(scratch))
    run = run_name(file.stem, default.run)
    if facts.architecture is None:
        text, said = overlay_text(facts, default, run), new_run.gaps(file, facts.unknown)
    else:
        keys = facts.architecture.keys
        write = partial(overlay_text, facts, default, run, lacking(keys))
        text, config = new_run.fitting(write, PROJECT, keys, asked.memory)
        said = new_run.said_of(file, config, keys)
    write_text(file, text)
    print(*said, sep="\n")


if __name__ == "__main__":
    try:
        main(new_run.asked(sys.argv[1:]))
    except UserError as error:
        sys.exit(f"{PREFIX}{error}")
