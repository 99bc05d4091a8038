//! The judge is judged: histories of a correct service pass, and every kind of lie in one is caught.

mod by_chance;
mod model;
mod moved;
mod planted;
mod small;
