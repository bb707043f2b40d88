from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from support.pages import examples, languages, write_files

PAGE = """\
# Title

<!-- needs r -->

```python
x = 1
x
```

```text
1
```

```console
$ echo one; echo two
one
...
$ true
```

```text
silik> pwd
~/
```

<!-- not run: no reason -->
```sh
shutdown now
```

<!-- report.ipynb -->
```python
rate = 1
```

<!-- report.ipynb -->
```python
print(rate)
```

```{eval-rst}
.. py:module:: x
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_a_page_is_cells_and_commands_with_what_they_show(page: Path) -> None:
    cell, echo, true = examples(page)
    assert (cell.kind, cell.code, cell.back) == ("cell", "x = 1\nx", ["1"])
    assert (echo.kind, echo.code, echo.back) == ("command", "echo one; echo two", ["one", "..."])
    assert (true.code, true.back) == ("true", None)


def test_what_is_shown_must_be_all_that_the_page_tells(page: Path) -> None:
    cell, echo, true = examples(page)
    assert cell.fits("1\n")
    assert not cell.fits("11\n")
    assert not cell.fits("1\n2\n")
    assert echo.fits("one\ntwo\n")
    assert not echo.fits("two\n")
    assert true.fits("whatever\n")


def test_the_files_of_a_page_are_written(page: Path, tmp_path: Path) -> None:
    write_files(page, tmp_path)
    made = nbformat.read(tmp_path / "report.ipynb", as_version=4)
    assert [cell.source for cell in made.cells] == ["rate = 1", "print(rate)"]
    assert made.cells[0].metadata["tags"] == ["parameters"]


def test_a_page_names_the_languages_that_it_needs(page: Path) -> None:
    assert languages(page) == ["r"]


@pytest.mark.parametrize("block", ["```json\n{}\n```", "```text\nloose\n```", "```sh\nls\n```"])
def test_a_block_that_nobody_knows_how_to_run_is_an_error(page: Path, block: str) -> None:
    page.write_text(f"{PAGE}\n{block}\n")
    with pytest.raises(ValueError, match="does not say how to run"):
        examples(page)
