"""How crosszero-mini, the encoder inside the package, is made.

Text, tokeniser, pretraining, measurement, export; two commands:

    python -m scripts.mini.pretrain --data DATA --out RUN        # also trains the tokeniser
    python -m scripts.mini.export   --data DATA --run RUN --to src/crosszero/assets/crosszero-mini
"""
