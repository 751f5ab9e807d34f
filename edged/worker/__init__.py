"""The worker process and the prover."""
