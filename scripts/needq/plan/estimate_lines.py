"""What a run costs before it starts, in plain words: what `snakemake -n` prints."""

from collections.abc import Iterator

from needq.common.settings import Config
from needq.plan import cost
from needq.plan.at_hand import sizes_at_hand
from needq.plan.cost import Shape
from needq.plan.estimate import Run


def lines(
    config: Config, cuda: bool, cores: int | None, shape: Shape | None = None
) -> Iterator[str]:
    """What is known of a run's cost before it starts, in plain words.

    `cores` is None if jobs run on other machines. `shape` is that of the model, if it is known;
    else it is read from the model's files at hand.
    """
    shape = shape or cost.shape_of(sizes_at_hand(config))
    if shape is None:
        yield (
            f"estimate: none, since the sizes of {config.model.location} are not at hand; after "
            "the job back_up (snakemake --until back_up), -n can tell"
        )
        return
    run = Run(config, cuda, shape)
    found = run.estimate()
    time = f"{_time(found.seconds)} of one core, the longest job {_time(found.longest)}"
    if cores is not None:
        some = "1 core" if cores == 1 else f"{cores} cores"
        time = f"{_time(found.wall_seconds(cores))} on {some}"
    yield (
        f"estimate of a whole run, within a factor of two: {time}, at most "
        f"{_size(found.memory)} of memory per job, {_size(found.disk)} of disk "
        f"(results/{config.run}), and at most {_size(found.meanwhile)} more while it runs"
    )
    left_out = [name for name in run.used.used if run.used.backends[name].device != "cpu"]
    if left_out:
        yield f"estimate: without what runs on CUDA ({', '.join(left_out)}), which is not known"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def _size(megabytes: float) -> str:
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
