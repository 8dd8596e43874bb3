"""Many encoders, tasks and seeds: missing results are computed, and one table shows them all."""
