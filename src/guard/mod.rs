//! May this packet cost us work? Returns a verdict, never writes a message.

pub mod permit;
