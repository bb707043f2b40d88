"""What the tests share: languages, kernels that misbehave, and hosts to drive."""
