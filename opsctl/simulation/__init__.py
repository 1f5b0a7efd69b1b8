"""Load on the feed: visitors that are counted, and what they saw."""
