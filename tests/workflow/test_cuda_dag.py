"""Backends on CUDA: in the DAG or not, decided once, and said."""

import re

import pytest


@pytest.fixture
def seen(fresh):
    """A function that tells how many devices' worth of DAG a dry run plans: its rules."""
    fresh.configure(cuda="auto")
    return fresh.planned


def test_demand_without_a_device_fails_at_once(fresh):
    fresh.configure(cuda=True)
    code, said = fresh.run("--cores", "1")
    assert code != 0
    assert said.splitlines()[-1] == (
        "needq: error: config: cuda: yes, but this machine shows no CUDA device"
    )
    assert not fresh.results.exists()


def test_auto_follows_the_devices(seen):
    # cpu, predicted_cuda, exact and cpu_keyed_bf16, and with a device cuda and exact_cuda, in two
    # processes; the ledger's pair on the CPU, and one with the device, each with two sides in two
    without, with_one = seen(NEEDQ_TEST_DEVICES="0"), seen(NEEDQ_TEST_DEVICES="1")
    counted = ("generate", "repeat", "trace_corners")
    assert [without[rule] for rule in counted] == [4, 4, 4]
    assert [with_one[rule] for rule in counted] == [6, 6, 8]


def test_no_leaves_a_device_alone(fresh):
    assert fresh.planned("--config", "cuda=no", NEEDQ_TEST_DEVICES="1") == fresh.planned()
    fresh.configure(cuda=False)
    assert fresh.planned(NEEDQ_TEST_DEVICES="1")["generate"] == 4


def test_node_without_a_device_plans_what_the_head_node_saw(seen):
    head = seen(NEEDQ_TEST_DEVICES="1")
    node = seen("--mode", "remote", NEEDQ_CUDA="yes")
    assert node == head


def test_node_with_a_device_plans_what_the_head_node_saw(seen):
    head = seen(NEEDQ_TEST_DEVICES="0")
    node = seen("--mode", "remote", NEEDQ_TEST_DEVICES="1", NEEDQ_CUDA="no")
    assert node == head


def test_node_that_was_told_nothing_refuses(fresh):
    fresh.configure(cuda="auto")
    code, said = fresh.run("--dry-run", "--cores", "1", "--mode", "remote")
    assert code != 0
    assert "NEEDQ_CUDA did not reach this job" in said.splitlines()[-1]


PROFILES = ["slurm", "generic"]


@pytest.mark.parametrize("name", PROFILES)
def test_cluster_profile_demands_yes_or_no(fresh, name):
    fresh.configure(cuda="auto")
    for mode in ("--dry-run", "--quiet"):
        code, said = fresh.run("--workflow-profile", f"profiles/{name}", mode)
        assert code != 0
        assert said.splitlines()[-1] == (
            "needq: error: config: cuda: auto looks for a device on this machine, but jobs run on "
            "others; set cuda to yes or no"
        )
    assert not fresh.results.exists()


@pytest.mark.parametrize("name", PROFILES)
def test_only_cuda_jobs_ask_for_a_gpu(fresh, name):
    """On a head node that has none."""
    fresh.configure(divergence={"precisions": {"backends": []}, "causes": {"pairs": []}})
    profile = ["--workflow-profile", f"profiles/{name}", "--config", "cuda=yes"]
    code, said = fresh.run(*profile, "--dry-run")
    assert code == 0, said
    jobs = re.split(r"^(?:local)?rule \w+:$", said, flags=re.MULTILINE)[1:]
    # some are not known before the input is there
    assert all(re.search(r" mem_mb=[\d<].* runtime=[\d<]", job) for job in jobs)
    asked = {job: set(re.findall(r"(?<=\bgpu=)\d+", job)) or {"0"} for job in jobs}
    on_cuda = {job for job in jobs if re.search("wildcards: backend=(exact_)?cuda,", job)}
    # each backend generates, keeps logits, repeats both, and scores
    assert len(on_cuda) == 8
    assert {job for job, gpus in asked.items() if gpus == {"1"}} == on_cuda
    assert {job for job, gpus in asked.items() if gpus == {"0"}} == set(jobs) - on_cuda


def test_tables_and_pages_without_a_device(rich):
    produced = rich.produced()
    for name in ("tables/degradation.tsv", "tables/divergence.tsv"):
        assert not re.search(r"\tcuda\t", produced[name].decode("utf-8"))
    for name in ("degradation", "divergence", "gallery", "provenance"):
        assert "CUDA" in produced[f"pages/{name}.html"].decode("utf-8")
