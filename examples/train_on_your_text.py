"""Train an encoder on a file of sentence pairs, and see what that changed.

python examples/train_on_your_text.py corpus.en-fr.tsv run
"""

import sys

import crosszero as cz

corpus, out = sys.argv[1:3]
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 100

store = cz.prepare(corpus, out=f"{out}-samples")
cz.train("crosszero-mini", store, out=out, steps=steps, batch_size=32, learning_rate=1e-4)

rows = list(store)[:200]
for name in ("crosszero-mini", out):
    encoder = cz.Encoder.load(name)
    sources = encoder.encode([row.source for row in rows])
    targets = encoder.encode([row.target for row in rows])
    first = (sources @ targets.T).argmax(axis=1) == range(len(rows))
    print(f"{name}: {100 * first.mean():.0f} % of the first {len(rows)} sentences are found")
