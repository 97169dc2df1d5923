//! Does the reply say what the response says, within its size?
