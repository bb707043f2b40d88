"""The wheel on Python 3.13, where nothing else was installed."""

from __future__ import annotations

from support.wheels import Fresh


class TestOnPython313(Fresh):
    version = "3.13"
