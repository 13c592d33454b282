"""The evidence volume (佐证材料汇编): one PDF of all of a unit's evidence, with contents, stamps and bookmarks.

Pure: a plan goes in, a file comes out. Who may have it, and when it is built, is ``intranet.jobs``' business.
"""

ENVIRONMENT = {
    "RAYON_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "MALLOC_MMAP_THRESHOLD_": "65536",
}
"""For the building process: Typst takes one processor and leaves the others to the pages; glibc gives back what is
no longer used, without which the peak is up to twice as high."""
