"""The HTML page of an experiment or of one evaluation: one file that needs nothing beside it.

A section that lacks its data says so in a sentence, so that none is empty. What the encoders
compute is cached in the folder ``report`` beside the results. Curves need matplotlib, maps also
scikit-learn (extra ``report``); maps with hover text need plotly.
"""
