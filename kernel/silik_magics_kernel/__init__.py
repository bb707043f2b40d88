"""The standalone kernel `silik`: a command shell for kernels, and a gateway to one of them."""
