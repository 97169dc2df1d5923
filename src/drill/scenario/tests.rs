//! Are scenario files read as the two projects mean them, and do checks fail when they should?
