"""How JavaScript and TypeScript write a value, and print one back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from silik_magics.language.literals.language import EXACT, Language, c_string
from silik_magics.language.literals.values import Value

# In a kernel every cell is a script in strict mode. A name that an earlier cell declared (with let,
# var or const) would hide a global of that name, and is assigned to; any other becomes a global.
_ASSIGN = (
    "((_silik) => {{ try {{ {name} = _silik }} catch (_error) {{ "
    "if (!(_error instanceof ReferenceError)) throw _error; globalThis.{name} = _silik }} "
    "}})({value});"
)

# JSON.stringify alone makes NaN a null, and drops or empties what it does not know.
_SHOW = """(() => {
const mark = %(mark)s;
const unfit = (at, why) => { throw { silik: at + " " + why } };
const plain = (v, at, depth) => {
  if (depth > 100) unfit("", "lies deeper than 100 levels, or in itself");
  if (v === null || typeof v === "boolean" || typeof v === "string") return v;
  if (typeof v === "number")
    return Number.isFinite(v) ? v : unfit(at, "is " + v + ", a number that JSON has not");
  if (Array.isArray(v) || (ArrayBuffer.isView(v) && typeof v.length === "number"))
    return Array.from(v, (item, i) => plain(item, at + "[" + i + "]", depth + 1));
  const made = typeof v === "object" ? Object.getPrototypeOf(v) : undefined;
  if (made === null || (made && Object.getPrototypeOf(made) === null)) {
    const whole = Object.create(null);
    for (const [key, item] of Object.entries(v))
      Object.defineProperty(whole, key, {
        value: plain(item, at + "[" + JSON.stringify(key) + "]", depth + 1), enumerable: true,
      });
    return whole;
  }
  const kind = typeof v === "object" ? "a " + v.constructor?.name : "of type " + typeof v;
  return unfit(at, "is " + kind
    + "; only null, booleans, numbers, strings, arrays and plain objects travel");
};
let answer = "?";
if (typeof %(name)s !== "undefined")
  try { answer = "=" + JSON.stringify(plain(%(name)s, "", 0)); }
  catch (error) { if (!error.silik) throw error; answer = "!" + error.silik; }
const ascii = answer.replace(/[^ -~]/g,
  (unit) => "\\\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"));
console.log("%%s", mark + ascii + mark);
})();"""

_RESERVED = """arguments await break case catch class const continue debugger default delete do else
enum eval export extends false finally for function if implements import in instanceof interface let
new null package private protected public return static super switch this throw true try typeof
undefined var void while with yield"""


class JavaScript(Language):
    """JavaScript has one kind of number, so `5.0` comes back as `5`."""

    title = "JavaScript"
    comment = "//"
    names = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
    reserved = frozenset(_RESERVED.split())
    null = "null"
    special: ClassVar[Mapping[str, str]] = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    largest = EXACT - 1

    def assign(self, name: str, value: Value) -> str:
        """Return the source of an assignment."""
        return _ASSIGN.format(name=name, value=self.source(value))

    def text(self, value: str) -> str:
        """Return the source of a string."""
        return c_string(value)

    def mapping(self, value: dict[str, Value]) -> str:
        """Return the source of an object."""
        items = ", ".join(f"{_key(key)}: {self.source(item)}" for key, item in value.items())
        return f"{{{items}}}"

    def moving(self, cwd: str, variables: Mapping[str, str | None]) -> str:
        """Return source that changes directory and environment; Deno's way of it."""
        steps = [f"Deno.chdir({self.text(cwd)});"] if cwd else []
        for name, value in variables.items():
            steps.append(
                f"Deno.env.delete({self.text(name)});"
                if value is None
                else f"Deno.env.set({self.text(name)}, {self.text(value)});"
            )
        return "\n".join(steps)

    def showing(self, name: str, mark: str) -> str:
        """Return source that prints a variable; it leaves no name behind."""
        return _SHOW % {"name": name, "mark": c_string(mark)}


def _key(key: str) -> str:
    # A bare "__proto__" would set the prototype.
    return f"[{c_string(key)}]" if key == "__proto__" else c_string(key)
