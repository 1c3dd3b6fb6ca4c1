"""`pumpcore advise`: what a maker's bolus calculator would suggest, with every term.

The rule of this file: figures come from `advice` and stay exact: a term that no decimal writes is shown as the fraction
that it is. A suggestion is no bolus, and nothing here delivers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from fractions import Fraction

    from rich.table import Table

    from pumpcore.therapy.calculator import Advice

__all__ = ["command"]

_EXAMPLES: Final = """\b
Example:
  pumpcore advise --carbs 60 --glucose "11.2 mmol/L" --ratio 10 --iob 0.7 \\
      --sensitivity "2.2 mmol/L" --target "5.0 to 6.5 mmol/L" --max-bolus 12
"""

_NOTES: Final = {
    "no_glucose": "No glucose value: the suggestion contains no correction.",
    "glucose_too_old": "The latest glucose value is too old to be corrected.",
    "after_low": "Glucose was low, and no later reading says that it is over: only food is counted.",
    "above_range": "Glucose is too high to be measured, and is not corrected: measure ketones first.",
    "iob_taken": "Reduced by insulin on board.",
    "iob_left": "Not all insulin on board was subtracted, by the rule of this policy.",
    "rise_permitted": "The permitted rise after the meal is not corrected.",
    "not_below_zero": "The sum is below zero: no bolus is suggested.",
    "max_bolus": "Reduced to your largest bolus.",
}


@click.command("advise", epilog=_EXAMPLES)
@click.option("--carbs", default="0", metavar="G", help="Carbohydrate of the meal, grams.", show_default=True)
@click.option("--glucose", metavar="VALUE", help='Glucose now, with its unit: "9.2 mmol/L", "166 mg/dL"; or LO, HI.')
@click.option("--ratio", required=True, metavar="G", help="Grams of carbohydrate that one unit covers.")
@click.option("--sensitivity", required=True, metavar="VALUE", help="How far one unit lowers glucose, with its unit.")
@click.option("--target", required=True, metavar="RANGE", help='Target: "5.0 to 6.5 mmol/L", or one value.')
@click.option("--iob", default="0", metavar="U", help="Total insulin on board.", show_default=True)
@click.option("--meal-iob", default="0", metavar="U", help="Part of it from meal boluses.", show_default=True)
@click.option("--correction-iob", metavar="U", help="Part of it from correction boluses.  [default: the rest]")
@click.option("--policy", default="medtronic", metavar="NAME", help="Rule of this bolus calculator.", show_default=True)
@click.option(
    "--device",
    default="medtronic-523",
    metavar="ID",
    help="Pump whose steps the bolus is rounded to.",
    show_default=True,
)
@click.option("--max-bolus", required=True, metavar="U", help="Your largest bolus.")
@click.option("--hard-low", metavar="VALUE", help="No bolus is suggested below this.  [default: 70 mg/dL, 3.9 mmol/L]")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON instead of a table.")
def command(*, as_json: bool, **given: str | None) -> None:
    """Suggest a bolus from carbohydrate and glucose, and show every term.

    The six policies are the makers' rules as far as they are known; `medtronic` is checked against records of real
    pumps. A suggestion is not a bolus: the pump proposes it, and a person confirms it.
    """
    advice, bolus_uu, device = _advise(given)
    if as_json:
        click.echo(json.dumps(_as_json(advice, bolus_uu, device), separators=(",", ":")))
        return
    from rich.text import Text  # noqa: PLC0415 - slow to load

    from pumpcore.cli.console import new_console  # noqa: PLC0415

    console = new_console()
    console.print(_table(advice, bolus_uu, device))
    for note in advice.notes:
        console.print(Text(_NOTES[note.value]))


def _advise(given: dict[str, str | None]) -> tuple[Advice, int, str]:
    """Read the options and ask; return the advice, the bolus that the device would make of it, and its id."""
    from pumpcore.devices import load  # noqa: PLC0415
    from pumpcore.errors import LimitError  # noqa: PLC0415
    from pumpcore.pump.config_file import words  # noqa: PLC0415
    from pumpcore.therapy.calculator import AdviceInputs, AdviceLimits, advise, policy  # noqa: PLC0415 - only this command needs it
    from pumpcore.therapy.glucose import MgDl, MmolL, Reading  # noqa: PLC0415
    from pumpcore.units import parse_u  # noqa: PLC0415

    text = {name: value for name, value in given.items() if value is not None}
    device = load(text["device"])
    low, high = words.glucose_range(text["target"], field="--target")
    iob_uu, meal_uu = parse_u(text["iob"], field="--iob"), parse_u(text["meal_iob"], field="--meal-iob")
    if meal_uu > iob_uu:
        raise LimitError("--meal-iob", meal_uu, iob_uu, "uu")
    correction_uu = iob_uu - meal_uu
    if "correction_iob" in text:
        correction_uu = parse_u(text["correction_iob"], field="--correction-iob")
        if correction_uu > iob_uu - meal_uu:
            raise LimitError("--correction-iob", correction_uu, iob_uu - meal_uu, "uu")
    hard_low: MgDl | MmolL = MmolL(39) if isinstance(low, MmolL) else MgDl(70)
    advice = advise(
        policy(text["policy"]),
        AdviceInputs(
            now_us=0,
            carbs_mg=words.grams(text["carbs"], field="--carbs"),
            carb_ratio_mg_per_u=words.grams(text["ratio"], field="--ratio"),
            glucose=Reading(0, words.measured(text["glucose"], field="--glucose")) if "glucose" in text else None,
            sensitivity=words.glucose(text["sensitivity"], field="--sensitivity"),
            target_low=low,
            target_high=high,
            iob_uu=iob_uu,
            meal_iob_uu=meal_uu,
            correction_iob_uu=correction_uu,
        ),
        AdviceLimits(
            max_bolus_uu=parse_u(text["max_bolus"], field="--max-bolus"),
            step_uu=device.step_uu,
            hard_low=words.glucose(text["hard_low"], field="--hard-low") if "hard_low" in text else hard_low,
        ),
    )
    bolus_uu = device.bolus_bands_uu.round_down(advice.suggested_uu)
    return advice, bolus_uu if bolus_uu >= device.bolus_uu.least else 0, device.id


def _exact(amount_uu: Fraction | int) -> str:
    """Write units: an exact decimal, or the fraction where there is none.

    Example:
        >>> from fractions import Fraction
        >>> _exact(600_000), _exact(Fraction(20_000_000, 3))
        ('0.600', '20/3')
    """
    from fractions import Fraction  # noqa: PLC0415 - as in `_advise`

    from pumpcore.units import UU_PER_U, format_u  # noqa: PLC0415

    exact = Fraction(amount_uu)
    return format_u(exact.numerator) if exact.denominator == 1 else str(Fraction(exact, UU_PER_U))


def _as_json(advice: Advice, bolus_uu: int, device: str) -> dict[str, object]:
    return {
        "policy": advice.policy,
        "device": device,
        "side": advice.side.value,
        "food_u": _exact(advice.food_uu),
        "correction_u": _exact(advice.correction_uu),
        "rise_u": _exact(advice.rise_uu),
        "iob_u": _exact(advice.iob_uu),
        "sum_u": _exact(advice.sum_uu),
        "exact_u": _exact(advice.exact_uu),
        "rounding_u": _exact(advice.rounding_uu),
        "uncapped_u": _exact(advice.uncapped_uu),
        "suggested_u": _exact(advice.suggested_uu),
        "bolus_u": _exact(bolus_uu),
        "capped": advice.capped,
        "notes": [note.value for note in advice.notes],
    }


def _shown(amount_uu: Fraction | int) -> str:
    """Write units for a person: where there is no exact decimal, its beginning and the fraction.

    Example:
        >>> from fractions import Fraction
        >>> _shown(Fraction(-20_000_000, 3))
        '-6.666.. (-20/3)'
    """
    from fractions import Fraction  # noqa: PLC0415 - as in `_advise`

    from pumpcore.units import format_u  # noqa: PLC0415

    exact = Fraction(amount_uu)
    if exact.denominator == 1:
        return _exact(amount_uu)
    thousandths = int(abs(exact)) // 1_000 * 1_000
    return f"{'-' if exact < 0 else ''}{format_u(thousandths)}.. ({_exact(amount_uu)})"


def _table(advice: Advice, bolus_uu: int, device: str) -> Table:
    from rich import box  # noqa: PLC0415 - slow to load
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    title = Text(f"Bolus advice by the policy {advice.policy}, units of insulin", style="bold")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("term")
    table.add_column("U", justify="right", no_wrap=True)
    table.add_row("food", _shown(advice.food_uu))
    table.add_row(f"correction (glucose is {advice.side.value})", _shown(advice.correction_uu))
    table.add_row("less permitted rise", _shown(-advice.rise_uu))
    table.add_row("less insulin on board", _shown(-advice.iob_uu))
    table.add_row("sum", _shown(advice.sum_uu))
    table.add_row("sum without rounding, at least zero", _shown(advice.exact_uu))
    table.add_row("lost to rounding", _shown(advice.rounding_uu))
    table.add_row("before the largest bolus", _shown(advice.uncapped_uu))
    table.add_section()
    table.add_row("suggested", _shown(advice.suggested_uu), style="bold")
    table.add_row(f"as a bolus on {device}", _shown(bolus_uu))
    return table
