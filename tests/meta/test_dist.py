"""What is handed out works where nothing else of the project is: wheel and sdist, each in a clean environment.

Marked `dist` and run by itself (`make test` does): it builds the extension twice and asks the package registry for what
pumpcore depends on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest

import pumpcore
from pumpcore.testing.programmes import plan, train

pytestmark = pytest.mark.dist

ROOT: Final = Path(__file__).resolve().parents[2]
PLAN: Final = plan(
    to_us=7_200_000_000,
    basal=[[0, 800_000], [3_600_000_000, 1_100_000]],
    trains=[train("bolus", 60_000_000, 80_000_000, 2_000_000)],
)
IN_WHEEL: Final = ("pumpcore/py.typed", "pumpcore/_kernel.pyi", "pumpcore/cli/app.py", "pumpcore/records/example.csv")


def run(*command: str | Path, cwd: Path, **more: Any) -> str:  # noqa: ANN401 - options of subprocess.run
    """Run a command; its output is the answer, and belongs to the message where it fails."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=600, **more
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("dist")
    # The Python that runs this: another would make the environment anew, under our feet.
    run("make", "dist", f"DIST={out}", f"PYTHON={sys.executable}", cwd=ROOT)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


def test_the_wheel_is_for_every_later_python_and_holds_what_it_needs(built: dict[str, Path]) -> None:
    assert "-cp311-abi3-" in built["wheel"].name
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = wheel.namelist()
    assert set(IN_WHEEL) <= set(names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    strays = [name for name in names if not name.startswith("pumpcore") or "__pycache__" in name]
    assert not strays
    assert sum("_kernel." in name and not name.endswith(".pyi") for name in names) == 1


def test_the_sdist_holds_the_kernel_and_its_lock(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "LICENSE", "README.md", "Cargo.lock", "kernel-rs/core/src/lib.rs"} <= names
    assert not {name for name in names if name.endswith((".so", ".pyd", ".pyc"))}


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_installs_and_answers(kind: str, built: dict[str, Path], tmp_path: Path) -> None:
    """The command line of the installed package gives the answer of the library here."""
    run(sys.executable, "-m", "venv", "env", cwd=tmp_path)
    binaries = tmp_path / "env" / "bin"
    # The sdist is compiled from what is in it; third-party crates that `make dist` compiled already are shared.
    environment = os.environ | {"CARGO_TARGET_DIR": str(ROOT / "target" / "dist")}
    run(binaries / "pip", "install", "--quiet", built[kind], cwd=tmp_path, env=environment)

    where = run(binaries / "python", "-c", "import pumpcore._kernel as k; print(k.__file__)", cwd=tmp_path)
    assert where.startswith(str(tmp_path))
    (tmp_path / "plan.json").write_text(json.dumps(PLAN), encoding="utf-8")
    answer = json.loads(run(binaries / "pumpcore", "schedule", "plan.json", cwd=tmp_path))
    pulses = pumpcore.schedule(PLAN)
    assert answer["pulses"] == [
        [at_us, pumpcore.CHANNELS[code], steps]
        for at_us, code, steps in zip(pulses.at_us, pulses.channel, pulses.steps, strict=True)
    ]
    assert len(answer["pulses"]) == 78
