# Config: read strictly before Snakemake merges it, then completed and checked.
#
# INPUTS   config.yaml and its overlays
# OUTPUTS  PROJECT, SCRIPTS, CONFIG, CUDA, DEFAULT_SWEEPS; a dry run says what the run costs
import atexit
import os
import sys
from functools import cache
from pathlib import Path

import yaml

# not workflow.basedir, which is another's if this workflow is a module of theirs
PROJECT = Path(workflow.current_basedir).parent
SCRIPTS = PROJECT / "scripts"
DEFAULT_CONFIG = os.path.relpath(PROJECT / "config.yaml")
sys.path.insert(0, str(SCRIPTS))

from snakemake.cli import parse_args

from needq.backup.early import check_early
from needq.backup.kernels import check_kernels
from needq.backup.parameter_sets import check_healing
from needq.backup.replaceable import check_methods
from needq.common import errors
from needq.exact.supported import require_supported
from needq.plan import config as needq_config, cuda, estimate_lines, place
from needq.plan.config_file import check_files
from needq.plan.selection import Selection


def refused(error):
    """What ends Snakemake with the one line of an error."""
    return SystemExit(f"{errors.PREFIX}{error}")


if workflow.is_main_process:
    try:
        place.check(PROJECT, sys.executable)
        check_files([*workflow.overwrite_configfiles, DEFAULT_CONFIG])
    except errors.UserError as error:
        raise refused(error)


configfile: DEFAULT_CONFIG


@cache
def asked():
    """The arguments of the command line. Snakemake keeps them to itself until later."""
    return parse_args(None)[1]


def tells_cost():
    """Whether this is a dry run of everything that may say what the run costs."""
    arguments = asked()
    quiet = {word.name for word in arguments.quiet or ()} & {"PROGRESS", "ALL"}
    return (
        workflow.is_main_process
        and arguments.dryrun
        and set(arguments.targets) <= {"all"}
        and not quiet
    )


def cores_here():
    """The cores that jobs run on; None if they run on other machines."""
    return asked().cores or 1 if jobs_run_here() else None


def jobs_run_here():
    """Whether jobs run on this machine."""
    return not workflow.is_main_process or asked().executor in (None, "local")


def check_model(complete):
    """UserError for a model at hand that the backup, or a backend that is run, would refuse."""
    architecture = check_early(complete.model)
    if architecture is None:
        return
    backends = Selection(complete, complete.cuda is not False).backends_used
    exact = [name for name, backend in backends.items() if backend.arithmetic == "exact"]
    require_supported(architecture.keys, exact)
    check_kernels(architecture, backends)
    check_methods(architecture, complete.sweeps)
    check_healing(architecture, complete.healing)


def read_config():
    """The config, whether CUDA is run, and the sweeps of the default config.

    A mistake in the config ends with one line.
    """
    default = yaml.safe_load(Path(DEFAULT_CONFIG).read_text(encoding="utf-8"))
    overlay = workflow.config_settings.overwrite_config
    try:
        values, notes = needq_config.without_other_models_values(config, overlay, default)
        complete = needq_config.read_config(place.in_project(values, PROJECT))
        if workflow.is_main_process:
            check_model(complete)
            cuda.check_verify(complete.verify_device, asked().targets, jobs_run_here())
        on_cuda = cuda.decide(complete.cuda, workflow.is_main_process, jobs_run_here())
    except errors.UserError as error:
        raise refused(error)
    for note in notes if workflow.is_main_process else []:
        print(f"needq: note: {note}", file=sys.stderr)
    return complete, on_cuda, default.get("sweeps") or {}


CONFIG, CUDA, DEFAULT_SWEEPS = read_config()
# captions of the report read this one, so it has the defaults too
config.update(CONFIG.model_dump())

# at exit, since a dry run has a thousand lines, of which users read the last
if tells_cost():
    costs = [f"needq: {line}" for line in estimate_lines.lines(CONFIG, CUDA, cores_here())]
    atexit.register(print, *costs, sep="\n", file=sys.stderr)
