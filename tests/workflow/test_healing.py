"""Healing: nothing unless it is asked for, and a job per model if it is."""


def test_models_are_healed_if_a_config_says_so(fresh):
    off = fresh.planned()
    fresh.configure(healing={"run": True, "parameters": ["keys", "norms"], "save": True})
    on = fresh.planned()
    # the control and two noise seeds, for each set
    added = {"draw_batches": 1, "heal": 2 * 3, "summarise_healing": 1, "show_healing": 1}
    assert on == off | added
    assert not off.keys() & added.keys()


def test_a_set_that_the_model_lacks_is_refused_at_once(fresh):
    fresh.configure(healing={"run": True, "parameters": ["queries"]})
    code, said = fresh.run("--dry-run", "--cores", "1")
    assert code != 0
    assert "healing.parameters" in said.splitlines()[-1]
