"""Loads and unloads the extension; imports nothing that is not needed before the first use."""

from __future__ import annotations

import atexit
from typing import Any

from silik_magics.ipython.completer import Matcher
from silik_magics.ipython.magics import SilikMagics
from silik_magics.ipython.transformers import Connected, EmptyBody

_loaded: dict[int, Extension] = {}
_gone: list[dict[str, Any]] = []  # the kernels of those that were unloaded


class Extension:
    """What the extension put into one IPython shell."""

    def __init__(self, ip: Any) -> None:
        self.magics = SilikMagics(ip)
        self._ip = ip
        self._matcher = Matcher(self.magics)
        self._transformers = [Connected(self.magics), EmptyBody()]
        self._kernel = getattr(ip, "kernel", None)

    def install(self) -> None:
        """Add the magics, the completion, connect mode and the inspection."""
        ip = self._ip
        ip.register_magics(self.magics)
        ip.Completer.custom_matchers.append(self._matcher)
        ip.input_transformers_cleanup[:0] = self._transformers
        if self._kernel is not None:
            from silik_magics.ipython.inspection import Inspection

            # ipykernel asks its shell about a name only, never about a cell: there is no hook.
            self._kernel.do_inspect = Inspection(self.magics, self._kernel.do_inspect)
        atexit.register(self.close)

    def uninstall(self) -> None:
        """Take everything out again."""
        ip = self._ip
        atexit.unregister(self.close)
        ip.magics_manager.magics["line"].pop("silik", None)
        ip.magics_manager.magics["cell"].pop("silik", None)
        ip.magics_manager.registry.pop(type(self.magics).__name__, None)
        if self.magics in ip.configurables:
            ip.configurables.remove(self.magics)
        if self._matcher in ip.Completer.custom_matchers:
            ip.Completer.custom_matchers.remove(self._matcher)
        for transformer in self._transformers:
            if transformer in ip.input_transformers_cleanup:
                ip.input_transformers_cleanup.remove(transformer)
        if self._kernel is not None:
            vars(self._kernel).pop("do_inspect", None)
        self.close()

    def close(self) -> None:
        """Stop every kernel that was started here."""
        door = self.magics.opened
        self.magics.close()
        if door is not None:
            _gone.extend(door.shell.state.lives.rows())


class Lives:
    """The kernels that were here, for whoever asks by a `user_expressions` of the protocol."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude  # IPython's signature; there is nothing to choose from
        doors = [extension.magics.opened for extension in _loaded.values()]
        rows = [row for door in doors if door is not None for row in door.lives()]
        return {"application/json": [*_gone, *rows]}


def load(ip: Any) -> None:
    """Load the extension into an IPython shell."""
    extension = Extension(ip)
    extension.install()
    _loaded[id(ip)] = extension


def unload(ip: Any) -> None:
    """Unload the extension from an IPython shell."""
    _loaded.pop(id(ip)).uninstall()
