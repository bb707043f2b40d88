"""The standalone kernel `silik`: the language as a Jupyter kernel of its own."""
