//! StreamInventory: whole, of one moment, and no older than the position that it names.
