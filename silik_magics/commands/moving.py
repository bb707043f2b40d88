"""How a kernel that runs already gets another working directory and environment."""

from __future__ import annotations

from collections.abc import Mapping

from silik_magics.errors import SilikError
from silik_magics.kernels.flags import Flags
from silik_magics.kernels.kernel import Kernel
from silik_magics.language.literals import LANGUAGES

_QUIET = Flags(silent=True, store_history=False, stop_on_error=True)


async def move(kernel: Kernel, cwd: str, variables: Mapping[str, str | None]) -> bool:
    """Change a kernel's working directory and environment; say whether that was possible."""
    language = LANGUAGES.get(kernel.language)
    if language is None:
        return False
    try:
        code = language.moving(cwd, variables)
        code.encode()  # a path may be no text
        reply = await kernel.execute(code, lambda _: None, _no_answer, _QUIET) if code else None
    except (SilikError, UnicodeError):
        return False
    return reply is not None and reply.content.get("status") == "ok"


async def _no_answer(question: object) -> None:
    del question
