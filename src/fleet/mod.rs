//! The other replicas that share one Redis: what they purge, and who fetches for all.
