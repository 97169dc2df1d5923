//! How do people write records? RDATA and record lines in presentation form, by way of hickory-proto.
