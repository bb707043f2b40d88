"""Kernels forked from a process that has imported ipykernel already."""
