"""Who is meant: conditions compiled to SQL, segments, computed values, lifecycle, RFM and the values that texts use."""
