"""What is understood of a page."""

from pathlib import Path

import pytest

from tests.documentation.steps import Type, Write, perform, steps

PAGE = """
<!-- file: a/b.py -->

```python
one = 1
two = 2
```

Then

<!-- exits 1 -->

```
true
false
```

1. In a list:

   ```
   pwd
   ```

<!-- not run: it costs money -->

```
rm everything
```

```python
not_a_file = True
```
"""


def test_steps() -> None:
    assert list(steps(PAGE)) == [
        Write("a/b.py", "one = 1\ntwo = 2\n"),
        Type(("true", "false"), 1),
        Type(("pwd",)),
    ]


def test_an_unknown_comment() -> None:
    with pytest.raises(ValueError, match="exit 1"):
        list(steps("<!-- exit 1 -->\n\n```\nfalse\n```\n"))


def test_files(tmp_path: Path) -> None:
    perform(Write("a/b.py", "one = 1\ntwo = 2\n"), tmp_path)
    perform(Write("a/b.py", "two = 3\nfour = 4\n", begin="two"), tmp_path)
    perform(Write("a/b.py", "one = 0\n", old="one = 1"), tmp_path)
    assert (tmp_path / "a" / "b.py").read_text() == "one = 0\ntwo = 3\nfour = 4\n"
    with pytest.raises(ValueError, match="does not stand in"):
        perform(Write("a/b.py", "", old="five"), tmp_path)


def test_statuses(tmp_path: Path) -> None:
    perform(Type(("true", "false"), 1), tmp_path)
    with pytest.raises(AssertionError, match="ended with 1, not 0"):
        perform(Type(("false", "true")), tmp_path)
    with pytest.raises(AssertionError, match="ended with 0, not 1"):
        perform(Type(("true",), 1), tmp_path)
