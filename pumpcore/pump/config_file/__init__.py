"""A pump's configuration as a TOML file that a person can read and write.

The rules of this folder: amounts and rates are text, and floats are refused; so is an unknown key. A refusal is one
line with the file, the table and what was expected. `words` reads single values, `tables` takes a table apart, `reader`
turns the tables into a `Config`. Scenarios use the same words and tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pumpcore.errors import QuantityError, RecordError

if TYPE_CHECKING:
    from pumpcore.pump.config import Config

__all__ = ["parsed", "read_config"]


def parsed(text: str, *, name: str) -> dict[str, object]:
    """Parse TOML without floats.

    Args:
        text: TOML.
        name: what an error calls the file.

    Raises:
        RecordError: it is not TOML, has a float, or is nested too deeply.
    """
    import tomllib  # noqa: PLC0415 - needed once data is read, and not for an import of the pump

    try:
        return tomllib.loads(text, parse_float=_refuse_float)
    except (tomllib.TOMLDecodeError, QuantityError) as error:
        raise RecordError(name, str(error)) from error
    except RecursionError as error:
        raise RecordError(name, "is nested too deeply") from error


def _refuse_float(text: str) -> NoReturn:
    raise QuantityError("TOML", text, 'is a float: write an amount as text ("0.8"), a count as a whole number')


def read_config(text: str, *, name: str) -> Config:
    """Read a pump's configuration; see `Config.from_toml`."""
    from pumpcore.pump.config_file.reader import ConfigReader  # noqa: PLC0415  # it makes a Config, which calls this

    return ConfigReader(name, parsed(text, name=name), text).config_alone()
