"""The paper's claims, each with an experiment of a size that one machine can run."""
