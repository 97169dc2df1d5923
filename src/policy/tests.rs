//! Does the operator answer what is his, and send the rest where he said?
