"""The wheel on Python 3.12, where nothing else was installed."""

from __future__ import annotations

from support.wheels import Fresh


class TestOnPython312(Fresh):
    version = "3.12"
