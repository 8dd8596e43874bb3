"""Keep the pairs of a bitext that are likely translations of each other."""

import crosszero as cz

encoder = cz.Encoder.load("crosszero-mini-aligned")
pairs = [
    ("Open a new window.", "Ouvrir une nouvelle fenêtre."),
    ("The king saw the sea.", "Le roi a vu la mer."),
    ("The king saw the sea.", "Ouvrir une nouvelle fenêtre."),
]

sources, targets = zip(*pairs, strict=True)
cosines = (encoder.encode(sources) * encoder.encode(targets)).sum(axis=1)
for (source, target), cosine in zip(pairs, cosines, strict=True):
    print("keep" if cosine > 0.8 else "drop", f"{cosine:.2f}", source, "|", target)
