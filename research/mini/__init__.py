"""How crosszero-mini, the encoder inside the package, is made.

Text, tokeniser, pretraining, measurement, export; two commands:

    python -m research.mini.pretrain --data DATA --out RUN        # also trains the tokeniser
    python -m research.mini.export   --data DATA --run RUN --to src/crosszero/assets/crosszero-mini
"""
