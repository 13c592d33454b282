"""What ``make bench`` runs. Numbers are ratios taken in one interleaved run: machines differ, ratios less."""
