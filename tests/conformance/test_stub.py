"""The stub `_kernel.pyi` is the manual of the kernel: it lists what is there, all of it, and nothing else.

mypy's stubtest (`make lint`) compares every signature with the running module; what follows needs no second tool and
says which name differs.
"""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

import pytest

from pumpcore import _kernel

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def stub(root: Path) -> ast.Module:
    return ast.parse((root / "pumpcore" / "_kernel.pyi").read_text(encoding="utf-8"))


def described(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """Names that a stub gives, but for helpers of the stub itself (type aliases and imports)."""
    names: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names[node.target.id] = node
    return names


def public(of: object) -> set[str]:
    return {name for name in vars(of) if not name.startswith("_")}


def test_the_stub_lists_what_the_module_has(stub: ast.Module) -> None:
    assert {name for name in described(stub.body) if not name.startswith("_")} == public(_kernel)


def test_the_stub_lists_what_each_class_has(stub: ast.Module) -> None:
    for name, node in described(stub.body).items():
        if isinstance(node, ast.ClassDef):
            listed = {member for member in described(node.body) if not member.startswith("_")}
            assert listed == public(getattr(_kernel, name)), name


def test_parameters_are_those_of_the_stub(stub: ast.Module) -> None:
    """Names, order and kinds, as `inspect.signature` reads them from the extension's own text."""
    compared = 0
    for owner, table in [(_kernel, described(stub.body))] + [
        (getattr(_kernel, name), described(node.body))
        for name, node in described(stub.body).items()
        if isinstance(node, ast.ClassDef)
    ]:
        for name, node in table.items():
            if not isinstance(node, ast.FunctionDef) or name.startswith("_") or node.decorator_list:
                continue
            given = inspect.signature(getattr(owner, name)).parameters.values()
            assert [(p.name, p.kind) for p in given if p.name != "self"] == parameters(node), f"{owner}.{name}"
            compared += 1
    assert compared > 0


def parameters(node: ast.FunctionDef) -> list[tuple[str, object]]:
    kinds = (
        (node.args.posonlyargs, inspect.Parameter.POSITIONAL_ONLY),
        (node.args.args, inspect.Parameter.POSITIONAL_OR_KEYWORD),
        (node.args.kwonlyargs, inspect.Parameter.KEYWORD_ONLY),
    )
    return [(arg.arg, kind) for args, kind in kinds for arg in args if arg.arg not in {"self", "cls"}]


def test_everything_in_the_stub_is_explained(stub: ast.Module) -> None:
    """A manual says what each thing does."""
    for name, node in described(stub.body).items():
        if isinstance(node, ast.ClassDef):
            assert ast.get_docstring(node), name
        for member, inner in described(node.body).items() if isinstance(node, ast.ClassDef) else ():
            if isinstance(inner, ast.FunctionDef) and not member.startswith("_"):
                assert ast.get_docstring(inner), f"{name}.{member}"
        if isinstance(node, ast.FunctionDef):
            assert ast.get_docstring(node), name
