"""Links seen: in the terminal, on one page made from a file, and on the server's page.

Both pages draw with the same scripts, ``templates/links.js`` and ``templates/list.js``. The server
needs the extra ``serve``; the rest needs nothing.
"""
