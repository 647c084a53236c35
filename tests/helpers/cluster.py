"""A real Slurm on this machine: Debian's slurmctld, slurmd and munged, one node, one fake GPU."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

ETC = Path("/etc/slurm")  # Debian's Slurm looks nowhere else once a job drops SLURM_CONF
LIMIT = 60  # seconds

# CPUs and memory are more than a small machine has: Slurm counts them, and enforces neither.
OURS = "# written by needq's tests\n"  # what a killed test left may be written over
SLURM_CONF = (
    OURS
    + """\
ClusterName=needq
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,defer_batch
SlurmdParameters=config_overrides
KillWait=3
MinJobAge=3600
MpiDefault=none
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000 Gres=gpu:1
PartitionName=cpu Nodes={host} Default=YES MaxTime=60
PartitionName=gpu Nodes={host} MaxTime=60
"""
)
FILES = {
    "slurm.conf": SLURM_CONF,
    # a device file that every machine has stands for the GPU's
    "gres.conf": "NodeName={host} Name=gpu File=/dev/zero\n",
    "cgroup.conf": "CgroupPlugin=cgroup/v1\n",
}


def reason_against() -> str | None:
    """Why no Slurm can be brought up here; None if one can."""
    programs = ("slurmctld", "slurmd", "munged", "sbatch")
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        return f"no {', '.join(missing)}: apt-get install --no-install-recommends slurm-wlm munge"
    if os.geteuid() != 0:
        return "Slurm's daemons are started by root alone"
    conf = ETC / "slurm.conf"
    if conf.exists() and not conf.read_text(encoding="utf-8").startswith(OURS):
        return f"this machine has a Slurm of its own ({ETC}/slurm.conf)"
    return None


@contextmanager
def slurm() -> Iterator[None]:
    """Bring Slurm up; at the end, stop its daemons and take its files away."""
    host = socket.gethostname().partition(".")[0]
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="needq-slurm-"))
        stack.callback(shutil.rmtree, folder)
        stack.push(partial(show_logs, folder))
        folder.chmod(0o755)  # munged runs as another user
        (folder / "state").mkdir()
        (folder / "munge").mkdir()
        (folder / "munge/key").write_bytes(os.urandom(128))
        (folder / "munge/key").chmod(0o600)
        for path in (folder / "munge", folder / "munge/key"):
            shutil.chown(path, "munge", "munge")
        for name, text in FILES.items():
            (ETC / name).write_text(text.format(host=host, folder=folder), encoding="utf-8")
            stack.callback((ETC / name).unlink)

        def start(*command, **options):
            """Start a daemon that ends with the block; its words go to a file in `folder`."""
            log = stack.enter_context(open(folder / f"{command[0]}.log", "w"))
            daemon = subprocess.Popen(command, stdout=log, stderr=log, **options)
            stack.callback(daemon.wait)
            stack.callback(daemon.terminate)

        socket_file = folder / "munge/socket"
        files = (f"--{kind}-file={folder}/munge/{kind}" for kind in ("key", "pid", "log", "seed"))
        start("munged", "--foreground", f"--socket={socket_file}", *files,
              user="munge", group="munge", extra_groups=[])  # fmt: skip
        wait_until(socket_file.exists, "munged")
        start("slurmctld", "-D")
        start("slurmd", "-D")
        wait_until(lambda: said("sinfo", "--noheader", "--format=%t") == "idle", "an idle node")
        yield
        said("scancel", "--user=root")
        wait_until(lambda: not said("squeue", "--noheader"), "the end of all jobs")


def show_logs(folder: Path, error_type, error, traceback) -> None:
    """Print what the daemons said if something went wrong: pytest shows it."""
    if error:
        for file in folder.glob("*.log"):
            print(f"--- {file.name}", file.read_text(errors="replace"), sep="\n")


def said(*command: str) -> str:
    """What a command of Slurm's prints."""
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def wait_until(event: Callable[[], bool], name: str) -> None:
    """Wait until `event()` is true."""
    end = time.monotonic() + LIMIT
    while not event():
        if time.monotonic() > end:
            raise TimeoutError(f"{name}: not in {LIMIT} s")
        time.sleep(0.1)
