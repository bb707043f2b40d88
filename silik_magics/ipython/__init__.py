"""Door 1: `%silik`, `%%silik` and connect mode in any IPython."""
