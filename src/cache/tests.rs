//! Does the cache say what it was told, while it may, and no longer?
