"""The config: completed with the schema's defaults, and checked before the first job."""

import difflib
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from needq.common.errors import UserError
from needq.plan.interventions import ALL, ORDERS, SINGLE, counts, most_blocks, run_sweeps

# JSON Schema takes 12.0 for an integer, and jsonschema nan for a number
VALIDATOR = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: (
                type(value) is int or (type(value) is float and math.isfinite(value))
            ),
        }
    ),
)


def checked(config: Mapping[str, Any], schema_file: Path) -> dict[str, Any]:
    """The config with defaults filled in.

    Raises UserError, one line naming the key, if the schema or a rule across keys is broken.
    """
    schema = yaml.safe_load(schema_file.read_text(encoding="utf-8"))
    for key in _keys_not_text(config):
        raise UserError(f"config: {key}: a key must be text, in quotes if need be")
    # Snakemake's --config hands cuda=no on as text; a YAML file's no is false
    if isinstance(config, Mapping) and config.get("cuda") in ("yes", "no"):
        config = {**config, "cuda": config["cuda"] == "yes"}
    error = best_match(VALIDATOR(schema).iter_errors(config))
    if error is not None:
        raise UserError(_explain(error))
    complete = _with_defaults(config, schema)
    for problem in _problems(complete):
        raise UserError(f"config: {problem}")
    return complete


