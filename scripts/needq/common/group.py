"""A group of config keys, as a pydantic model that refuses other keys."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from needq.common import values


class Settings(BaseModel):
    """A group of keys: other keys are refused, and values are never changed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        defer_build=True,  # a job uses few of these models
    )

    def changed(self, **changes: Any) -> Self:
        """The same settings with some values replaced; unchecked."""
        return self.model_copy(update=changes)


class Analysis(Settings):
    """A group for an analysis that most runs leave out."""

    run: values.Flag = False
    """Whether the analysis is run. If not, the other keys of the group mean nothing."""
