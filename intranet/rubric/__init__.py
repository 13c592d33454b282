"""What a rubric plugin's author reads: the definition, the facts, the ledger.

Pure values and functions: no Flask, no database, nothing of a region.
"""
