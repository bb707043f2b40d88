"""Where outputs are shown: what happened is data, how it is shown is decided here."""
