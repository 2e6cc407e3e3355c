"""From the values of a YAML file, or of Python, to the types that options declare.

Nothing here raises for a wrong value: every fault is a ``Problem`` with the path of the value. Values
that are right already pass unchanged, so converting twice is converting once.

Codes: LG201 unknown option, LG202 wrong type, LG203 out of range, LG204 missing, LG205 unit missing or
wrong, LG206 not one of the choices, LG207 a trap of YAML 1.1, LG208 a secret in the file (warning), LG209 no
such file, LG210 a former name (warning), LG211 deprecated (warning).
"""

from .leaves import Steps
from .structure import convert, convert_group, convert_options

__all__ = ["Steps", "convert", "convert_group", "convert_options"]
