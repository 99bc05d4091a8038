//! The house rules, held against the code: who may import whom, how long a file may be, which errors are in
//! the catalogue, which versions stand in the tree.

mod arrows;
mod rooms;
mod sources;
mod versions;
