"""A feed flipped for a long time: does every browser follow every time, and does its memory stay flat."""
