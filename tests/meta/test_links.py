"""Every relative link in the documents points to a file of the project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINK: Final = re.compile(r"\]\(<?([^)>\s]+)>?(?: \"[^\"]*\")?\)|^\[[^\]]+\]: *(\S+)", re.MULTILINE)
CODE: Final = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
ELSEWHERE: Final = re.compile(r"[a-z]+:|#")
"""How a link begins that leads out of the project, or stays on its page."""


def documents(root: Path) -> list[Path]:
    """List the documents whose links are checked."""
    return [root / "README.md", root / "CHANGELOG.md", *sorted(root.glob("docs/**/*.md")), *root.glob("specs/**/*.md")]


def current(path: Path) -> str:
    """Read a document; of the changelog the newest section alone, because older ones tell of older files."""
    text = path.read_text(encoding="utf-8")
    return "\n## ".join(text.split("\n## ")[:2]) if path.name == "CHANGELOG.md" else text


def relative_links(text: str) -> Iterator[str]:
    """Find the links to files; examples in code are not links."""
    for inline, reference in LINK.findall(CODE.sub(lambda code: re.sub(r"[^\n]", "x", code[0]), text)):
        link = inline or reference
        if not ELSEWHERE.match(link):
            yield link.partition("#")[0]


def broken_links(path: Path) -> list[str]:
    """List the links of a document to files that do not exist."""
    return [link for link in relative_links(current(path)) if not (path.parent / link).exists()]


def test_every_relative_link_points_to_a_file(root: Path) -> None:
    broken = {path.relative_to(root).as_posix(): links for path in documents(root) if (links := broken_links(path))}
    assert broken == {}


def test_links_are_found(root: Path) -> None:
    assert "docs/verify.md" in set(relative_links(current(root / "README.md")))
    assert sum(len(list(relative_links(current(path)))) for path in documents(root)) > 10


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("[a](x.md), [`b`](y/z.md#there) and ![c](d.png)", ["x.md", "y/z.md", "d.png"]),
        ("[a]: x.md\n", ["x.md"]),
        ("[a](https://example.org/x.md) [b](#here) [c](mailto:a@b)", []),
        ("`[a](x.md)`\n\n```\n[b](y.md)\n```\n", []),
    ],
)
def test_only_links_to_files_are_links(text: str, links: list[str]) -> None:
    assert list(relative_links(text)) == links


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[there](there.md) and [gone](gone.md#part)\n", encoding="utf-8")
    (tmp_path / "there.md").touch()
    assert broken_links(page) == ["gone.md"]


def test_older_sections_of_the_changelog_are_history(tmp_path: Path) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## 2\n\n[new](new.md)\n\n## 1\n\n[old](old.md)\n", encoding="utf-8")
    assert broken_links(changelog) == ["new.md"]
