"""Draw results: tables, pictures, and one HTML page that needs nothing beside it.

Nothing here knows what an experiment is. Tables and the page need nothing beyond the base install;
curves need matplotlib, maps scikit-learn too (extra ``report``); maps whose points answer the
pointer need plotly.
"""
