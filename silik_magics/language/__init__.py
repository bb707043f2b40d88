"""Text to words to lines, and back; pure: no kernel, no I/O, nothing of Jupyter."""
