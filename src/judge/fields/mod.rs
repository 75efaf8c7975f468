//! Header fields, parsed strictly into JSON values.
