"""Office documents: rows in, bytes out.

What belongs here: writers and readers of xlsx. What does not: Flask, the database, scoring. A
caller hands over plain values and gets bytes, or the other way round.
"""
