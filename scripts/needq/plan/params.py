"""Groups of settings as params of rules: JSON text, which scripts read by `model_validate_json`.

Snakemake's report writes params as they are into a script of report.html, and a rule that starts
takes {name} in text for a wildcard. So text of the config must not reach either of them as it is.
"""

import json
import re

from needq.common.group import Settings

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&{}"}


def json_text(values: Settings | object) -> str:
    """Settings or plain values as JSON in ASCII, without <, > and &, and without braces in text."""
    plain = values.model_dump() if isinstance(values, Settings) else values
    text = json.dumps(plain, ensure_ascii=True, allow_nan=False)
    return _STRING.sub(lambda string: string[0].translate(_ESCAPES), text)
