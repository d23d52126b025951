"""The bench of Forebay: everything behind bench/run."""
