"""The version of silik_magics, in one place."""

__version__ = "0.1.0"
