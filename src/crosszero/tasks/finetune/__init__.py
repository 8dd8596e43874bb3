"""Fine-tuning on the English part of a task: sentence pairs, words, and robust losses."""
