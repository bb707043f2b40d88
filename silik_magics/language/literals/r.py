"""How R writes a value, and prints one back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from silik_magics.language.literals.language import EXACT, Language, alike
from silik_magics.language.literals.values import Value

# In base R, though every IRkernel has jsonlite: that one prints 15 digits, drops empty names, and
# turns what it does not know into something else.
_SHOW = r"""local({
  unfit <- function(at, ...) stop(structure(class = c("silik", "error", "condition"),
    list(message = paste0(at, " ", ...), call = NULL)))
  units <- function(n) if (n < 65536) sprintf("\\u%04x", n) else
    sprintf("\\u%04x\\u%04x", 55296L + (n - 65536L) %/% 1024L, 56320L + (n - 65536L) %% 1024L)
  text <- function(x, at) {
    if (!length(x)) return(character())
    x <- enc2utf8(x)
    if (!all(validUTF8(x))) unfit(at, "holds text that is no UTF-8")
    x <- gsub("\"", "\\\"", gsub("\\", "\\\\", x, fixed = TRUE), fixed = TRUE)
    odd <- grepl("[^\\x20-\\x7e]", x, perl = TRUE, useBytes = TRUE)
    x[odd] <- vapply(x[odd], FUN.VALUE = "", function(s) paste0(collapse = "",
      vapply(utf8ToInt(s), function(n) if (n > 31L && n < 127L) intToUtf8(n) else units(n), "")))
    paste0("\"", x, "\"")
  }
  items <- function(x, at) {
    if (is.logical(x)) parts <- ifelse(x, "true", "false")
    else if (is.character(x)) parts <- text(x, at)
    else {
      odd <- if (is.double(x)) is.nan(x) | is.infinite(x) else FALSE
      if (any(odd)) unfit(at, "is or holds ", x[odd][1], ", a number that JSON has not")
      parts <- if (is.integer(x)) sprintf("%d", x) else sprintf("%.17g", x)
    }
    parts[is.na(x)] <- "null"
    parts
  }
  joined <- function(parts, names, at) {
    if (is.null(names)) return(paste0("[", paste(parts, collapse = ","), "]"))
    if (anyNA(names)) unfit(at, "has a missing name")
    if (anyDuplicated(names)) unfit(at, "has the name ", names[anyDuplicated(names)], " twice")
    paste0("{", paste(text(names, at), parts, sep = ":", collapse = ","), "}")
  }
  json <- function(x, at, depth) {
    if (depth > 100) unfit("", "lies deeper than 100 levels")
    if (is.null(x)) return("null")
    boxed <- inherits(x, "AsIs")
    if (boxed) class(x) <- setdiff(class(x), "AsIs")
    if (is.data.frame(x)) unfit(at, "is a data frame; its columns travel, as `as.list`")
    if (is.factor(x)) { kept <- names(x); x <- as.character(x); names(x) <- kept }
    if (is.object(x)) unfit(at, "is of class ", class(x)[1],
      "; only NULL, vectors, matrices and lists travel")
    if (length(dim(x)) > 2) unfit(at, "has more than two dimensions")
    if (length(dim(x)) == 2) {
      rows <- lapply(seq_len(nrow(x)), function(i) if (is.list(x)) x[i, ] else I(as.vector(x[i, ])))
      return(json(rows, at, depth))
    }
    if (is.list(x)) {
      within <- if (is.null(names(x))) seq_along(x) else paste0("\"", names(x), "\"")
      parts <- vapply(seq_along(x), FUN.VALUE = "", function(i)
        json(x[[i]], paste0(at, "[[", within[i], "]]"), depth + 1))
      return(joined(parts, names(x), at))
    }
    if (!is.logical(x) && !is.numeric(x) && !is.character(x)) unfit(at, "is of type ", typeof(x),
      "; only NULL, vectors, matrices and lists travel")
    parts <- items(x, at)
    if (length(x) == 1 && is.null(names(x)) && !boxed) parts else joined(parts, names(x), at)
  }
  answer <- if (!exists(NAME, globalenv())) "?" else tryCatch(
    paste0("=", json(get(NAME, globalenv()), "", 0)),
    silik = function(e) paste0("!", conditionMessage(e)))
  cat(MARK, answer, MARK, "\n", sep = "")
  invisible()
})"""

_RESERVED = """break else FALSE for function if in Inf NA NA_character_ NA_complex_ NA_integer_
NA_real_ NaN next NULL repeat TRUE while"""


class R(Language):
    """R has no single values, only vectors: what has one number comes back as that number.

    A list of numbers, of text or of booleans becomes a vector, and any other a list. A vector of
    one is marked with `I()`, so that it comes back as a list of one.
    """

    title = "R"
    names = re.compile(r"(?:[A-Za-z]|\.(?![0-9]))[A-Za-z0-9._]*")
    reserved = frozenset(_RESERVED.split())
    null = "NULL"
    true = "TRUE"
    false = "FALSE"
    special: ClassVar[Mapping[str, str]] = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}
    largest = EXACT
    takes_nul = False

    def assign(self, name: str, value: Value) -> str:
        """Return the source of an assignment."""
        return f"{name} <- {self.source(value)}"

    def text(self, value: str) -> str:
        """Return the source of a string: in ASCII, for R may run in any locale."""
        return '"' + "".join(map(_character, value)) + '"'

    def real(self, value: float) -> str:
        """Return the source of a number: R's reader rounds decimal fractions twice, not these."""
        return value.hex()

    def items(self, value: list[Value]) -> str:
        """Return the source of a vector, or of a list."""
        inner = ", ".join(map(self.source, value))
        if alike(value, int, float) or alike(value, str) or alike(value, bool):
            return f"c({inner})" if len(value) > 1 else f"I({inner})"
        return f"list({inner})"

    def mapping(self, value: dict[str, Value]) -> str:
        """Return the source of a named list."""
        items = ", ".join(map(self.source, value.values()))
        names = ", ".join(map(self.text, value))
        return f"structure(list({items}), names = {f'c({names})' if value else 'character()'})"

    def moving(self, cwd: str, variables: Mapping[str, str | None]) -> str:
        """Return source that changes directory and environment."""
        steps = [f"setwd({self.text(cwd)})"] if cwd else []
        for name, value in variables.items():
            steps.append(
                f'Sys.unsetenv("{name}")'
                if value is None
                else f"Sys.setenv(`{name}` = {self.text(value)})"
            )
        return f"invisible({{{'; '.join(steps)}}})"

    def showing(self, name: str, mark: str) -> str:
        """Return source that prints a variable; it leaves no name behind."""
        code = _SHOW.replace("NAME", self.text(name))
        return code.replace("MARK", self.text(mark))


def _character(value: str) -> str:
    if value in '"\\':
        return f"\\{value}"
    if " " <= value <= "~":
        return value
    code = ord(value)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
