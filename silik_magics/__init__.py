"""Any number of Jupyter kernels, in any language, driven from one notebook.

Load the magics with `%load_ext silik_magics`; from Python, start with :class:`Silik`.
Importing this package imports nothing heavy: its names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from silik_magics._version import __version__

if TYPE_CHECKING:
    from silik_magics.api import AsyncKernelHandle, AsyncSilik, KernelHandle, RunResult, Silik
    from silik_magics.errors import (
        CommandError,
        KernelDied,
        KernelTimeout,
        MissingDependency,
        RemoteError,
        SilikError,
        UnknownCommand,
    )

_HOMES = {
    "AsyncKernelHandle": "api",
    "AsyncSilik": "api",
    "CommandError": "errors",
    "KernelDied": "errors",
    "KernelHandle": "api",
    "KernelTimeout": "errors",
    "MissingDependency": "errors",
    "RemoteError": "errors",
    "RunResult": "api",
    "Silik": "api",
    "SilikError": "errors",
    "UnknownCommand": "errors",
}

__all__ = [
    "AsyncKernelHandle",
    "AsyncSilik",
    "CommandError",
    "KernelDied",
    "KernelHandle",
    "KernelTimeout",
    "MissingDependency",
    "RemoteError",
    "RunResult",
    "Silik",
    "SilikError",
    "UnknownCommand",
    "__version__",
    "load_ipython_extension",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"silik_magics.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(ip: Any) -> None:
    """Add `%silik` and `%%silik` to an IPython shell (called by `%load_ext silik_magics`)."""
    from silik_magics.ipython.extension import load

    load(ip)


def unload_ipython_extension(ip: Any) -> None:
    """Take the magics out again and stop every kernel that they started."""
    from silik_magics.ipython.extension import unload

    unload(ip)
