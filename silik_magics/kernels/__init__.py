"""Live sub-kernels: the only folder that imports zmq and jupyter_client."""