def _keys_not_text(value: Any, path: str = "") -> Iterator[str]:
    """The paths of keys that YAML reads as numbers or truth values (on, yes, 1)."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield _join(path, str(key))
            yield from _keys_not_text(item, _join(path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _keys_not_text(item, _join(path, str(index)))


def _explain(error: ValidationError) -> str:
    """One line for one violation of the schema."""
    path = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        unknown = sorted(set(error.instance) - set(known))[0]
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        return f"config: {_join(path, unknown)}: no such key; {hint}"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"config: {_join(path, missing)}: the key is missing"
    if error.validator == "minItems" and not error.instance:
        return f"config: {path}: is empty; give at least {error.validator_value}"
    if error.validator == "minLength" and not error.instance:
        return f"config: {path}: is empty"
    wanted = error.schema.get("description", "").split(".")[0]
    where = f"config: {path}" if path else "config"
    return f"{where}: {error.message}" + (f" ({wanted})" if wanted else "")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    """`value` with the defaults of its schema set, at every depth."""
    if not isinstance(value, Mapping):
        return value
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    complete = {}
    for key, item in value.items():
        inner = properties.get(key, others if isinstance(others, Mapping) else {})
        complete[key] = _with_defaults(item, inner)
        if inner.get("type") == "number":
            complete[key] = float(item)  # 1 and 1.0 are one setting
    for key, inner in properties.items():
        if key not in complete and "default" in inner:
            complete[key] = inner["default"]
    return complete


def _problems(config: Mapping[str, Any]) -> Iterator[str]:
    """What the schema cannot say: rules across keys, each in one line."""
    model = config["model"]
    if (model["source"] == "hub") != (model["revision"] is not None):
        yield "model.revision: give a commit for source hub, and null for the others"
    if model["source"] == "folder" and not os.path.isdir(model["location"]):
        yield f"model.location: there is no folder {model['location']}"
    if model["source"] == "wheel" and "==" not in model["location"]:
        yield f"model.location: {model['location']} names no version; write name==version"
    if not os.path.isfile(config["evaluation"]["text"]):
        yield f"evaluation.text: there is no file {config['evaluation']['text']}"
    last = model["blocks"] - 1
    for name, sweep in config["sweeps"].items():
        if sweep["steps"] == SINGLE and sweep["blocks"] in ORDERS and sweep["blocks"] != ALL:
            yield f"sweeps.{name}.blocks: single steps have no order; give all or a list"
        for block in [] if sweep["blocks"] in ORDERS else sweep["blocks"]:
            if block > last:
                yield f"sweeps.{name}.blocks: no block {block}; the model has blocks 0 to {last}"
        if sweep["steps"] == SINGLE and sweep["counts"] != ALL:
            yield f"sweeps.{name}.counts: single steps have no counts; give a list of blocks"
        most = most_blocks(sweep, model["blocks"])
        for count in [] if sweep["counts"] == ALL else sweep["counts"]:
            if count > most:
                yield f"sweeps.{name}.counts: {count}, but the sweep replaces {most} at most"
    yield from _sweep_problems(config)
    for index, prompt in enumerate(config["generation"]["prompts"]):
        if not prompt.strip():
            yield f"generation.prompts.{index}: is empty"
    backends = config["backends"]
    compare = config["compare"]
    named = {"compare.reference": [compare["reference"]]}
    named |= {f"compare.pairs.{index}": pair for index, pair in enumerate(compare["pairs"])}
    named["ladder.backends"] = config["ladder"]["backends"]
    if config["ladder"]["backends"]:  # none for no ladder, whatever its reference
        named["ladder.reference"] = [config["ladder"]["reference"]]
    pairs = enumerate(config["ledger"]["pairs"])
    named |= {f"ledger.pairs.{index}": pair for index, pair in pairs}
    for key, names in named.items():
        for backend in names:
            if backend not in backends:
                yield f"{key}: there is no backend {backend}; backends has {', '.join(backends)}"
    yield from _ladder_and_ledger_problems(config)
    for name, backend in backends.items():
        if backend["arithmetic"] == "exact" and backend["precision"] != "float64":
            yield f"backends.{name}.precision: exact arithmetic is in float64; say so"
        if backend["precision"] == "tf32" and backend["device"] != "cuda":
            yield f"backends.{name}.precision: tf32 is for device cuda alone"
    scored = {compare["reference"]}.union(*compare["pairs"])
    for name in sorted(scored & backends.keys()):
        exact = backends[name]["arithmetic"] == "exact"
        for sweep in config["exact_sweeps"] if exact else run_sweeps(config):
            method = config["sweeps"][sweep]["method"]
            if backends[name]["noise"] == "native" and method != "gaussian":
                yield f"backends.{name}.noise: native noise is gaussian, and sweep {sweep} is not"
    reference = backends.get(compare["reference"])
    if reference and reference["device"] == "cuda" and config["cuda"] is not True:
        yield "compare.reference: a backend on CUDA can be the reference only with cuda: yes"
    if reference and reference["arithmetic"] == "exact":
        for name in [n for n in config["full_sweeps"] if n not in config["exact_sweeps"]]:
            yield f"compare.reference: exact_sweeps lacks {name}, which the reference has to run"
    if max(compare["positions"]) >= config["generation"]["max_new_tokens"]:
        yield "compare.positions: a position lies beyond generation.max_new_tokens"


def _sweep_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """What the schema cannot say of which sweeps are run, and of probes."""
    for key in ("full_sweeps", "scored_sweeps", "exact_sweeps"):
        for index, name in enumerate(config[key]):
            if name not in config["sweeps"]:
                known = ", ".join(config["sweeps"])
                yield f"{key}.{index}: there is no sweep {name}; sweeps has {known}"
    for index, name in enumerate(config["scored_sweeps"]):
        if name in config["full_sweeps"]:
            yield f"scored_sweeps.{index}: {name} is one of full_sweeps, which are scored, too"
    for index, name in enumerate(config["exact_sweeps"]):
        if name not in config["full_sweeps"]:
            yield f"exact_sweeps.{index}: {name} is not one of full_sweeps"
    for key in ("structure", "meaning"):
        if not os.path.exists(config["probes"][key]):
            yield f"probes.{key}: there is no file {config['probes'][key]}"
    for index, name in enumerate(config["probes"]["backends"]):
        if name not in config["backends"]:
            yield f"probes.backends.{index}: there is no backend {name}"


def _ladder_and_ledger_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """What the schema cannot say of `ladder` and `ledger`."""
    ladder, ledger, backends = config["ladder"], config["ledger"], config["backends"]
    if ladder["reference"] in ladder["backends"]:
        yield "ladder.backends: the reference cannot be one of them"
    for name in [ladder["reference"], *ladder["backends"]] if ladder["backends"] else []:
        for factor in ("rng", "noise"):
            if backends.get(name, {factor: "keyed"})[factor] != "keyed":
                yield f"ladder: {name} would part for its own {factor}; give it {factor}: keyed"
    if not ledger["pairs"]:  # none for no ledger, whatever its other keys
        return
    for seed in ledger["noise_seeds"]:
        if seed not in config["noise_seeds"]:
            yield f"ledger.noise_seeds: {seed} is not one of noise_seeds"
    if ledger["sweep"] not in config["full_sweeps"]:
        yield f"ledger.sweep: {ledger['sweep']} is not one of full_sweeps"
        return
    sweep = config["sweeps"][ledger["sweep"]]
    most = most_blocks(sweep, config["model"]["blocks"])
    for count in ledger["blocks_replaced"]:
        if count not in counts(sweep, most):
            yield f"ledger.blocks_replaced: {count} is not one of the sweep's counts"
    if sweep["method"] != "gaussian":
        yield f"ledger.sweep: native noise is gaussian, and {ledger['sweep']} is not"


MODEL_FILES = ("config.", "generation_config.", "merges.", "special_tokens", "tokenizer", "vocab.")


def model_files(model: Mapping[str, Any]) -> list[str]:
    """The files that a model in a folder is loaded from; none for the other sources."""
    if model["source"] != "folder":
        return []
    return [
        os.path.join(model["location"], name)
        for name in sorted(os.listdir(model["location"]))
        if name.endswith(".safetensors") or name.startswith(MODEL_FILES)
    ]


def scored_backends(config: Mapping[str, Any], cuda: bool) -> list[str]:
    """The backends that `compare` names; those on CUDA only if `cuda`.

    Portable ones come first, since their rows head every table; then the config's order.
    """
    compare = config["compare"]
    names = _in_use(config, {compare["reference"]}.union(*compare["pairs"]), cuda)
    portable = portable_backends(config, names)
    return portable + [name for name in names if name not in portable]


def compared_backends(config: Mapping[str, Any], cuda: bool) -> list[str]:
    """The scored backends, and those of the ladder, which only generate and are compared."""
    named = set(scored_backends(config, cuda))
    for pair in _ladder_pairs(config):
        named.update(pair)
    return _in_use(config, named, cuda)


def _in_use(config: Mapping[str, Any], named: Iterable[str], cuda: bool) -> list[str]:
    return [
        name
        for name, backend in config["backends"].items()
        if name in named and (cuda or backend["device"] != "cuda")
    ]


def _ladder_pairs(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    ladder = config["ladder"]
    return [(ladder["reference"], name) for name in ladder["backends"]]


def portable_backends(config: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Those of the named backends whose texts are the same on every machine."""
    backends = config["backends"]
    return [
        name
        for name in names
        if backends[name]["arithmetic"] == "exact"
        and backends[name]["rng"] == backends[name]["noise"] == "keyed"
    ]


def on_cuda(config: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Whether any of the named backends computes on CUDA."""
    return any(config["backends"][name]["device"] == "cuda" for name in names)


def pairs_in_use(config: Mapping[str, Any], cuda: bool) -> list[tuple[str, str]]:
    """The pairs of backends to compare: every null control, the config's pairs, the ladder's."""
    names = compared_backends(config, cuda)
    pairs = [*map(tuple, config["compare"]["pairs"]), *_ladder_pairs(config)]
    return [(name, name) for name in names] + list(
        dict.fromkeys(pair for pair in pairs if pair[0] in names and pair[1] in names)
    )


def ladder_in_use(config: Mapping[str, Any], cuda: bool) -> list[tuple[str, str]]:
    """The ladder's pairs, as far as there are devices."""
    found = pairs_in_use(config, cuda)
    return [pair for pair in _ladder_pairs(config) if pair in found]


def ledger_in_use(config: Mapping[str, Any], cuda: bool) -> list[tuple[str, str]]:
    """The ledger's pairs, as far as there are devices."""
    pairs = config["ledger"]["pairs"]
    return [(one, two) for one, two in pairs if len(_in_use(config, (one, two), cuda)) == 2]
