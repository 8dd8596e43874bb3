"""Many encoders, tasks and seeds: what is missing is run, and one table shows it all."""
