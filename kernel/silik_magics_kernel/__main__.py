"""Runs the kernel: `python -m silik_magics_kernel -f CONNECTION_FILE`."""

from silik_magics_kernel.app import SilikApp

if __name__ == "__main__":
    SilikApp.launch_instance()
