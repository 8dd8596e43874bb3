"""What an encoder is measured on: one module per task, with its data, prediction files and scores.

Scoring files needs no torch, encoding does. How an encoder is fine-tuned for XNLI, PAWS-X, UDPOS
and PANX is in :mod:`crosszero.tasks.finetune`.
"""
