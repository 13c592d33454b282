"""The evidence volume (佐证材料汇编): one PDF of all of a unit's evidence, with contents, stamps and bookmarks.

Pure: a plan goes in, a file comes out. Who may have it, and when it is built, is ``intranet.jobs``' business.
"""
