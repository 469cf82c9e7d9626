"""Static files carry their content in their names, through the modules that import them."""

from pathlib import Path

import pytest

from fedispace.web.assets import Assets


def _folder(directory: Path, inner: str) -> Assets:
    directory.mkdir()
    (directory / "outer.js").write_text('import { a } from "./inner.js";\na();\n')
    (directory / "inner.js").write_text(inner)
    (directory / "look.css").write_text("p { margin: 0 }")
    return Assets(directory)


def test_a_change_in_a_module_renames_all_that_import_it(tmp_path: Path) -> None:
    before = _folder(tmp_path / "a", "export const a = 1;")
    after = _folder(tmp_path / "b", "export const a = 2;")
    assert before.url("inner.js") != after.url("inner.js")
    assert before.url("outer.js") != after.url("outer.js")
    assert before.url("look.css") == after.url("look.css")


def test_a_module_imports_by_the_name_that_is_served(tmp_path: Path) -> None:
    assets = _folder(tmp_path / "a", "export const a = 1;")
    outer = next(asset for asset in assets.all() if asset.url == assets.url("outer.js"))
    assert f'from "{assets.url("inner.js")}"' in outer.body.decode()


def test_a_script_goes_out_without_its_comments_and_with_its_lines(tmp_path: Path) -> None:
    assets = _folder(tmp_path / "a", '// why\n  // and how\nexport const a = "https://a.test"; // said\n')
    inner = next(asset for asset in assets.all() if asset.url == assets.url("inner.js"))
    assert inner.body.decode() == '\n\nexport const a = "https://a.test"; // said\n'


def test_modules_that_import_each_other_in_a_circle_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="circle"):
        _folder(tmp_path / "a", 'import "./outer.js";')
