"""Losses that make a sentence classifier robust to shifted embeddings, with English data alone.

The words of another language have other embeddings than their English translations. A model that
gives the same answer in a neighbourhood of English embeddings has a better chance to give it there
(docs/method.md, Related methods).

In all of them the neighbourhood is an L2 ball around each word's input embedding. Special tokens,
which all languages share, and padding stay where they are. Radii are given as shares of the mean
length of the encoder's token embeddings at the start, so that one setting fits encoders of any
scale. The defaults are not the papers'.

The functions of this folder share their first arguments: `model` is a classification model,
`inputs_embeds` (batch, tokens, H) are the embeddings of its input, `labels` (batch,), `rest` is
what else it takes (``attention_mask``, ``token_type_ids``, each (batch, tokens)), `movable` (batch,
tokens) bool says which tokens may be moved, and `radius`, a length, bounds the ball.
"""

from crosszero.tasks.finetune.robust.adversarial import adversarial_loss, find_worst
from crosszero.tasks.finetune.robust.ball import measure_scale
from crosszero.tasks.finetune.robust.choice import make_loss, vote
from crosszero.tasks.finetune.robust.ear import EarTerms, measure_ear, push_embeddings
from crosszero.tasks.finetune.robust.smoothing import smoothing_loss, vote_noisy

__all__ = [
    "EarTerms",
    "adversarial_loss",
    "find_worst",
    "make_loss",
    "measure_ear",
    "measure_scale",
    "push_embeddings",
    "smoothing_loss",
    "vote",
    "vote_noisy",
]
