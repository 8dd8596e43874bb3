"""Which word of the translation says what a word says, and how sure that is."""

import crosszero as cz

encoder = cz.Encoder.load("crosszero-mini-aligned")  # or a run, a folder, a hub id
source = ["The old king saw the sea.", "Open a new window."]
target = ["Le vieux roi a vu la mer.", "Ouvrir une nouvelle fenêtre."]

for one, other, links in zip(source, target, encoder.align(source, target), strict=True):
    print(one, "|", other)
    for word, its_like, score in links:
        print(f"  {one[slice(*word)]:10} {other[slice(*its_like)]:10} {score:.2f}")
