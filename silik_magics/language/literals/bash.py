"""How bash writes a value, and prints one back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from silik_magics.language.literals.language import Language
from silik_magics.language.literals.plain import Unfit
from silik_magics.language.literals.values import Value

_BARE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_QUOTED = re.compile(r"[ -&(-\[\]-~]*")  # printable ASCII without ' and \

# An array, or a variable with attributes such as integer, would take the value in its own way.
# A read-only one can not be unset, and then nothing is assigned.
_RENEW = """\
case "$(declare -p {name} 2>/dev/null)" in ""|"declare -- "*|"declare -x "*) ;; \
*) unset -v {name} ;; esac && """

# In a subshell, with its parameters for variables, so that it leaves no name behind. The parts
# are separated by NUL, which no text in bash holds, and travel as hexadecimal digits.
_SHOW = """\
(set +eu; set -- "$(declare -p {name} 2>/dev/null)"; \
[[ $1 != *=* ]] && echo "{mark}?{mark}" && exit; \
set -- "${{1#declare -}}"; set -- "${{1%% *}}"; \
printf %s "{mark}="; \
case $1 in \
*A*) printf A; ((${{#{name}[@]}})) && printf "%s\\0" "${{!{name}[@]}}" "${{{name}[@]}}" ;; \
*a*) printf a; ((${{#{name}[@]}})) && printf "%s\\0" "${{{name}[@]}}" ;; \
*) printf s; printf "%s\\0" "${{{name}}}" ;; \
esac | od -An -v -tx1 | tr -d " \\n"; \
echo "{mark}")"""  # one line: a kernel may wait for a prompt after each


class Bash(Language):
    """Bash has text, arrays of text, and arrays of text by text; numbers and booleans are text."""

    title = "bash"
    takes_nul = False

    def refusal(self, value: Value, depth: int) -> str:
        """Return why it can not hold a value, or an empty string."""
        if depth and isinstance(value, list | dict):
            return "arrays in bash hold only text"
        if isinstance(value, dict) and "" in value:
            return "keys in bash can not be empty"
        return super().refusal(value, depth)

    def assign(self, name: str, value: Value) -> str:
        """Return the source of an assignment."""
        declare = "declare -A " if isinstance(value, dict) else ""
        return f"{_RENEW.format(name=name)}{declare}{name}={self.source(value)}"

    def together(self, assignments: Sequence[str]) -> str:
        """Return several assignments as one piece of source, which ends where one fails."""
        return " && ".join(assignments)

    def text(self, value: str) -> str:
        """Return the source of a string: one line of ASCII.

        Kernels type it into an interactive bash, where a tab completes, `!` recalls history, and
        a byte that is not ASCII may be a command of the line editor.
        """
        if _BARE.fullmatch(value):
            return value
        if _QUOTED.fullmatch(value) and "!" not in value:
            return f"'{value}'"
        return "$'" + "".join(map(_byte, value.encode())) + "'"

    def items(self, value: list[Value]) -> str:
        """Return the source of an array."""
        return f"({' '.join(map(self.source, value))})"

    def mapping(self, value: dict[str, Value]) -> str:
        """Return the source of an associative array."""
        return f"({' '.join(f'[{self._key(k)}]={self.source(v)}' for k, v in value.items())})"

    def _key(self, key: str) -> str:
        # Quoted always: a bare `@` or `*` would mean all keys.
        return "$'" + "".join(map(_byte, key.encode())) + "'"

    def moving(self, cwd: str, variables: Mapping[str, str | None]) -> str:
        """Return source that changes directory and environment."""
        steps = [f"cd -- {self.text(cwd)}"] if cwd else []
        for name, value in variables.items():
            steps.append(
                f"unset -v {name}" if value is None else f"export {name}={self.text(value)}"
            )
        return " && ".join(steps)

    def showing(self, name: str, mark: str) -> str:
        """Return source that prints a variable; it leaves no name behind."""
        return _SHOW.format(name=name, mark=mark)

    def read(self, printed: str) -> Value:
        """Return the value of what was printed: text, a list of text, or a dict of text."""
        try:
            decoded = bytes.fromhex(printed).decode()
        except UnicodeDecodeError:
            raise Unfit("holds bytes that are no UTF-8") from None
        kind, parts = decoded[0], decoded[1:].split("\0")[:-1]
        if kind == "s":
            return parts[0]
        if kind == "a":
            return list[Value](parts)
        half = len(parts) // 2
        return dict(zip(parts[:half], parts[half:], strict=True))


def _byte(value: int) -> str:
    character = chr(value)
    bare = " " <= character <= "~" and character not in "'\\!"
    return character if bare else f"\\{value:03o}"
