//! Is a good run held and each fault told?
