"""The readers of sources: the bytes of a page in, what it lists out; one module per kind of page.

Pure, each of them.
"""
