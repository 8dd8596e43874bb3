"""Lines that mean the same in two texts that are not parallel, best first."""

import crosszero as cz

encoder = cz.Encoder.load("crosszero-mini-aligned")
english = ["The cat sleeps.", "Open a new window.", "The king saw the sea.", "It rains."]
french = ["Le roi a vu la mer.", "Bonjour tout le monde.", "Ouvrir une nouvelle fenêtre."]

for score, source, target in cz.mine(encoder, english, french):
    print(f"{score:.2f}  {source}  =  {target}")
